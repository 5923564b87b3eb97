// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace aperture::ioas {

/// Up to so many the answer is exact.
inline constexpr std::size_t kExactSet = 16;

/// The fewest of `count` things that have to go so that `accepted` is true; of several such sets the one whose first
/// member comes first, then the second. Empty if nothing helps or nothing has to go. What is accepted must stay so when
/// more goes. Beyond kExactSet things: some set of which none can stay.
std::vector<bool> smallest_set(std::size_t count, const std::function<bool(const std::vector<bool>&)>& accepted);

}  // namespace aperture::ioas
