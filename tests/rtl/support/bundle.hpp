// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include <verilated.h>

namespace aperture::test {

/// A port of more than 64 bits, field by field.
template <std::size_t kWords>
void put(VlWide<kWords>& port, unsigned lsb, unsigned width, std::uint64_t value) {
  for (unsigned i = 0; i < width; ++i) {
    const unsigned bit = lsb + i;
    EData& word = port[bit / 32];
    word = (word & ~(EData{1} << bit % 32)) | static_cast<EData>(value >> i & 1) << bit % 32;
  }
}

template <std::size_t kWords>
std::uint64_t get(const VlWide<kWords>& port, unsigned lsb, unsigned width) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i) value |= std::uint64_t{port[(lsb + i) / 32] >> (lsb + i) % 32 & 1} << i;
  return value;
}

}  // namespace aperture::test
