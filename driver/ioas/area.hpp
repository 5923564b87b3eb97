// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/types.hpp"
#include "ioas/domain.hpp"
#include "ioas/pages.hpp"

namespace aperture::ioas {

/// One mapping of an IOAS: what a map call made, or one piece of a copy. The unit of unmap.
struct Area {
  enum class State : std::uint8_t { kKept, kAdded, kPrepared };  ///< of the change in progress that adds it

  IovaRange range;
  AreaPages pages;
  std::uint64_t offset{};  ///< of the first byte, from pages->data()
  Prot prot{};
  State state{State::kKept};

  std::uint64_t length() const { return range.extent() + 1; }
  bool complies(std::uint64_t alignment) const {
    return ((range.first.value | length() | offset) & (alignment - 1)) == 0;
  }
  Mapping mapping(bool small_pages) const { return {range.first, {pages.get(), offset, length()}, prot, small_pages}; }
};

}  // namespace aperture::ioas
