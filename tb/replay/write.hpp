// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tb/replay/operation.hpp"

namespace aperture::tb::replay {

/// The operation as a line of a trace has it: what parse() takes. Straps are written where they are not the default.
Json to_json(const Operation& operation);

}  // namespace aperture::tb::replay
