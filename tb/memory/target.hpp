// SPDX-License-Identifier: Apache-2.0
#pragma once

// What may lie behind the card's masters.

#include <cstddef>
#include <cstdint>
#include <span>

namespace aperture::tb {

/// How memory answered one access.
enum class MemoryAnswer : std::uint8_t {
  kOk,
  kError,
  kPoison,
  kDecode,
  kPending  ///< not yet: the same access, with the same buffer, is to be made again in a later cycle
};

/// Accesses lie within one 4 KiB frame; neither call blocks.
class MemoryTarget {
 public:
  virtual ~MemoryTarget() = default;
  virtual MemoryAnswer card_read(std::uint64_t address, std::span<std::byte> out) = 0;
  /// Bit i of `strobes` writes data[i]; data.size() <= 16.
  virtual MemoryAnswer card_write(std::uint64_t address, std::span<const std::byte> data, std::uint32_t strobes) = 0;
};

}  // namespace aperture::tb
