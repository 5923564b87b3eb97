// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "card/card.hpp"
#include "regs/registers.hpp"

namespace aperture::card {

/// Reads a register in one access of its own width. `index`: which of `reg.count`; `instance`: which of the block's
/// instances, for DMA channels.
inline std::uint64_t read(Mmio& mmio, const regs::Register& reg, std::uint64_t index = 0, std::uint64_t instance = 0,
                          std::uint64_t instance_stride = regs::dma::kBlock.instance_stride) {
  const auto bar = static_cast<Bar>(reg.bar);
  const std::uint64_t offset = reg.offset + index * reg.stride + instance * instance_stride;
  return reg.size == 8 ? mmio.read64(bar, offset) : mmio.read32(bar, offset);
}

/// Writes a register in one access of its own width.
inline void write(Mmio& mmio, const regs::Register& reg, std::uint64_t value, std::uint64_t index = 0,
                  std::uint64_t instance = 0, std::uint64_t instance_stride = regs::dma::kBlock.instance_stride) {
  const auto bar = static_cast<Bar>(reg.bar);
  const std::uint64_t offset = reg.offset + index * reg.stride + instance * instance_stride;
  if (reg.size == 8)
    mmio.write64(bar, offset, value);
  else
    mmio.write32(bar, offset, static_cast<std::uint32_t>(value));
}

}  // namespace aperture::card
