// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "formats/json.hpp"

namespace aperture::sw::run {

/// The form of a scenario as a JSON Schema (2020-12), made from the tables. What it cannot say: that names are
/// declared, and which keys exclude each other.
formats::Json scenario_schema();

}  // namespace aperture::sw::run
