// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ioas/report.hpp"
#include "ioas/state.hpp"
#include "ioas/window.hpp"

namespace aperture::ioas {

/// The lowest range that `window` can have: within its place, aligned, outside reservations, maps, other windows and
/// their guards; if possible outside `avoid` too (what other known devices cannot use). Same input, same answer.
std::optional<IovaRange> choose_range(const State& state, const Window& window, const RangeSet& avoid);

/// Where and how `wanted` would fit instead, nearest first.
std::vector<Alternative> alternatives(const State& state, const PlacedWindow& wanted,
                                      const std::vector<std::string>& detach_set);

}  // namespace aperture::ioas
