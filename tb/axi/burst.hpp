// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where the beats of a burst lie (AMBA AXI4 section A3.4.1).

#include <algorithm>
#include <cstdint>

#include "tb/card/pins.hpp"

namespace aperture::tb {

enum class BurstType : std::uint8_t { kFixed, kIncr, kWrap };

/// Bytes of one beat: consecutive addresses from `address`, on the data bus from lane `lane`.
struct Beat {
  std::uint64_t address;
  unsigned lane;
  unsigned size;
};

/// Beat `index` of the burst `a` describes on a data bus of `bus_bytes`.
inline Beat beat_of(const AddressChannel& a, unsigned index, unsigned bus_bytes) {
  const std::uint64_t size = std::uint64_t{1} << a.size;
  const std::uint64_t aligned = a.addr & ~(size - 1);
  std::uint64_t address = a.addr;
  if (static_cast<BurstType>(a.burst) == BurstType::kWrap) {
    const std::uint64_t container = size * (std::uint64_t{a.len} + 1);
    const std::uint64_t base = a.addr / container * container;
    address = base + (a.addr - base + index * size) % container;
  } else if (static_cast<BurstType>(a.burst) == BurstType::kIncr && index != 0) {
    address = aligned + index * size;
  }
  const auto bytes = static_cast<unsigned>(size - address % size);
  return {address, static_cast<unsigned>(address % bus_bytes), std::min(bytes, bus_bytes)};
}

/// Lanes of a beat as a strobe mask.
inline std::uint32_t lanes_of(const Beat& beat) { return ((1U << beat.size) - 1U) << beat.lane; }

}  // namespace aperture::tb
