// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace aperture::tb::model {

constexpr std::uint64_t ones(unsigned count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

/// value[high:low]
constexpr std::uint64_t bits(std::uint64_t value, unsigned high, unsigned low) {
  return value >> low & ones(high - low + 1);
}
constexpr bool bit(std::uint64_t value, unsigned index) { return (value >> index & 1) != 0; }

/// `value` as the field [high:low] of a word that is 0 elsewhere.
constexpr std::uint64_t place(std::uint64_t value, unsigned high, unsigned low) {
  return (value & ones(high - low + 1)) << low;
}
constexpr std::uint64_t field_mask(unsigned high, unsigned low) { return place(~std::uint64_t{0}, high, low); }

/// extract(x, y) of "Process to translate addresses of MSIs": the bits of x where y has ones, packed to the low end.
constexpr std::uint64_t extract(std::uint64_t x, std::uint64_t y) {
  std::uint64_t result = 0;
  unsigned count = 0;
  for (unsigned i = 0; i < 64; ++i) {
    if (bit(y, i)) result |= std::uint64_t{bit(x, i)} << count++;
  }
  return result;
}

}  // namespace aperture::tb::model
