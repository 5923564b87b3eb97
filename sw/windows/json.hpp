// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "windows/space.hpp"

namespace aperture::sw::windows {

/// The same as the picture: {"name", "devices", "alignment", "pieces": [{"first", "last", "state", ...}], "refused":
/// reports}.
nlohmann::ordered_json to_json(const Space& space);

}  // namespace aperture::sw::windows
