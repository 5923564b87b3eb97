// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ioas/allocator.hpp"
#include "ioas/report.hpp"
#include "ioas/state.hpp"
#include "ioas/window.hpp"

namespace aperture::ioas {

/// The pieces of the space in which automatic allocation looks: all but the first and the last page, of that the allow
/// list and the pool windows if there are any, without the user windows.
std::vector<SearchRange> search_ranges(const Shape& shape);

/// The lowest range that `window` can have: within its place, aligned, outside reservations, maps, other windows and
/// their guards; if possible outside `avoid` too (what other known devices cannot use). Same input, same answer.
std::optional<IovaRange> choose_range(const State& state, const Window& window, const RangeSet& avoid);

/// Where and how `wanted` would fit instead, nearest first; which devices would have to go is not among it.
std::vector<Alternative> alternatives(const State& state, const PlacedWindow& wanted);

}  // namespace aperture::ioas
