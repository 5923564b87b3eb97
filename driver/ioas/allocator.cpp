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

/// Walks the gaps between reserved ranges and areas, ascending, inside one range.
std::optional<std::uint64_t> first_gap(std::uint64_t first, std::uint64_t last, const RangeSet& reserved,
                                       const Areas& areas, const Placement& placement) {
  auto hole = reserved.from({first});
  auto area = first_area(areas, {first});
  std::uint64_t gap = first;
  while (gap <= last) {
    while (hole != reserved.ranges().end() && hole->last.value < gap) ++hole;
    while (area != areas.end() && area->second.range.last.value < gap) ++area;
    const IovaRange* next = hole != reserved.ranges().end() ? &*hole : nullptr;
    if (area != areas.end() && (next == nullptr || area->second.range.first < next->first)) next = &area->second.range;
    const bool open = next == nullptr || next->first.value > last;
    const std::uint64_t end = open ? last : next->first.value - 1;
    if (open || next->first.value > gap) {
      if (const auto start = placement.in(gap, end)) return start;
    }
    if (open || next->last.value == kMax) return {};
    gap = next->last.value + 1;
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
                                   std::uint64_t origin, std::uint64_t length, std::uint64_t alignment) {
  for (const SearchRange& part : search) {
    if (part.granule > 1 && ((length | origin % kPageSize) & (part.granule - 1)) != 0) continue;
    const Placement placement{length, std::max(alignment, part.granule), origin % kPageSize};
    const std::uint64_t last = part.range.last.value;
    const auto begin = placement.in(part.range.first.value, last);
    if (!begin) continue;
    if (const auto start = first_gap(*begin, last, reserved, areas, placement)) return Iova{*start};
  }
  return {};
}

}  // namespace aperture::ioas
