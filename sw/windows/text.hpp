// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "windows/space.hpp"

namespace aperture::sw::windows {

inline constexpr std::size_t kColumns = 100;

/// The picture for a terminal: a title, a bar of the whole space, a line for each piece, refused calls. No line is
/// longer than kColumns. `colours`: with the escape sequences of ANSI terminals, the same text otherwise.
std::string to_text(const Space& space, bool colours = false);

/// What the signs mean, one line.
std::string legend(bool colours = false);

}  // namespace aperture::sw::windows
