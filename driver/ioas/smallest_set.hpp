// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace aperture::ioas {

/// The fewest of `count` things that have to go so that `accepted` is true; of several such sets the one whose first
/// member comes first, then the second. Empty if nothing helps or nothing has to go. What is accepted must stay so when
/// more goes. Where there are more than `most_tries` sets to try (beside one or two for each thing): some set of which
/// none can stay.
std::vector<bool> smallest_set(std::size_t count, const std::function<bool(const std::vector<bool>&)>& accepted,
                               std::size_t most_tries = std::size_t{1} << 16);

}  // namespace aperture::ioas
