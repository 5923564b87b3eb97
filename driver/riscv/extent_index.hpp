// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "card/card.hpp"
#include "riscv/page_table.hpp"

namespace aperture::riscv {

/// Finds places in a list of bus extents in logarithmic time: the memory of a guest is many.
class ExtentIndex {
 public:
  /// `extents` outlive this.
  explicit ExtentIndex(std::span<const card::BusExtent> extents) : extents_(extents) {
    starts_.reserve(extents.size());
    std::uint64_t offset = 0;
    for (const card::BusExtent& extent : extents) {
      starts_.push_back(offset);
      offset += extent.length;
    }
  }
  /// `offset` bytes into the extents, which cover more than that.
  ExtentCursor at(std::uint64_t offset) const {
    const auto index = static_cast<std::size_t>(std::ranges::upper_bound(starts_, offset) - starts_.begin()) - 1;
    return {extents_.subspan(index), offset - starts_[index]};
  }

 private:
  std::span<const card::BusExtent> extents_;
  std::vector<std::uint64_t> starts_;  ///< offset of each
};

}  // namespace aperture::riscv
