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
  kPending  ///< not yet: the same access is to be made again in a later cycle
};

/// Accesses lie within one 4 KiB frame; neither call blocks. Writes take effect in the order of their first calls.
/// `access` names an access from its first call to its answer.
class MemoryTarget {
 public:
  virtual ~MemoryTarget() = default;
  virtual MemoryAnswer perform_read(std::uint64_t access, std::uint64_t address, std::span<std::byte> out) = 0;
  /// Bit i of `strobes` writes data[i]; data.size() <= 16.
  virtual MemoryAnswer perform_write(std::uint64_t access, std::uint64_t address, std::span<const std::byte> data,
                                     std::uint32_t strobes) = 0;
  /// Writes all of `data` if `expected` is there, which goes to `held`: one indivisible step wherever memory has such.
  /// Both have 1, 2, 4 or 8 bytes, `address` is aligned to as many.
  virtual MemoryAnswer perform_exchange(std::uint64_t access, std::uint64_t address,
                                        std::span<const std::byte> expected, std::span<const std::byte> data,
                                        bool& held) = 0;
};

}  // namespace aperture::tb
