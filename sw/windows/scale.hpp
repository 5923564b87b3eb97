// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "windows/space.hpp"

namespace aperture::sw::windows {

/// How wide each piece is in a bar of `total`: `least` (as long as there is that much), and of what is then left a part
/// by the logarithm of its size, double where something is required, mapped or blocked. The sum is `total`.
std::vector<unsigned> widths(std::span<const Piece> pieces, unsigned total, unsigned least = 1);

}  // namespace aperture::sw::windows
