// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"
#include "ioas/areas.hpp"
#include "ioas/range_set.hpp"

namespace aperture::ioas {

/// Automatic alignment goes no further than this, so that huge pages can be used but small maps stay close together.
inline constexpr std::uint64_t kHugePage = std::uint64_t{2} << 20;

/// Where automatic allocation may look, in this order.
struct SearchRange {
  IovaRange range;
  std::uint64_t granule{1};  ///< a power of two: address and length are multiples of it, here
};

/// The alignment that an automatic IOVA for memory at `origin` gets: that of the length rounded up to a power of two or
/// of the memory, whichever is less, and at most 2 MiB. EOVERFLOW for a length of 2^63 - 1 and more; EINVAL if it is
/// less than `required`, i.e. the memory is not aligned well enough for this IOAS.
Result<std::uint64_t> automatic_alignment(std::uint64_t origin, std::uint64_t length, std::uint64_t required);

/// What else stands in the way of a place: the address from which on to look instead (beyond the range's first); none:
/// nothing. kMax: there is no such address.
using Elsewhere = std::function<std::optional<std::uint64_t>(IovaRange)>;

/// First fit: the lowest address in the first search range that has room outside `reserved` and `areas`. It is a
/// multiple of `alignment`, with the offset in its page of `origin`. Logarithmic in the number of areas.
std::optional<Iova> find_first_fit(const std::vector<SearchRange>& search, const RangeSet& reserved, const Areas& areas,
                                   std::uint64_t origin, std::uint64_t length, std::uint64_t alignment,
                                   const Elsewhere& elsewhere = {});

}  // namespace aperture::ioas
