// SPDX-License-Identifier: Apache-2.0
#include "card/vfio/bus_allocator.hpp"

#include <iterator>

namespace aperture::card {

BusAllocator::BusAllocator(const std::vector<BusRange>& ranges) {
  for (const BusRange& range : ranges) free_.emplace(range.first.value, range.last.value);
}

std::optional<BusAddress> BusAllocator::take(std::uint64_t size, std::uint64_t alignment, std::uint64_t phase) {
  for (auto range = free_.begin(); range != free_.end(); ++range) {
    const auto [first, last] = *range;
    const std::uint64_t skip = (phase - first) & (alignment - 1);
    if (last - first < skip || last - first - skip < size - 1) continue;
    const std::uint64_t start = first + skip;
    const std::uint64_t end = start + (size - 1);
    free_.erase(range);
    if (start > first) free_.emplace(first, start - 1);
    if (end < last) free_.emplace(end + 1, last);
    ++taken_;
    return BusAddress{start};
  }
  return {};
}

void BusAllocator::give(BusAddress address, std::uint64_t size) {
  --taken_;
  std::uint64_t first = address.value;
  std::uint64_t last = first + (size - 1);
  auto next = free_.upper_bound(first);
  if (next != free_.end() && last + 1 == next->first) {
    last = next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin() && std::prev(next)->second + 1 == first) {
    first = std::prev(next)->first;
    free_.erase(std::prev(next));
  }
  free_.emplace(first, last);
}

}  // namespace aperture::card
