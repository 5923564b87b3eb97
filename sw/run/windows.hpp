// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "ioas/window.hpp"
#include "run/arguments.hpp"

namespace aperture::sw::run {

/// The windows of a `require` or `negotiate`.
std::vector<ioas::Window> windows_of(const Json& list);

/// [[first, last], ...]
Json pairs_of(const std::vector<IovaRange>& ranges);

}  // namespace aperture::sw::run
