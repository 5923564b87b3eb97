// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "card/card.hpp"
#include "regs/registers.hpp"

namespace aperture::card {

/// One register as it was read.
struct RegisterValue {
  const regs::Block* block{};
  const regs::Register* reg{};
  unsigned instance{};  ///< DMA channel; 0 elsewhere
  unsigned index{};     ///< which of reg->count
  std::uint64_t value{};
};

/// Reads every register of every block, in the order of the description; no read has a side effect. `channels`:
/// instances of the DMA block.
std::vector<RegisterValue> read_all(Card& card, unsigned channels);

/// "dma[1].ctrl = 0x00000001 enable=1 irq_enable=0 ...": one line, fields by name.
std::string to_text(const RegisterValue& value);

}  // namespace aperture::card
