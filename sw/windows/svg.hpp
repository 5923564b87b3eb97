// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "windows/space.hpp"

namespace aperture::sw::windows {

/// One drawing of all the spaces that needs nothing beside itself: light or dark as its viewer is, each piece with a
/// tooltip and with its range in `data-first` and `data-last`.
std::string to_svg(std::span<const Space> spaces);

/// The same as an element of a page in HTML, which has svg_definitions() once, for all of its drawings.
std::string svg_in_page(std::span<const Space> spaces);
std::string svg_definitions();

}  // namespace aperture::sw::windows
