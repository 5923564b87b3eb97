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
  /// A memory without support takes exclusive accesses for usual ones and answers OKAY.
  explicit ExclusiveMonitor(bool supported = true) : supported_(supported) {}
  bool supported() const { return supported_; }

  /// An exclusive read of `bytes` at `address` was performed. One reservation an id of a port: an earlier one is gone.
  void reserve(Port port, std::uint8_t id, std::uint64_t address, std::span<const std::byte> bytes);
  /// Whether an exclusive write of bytes that hold `now` may be performed: they are reserved, no write of the card has
  /// touched them since, and nobody else has changed them, whose writes do not pass here.
  bool holds(Port port, std::uint8_t id, std::uint64_t address, std::span<const std::byte> now) const;
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
