// SPDX-License-Identifier: Apache-2.0
#pragma once

// Exclusive accesses (AMBA AXI4 A7.2): what the card's masters have reserved. One monitor for all ports of one memory.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tb/card/pins.hpp"

namespace aperture::tb {

class ExclusiveMonitor {
 public:
  /// Bytes of one exclusive access, which has one beat: what memory exchanges in one step. A longer one is answered as
  /// by a memory without support.
  static constexpr std::size_t kMost = 8;
  /// A memory without support takes exclusive accesses for usual ones and answers OKAY.
  explicit ExclusiveMonitor(bool supported = true) : supported_(supported) {}
  bool supported() const { return supported_; }

  /// An exclusive read of `bytes` (kMost at the most) at `address` was performed. One reservation an id of a port: an
  /// earlier one is gone.
  void reserve(Port port, std::uint8_t id, std::uint64_t address, std::span<const std::byte> bytes);
  /// What memory must still hold for an exclusive write of these bytes: they are reserved and no write of the card has
  /// touched them since. Empty: such a write fails. Others change them, too, whose writes do not pass here.
  std::span<const std::byte> reserved(Port port, std::uint8_t id, std::uint64_t address, std::size_t size) const;
  /// A write to [address, address + size) was performed.
  void written(std::uint64_t address, std::size_t size) {
    if (!reserved_.empty()) drop(address, size);
  }

 private:
  struct Reservation {
    Port port;
    std::uint8_t id;
    std::uint64_t address;
    std::vector<std::byte> bytes;
  };
  void drop(std::uint64_t address, std::size_t size);

  bool supported_;
  std::vector<Reservation> reserved_;
};

}  // namespace aperture::tb
