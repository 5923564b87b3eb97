// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "tb/replay/operation.hpp"

namespace aperture::tb::replay {

/// Runs one operation; its result as the format has it, null where the operation has none. EINVAL: a value that no card
/// can be given; ENOTSUP: the card cannot do it; ETIMEDOUT: it did not answer.
Result<Json> execute(BusCard& card, const Operation& operation);

}  // namespace aperture::tb::replay
