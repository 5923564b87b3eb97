// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/types.hpp"

namespace aperture::card {

/// Hands out parts of given address ranges, the lowest that fits first.
class BusAllocator {
 public:
  explicit BusAllocator(const std::vector<BusRange>& ranges);
  /// `size` bytes (> 0) at an address that is `phase` modulo `alignment` (a power of two); none if nothing fits.
  std::optional<BusAddress> take(std::uint64_t size, std::uint64_t alignment, std::uint64_t phase = 0);
  /// Gives back what take gave.
  void give(BusAddress address, std::uint64_t size);
  /// Whether everything is free.
  bool whole() const { return taken_ == 0; }

 private:
  std::map<std::uint64_t, std::uint64_t> free_;  ///< first to last
  std::uint64_t taken_{};                        ///< how many
};

}  // namespace aperture::card
