// SPDX-License-Identifier: Apache-2.0
#include "ioas/allocator.hpp"

#include <algorithm>
#include <bit>

namespace aperture::ioas {
namespace {

struct Placement {
  std::uint64_t length;
  std::uint64_t alignment;
  std::uint64_t page_offset;

  /// The first place at or after `first` that ends by `last`. A place that starts on `last` is not used, as in Linux.
  std::optional<std::uint64_t> in(std::uint64_t first, std::uint64_t last) const {
    std::uint64_t start = 0;
    if (!align_up(first, alignment, start)) return {};
    start |= page_offset;
    if (start >= last || last - start < length - 1) return {};
    return start;
  }
};

/// Looks between two reserved ranges: at the gaps that the areas leave there.
std::optional<std::uint64_t> first_gap(std::uint64_t first, std::uint64_t last, const Areas& areas,
                                       const Placement& placement, const Elsewhere& elsewhere) {
  std::optional<std::uint64_t> found;
  const std::uint64_t pages = (placement.length - 1) / kPageSize + 1;
  const auto log2 = static_cast<unsigned>(std::countr_zero(placement.alignment));
  areas.find_gap(first, last, pages, log2, [&](std::uint64_t gap, std::uint64_t end) {
    for (;;) {
      const auto start = placement.in(gap, end);
      if (!start) return false;
      const auto next =
          elsewhere ? elsewhere({{*start}, {*start + (placement.length - 1)}}) : std::optional<std::uint64_t>{};
      if (!next) {
        found = start;
        return true;
      }
      if (*next > end) return false;
      gap = *next;
    }
  });
  return found;
}

/// Inside one search range.
std::optional<std::uint64_t> first_place(std::uint64_t first, std::uint64_t last, const RangeSet& reserved,
                                         const Areas& areas, const Placement& placement, const Elsewhere& elsewhere) {
  std::uint64_t at = first;
  for (auto hole = reserved.from({first}); at <= last; ++hole) {
    const bool open = hole == reserved.ranges().end() || hole->first.value > last;
    const std::uint64_t end = open ? last : hole->first.value - 1;
    if (open || hole->first.value > at) {
      if (const auto start = first_gap(at, end, areas, placement, elsewhere)) return start;
    }
    if (open || hole->last.value == kMax) return {};
    at = hole->last.value + 1;
  }
  return {};
}

}  // namespace

Result<std::uint64_t> automatic_alignment(std::uint64_t origin, std::uint64_t length, std::uint64_t required) {
  if (length == 0 || length >= kMax / 2) return fail(Code::kInvalid, EOVERFLOW, "the length is out of range");
  std::uint64_t alignment = std::bit_ceil(length);
  if (origin != 0) alignment = std::min(alignment, std::uint64_t{1} << std::countr_zero(origin));
  alignment = std::min(alignment, kHugePage);
  if (alignment < required) {
    return fail(Code::kInvalid, EINVAL, "the memory is not aligned well enough for an automatic IOVA");
  }
  return alignment;
}

std::optional<Iova> find_first_fit(const std::vector<SearchRange>& search, const RangeSet& reserved, const Areas& areas,
                                   std::uint64_t origin, std::uint64_t length, std::uint64_t alignment,
                                   const Elsewhere& elsewhere) {
  for (const SearchRange& part : search) {
    if (part.granule > 1 && ((length | origin % kPageSize) & (part.granule - 1)) != 0) continue;
    const Placement placement{length, std::max(alignment, part.granule), origin % kPageSize};
    const std::uint64_t last = part.range.last.value;
    const auto begin = placement.in(part.range.first.value, last);
    if (!begin) continue;
    if (const auto start = first_place(*begin, last, reserved, areas, placement, elsewhere)) return Iova{*start};
  }
  return {};
}

}  // namespace aperture::ioas
