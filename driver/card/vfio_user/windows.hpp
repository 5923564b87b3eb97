// SPDX-License-Identifier: Apache-2.0
#pragma once

// Memory of this process at the bus addresses that it was given: where it serves DMA_READ and DMA_WRITE from, and which
// addresses are still free.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "base/types.hpp"

namespace aperture::card::vfio_user {

class Windows {
 public:
  /// All that is ever given out. Lowest first, so that a card with few address bits reaches it.
  static constexpr BusRange kSpace{{0x10'0000}, {(std::uint64_t{1} << 56) - 1}};

  /// Room for `size` bytes (a multiple of 4096) at an address that is `phase` modulo `alignment` (a power of two from
  /// 4096 on), with that memory behind it; none: there is no room.
  std::optional<BusAddress> add(std::byte* bytes, std::uint64_t size, bool writable, std::uint64_t alignment,
                                std::uint64_t phase = 0);
  void remove(BusAddress address) { windows_.erase(address.value); }

  /// 0, EFAULT (not all of the range is memory; nothing was copied) or EACCES (may not be written; nothing was).
  int read(std::uint64_t address, std::span<std::byte> to) const;
  int write(std::uint64_t address, std::span<const std::byte> from);

 private:
  struct Window {
    std::byte* bytes;
    std::uint64_t last;  ///< address
    bool writable;
  };

  /// Calls f(bytes, offset, size) for each piece of the range that lies in one window, after a look at all of them.
  template <typename F>
  int each_piece(std::uint64_t address, std::uint64_t size, bool write, F f) const;

  std::map<std::uint64_t, Window> windows_;  ///< by first address
};

}  // namespace aperture::card::vfio_user
