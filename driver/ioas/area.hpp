// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>

#include "base/types.hpp"
#include "ioas/domain.hpp"
#include "ioas/pages.hpp"

namespace aperture::ioas {

/// One mapping of an IOAS: what a map call made, or one piece of a copy. The unit of unmap.
struct Area {
  IovaRange range;
  AreaPages pages;
  std::uint64_t offset{};  ///< of the first byte, from pages->data()
  Prot prot{};

  std::uint64_t length() const { return range.extent() + 1; }
  bool complies(std::uint64_t alignment) const {
    return ((range.first.value | length() | offset) & (alignment - 1)) == 0;
  }
  Mapping mapping(bool small_pages) const { return {range.first, {pages.get(), offset, length()}, prot, small_pages}; }
};

/// The areas of an IOAS by first address; they never overlap.
using Areas = std::map<Iova, Area>;

/// The first area that ends at or after `iova`.
template <typename Map>
auto first_area(Map& areas, Iova iova) {
  auto it = areas.upper_bound(iova);
  if (it != areas.begin()) {
    const auto before = std::prev(it);
    if (before->second.range.last >= iova) return before;
  }
  return it;
}

}  // namespace aperture::ioas
