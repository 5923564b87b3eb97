// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/registry.hpp"

namespace aperture::tb::model {

/// The kind of card that `--card model` names. Keys: straps, seed, frame_run. A process may have any number of them.
card::Factory factory();

}  // namespace aperture::tb::model
