// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "windows/space.hpp"

namespace aperture::sw::windows {

/// One drawing of all the spaces that needs nothing beside itself, for files and for pages: light or dark as its viewer
/// is, each piece with a tooltip and with its range in `data-first` and `data-last`.
std::string to_svg(std::span<const Space> spaces);

}  // namespace aperture::sw::windows
