// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "selftest/bench.hpp"

namespace aperture::sw::selftest {

/// A register of which some bits hold whatever is written to them while the card does nothing.
struct PlainRegister {
  regs::Register reg;
  std::uint64_t bits;
  unsigned index{};     ///< which of reg.count
  unsigned instance{};  ///< DMA channel
  std::string name() const;
  std::uint64_t offset() const {
    return reg.offset + index * reg.stride + instance * regs::dma::kBlock.instance_stride;
  }
};

/// All of this card, which is reset.
std::vector<PlainRegister> plain_registers(Bench& bench);
/// All that ignore writes, whole.
std::vector<PlainRegister> constant_registers(Bench& bench);

/// The card's registers that survive RESET, as they were.
class Survivors {
 public:
  explicit Survivors(Bench& bench)
      : bench_(bench),
        isolation_timeout_(bench.read(regs::card::isolation_timeout)),
        irq_enable_(bench.read(regs::card::irq_enable)) {}
  ~Survivors() {
    bench_.write(regs::card::isolation_timeout, isolation_timeout_);
    bench_.write(regs::card::irq_enable, irq_enable_);
  }
  Survivors(const Survivors&) = delete;
  Survivors& operator=(const Survivors&) = delete;

 private:
  Bench& bench_;
  std::uint64_t isolation_timeout_;
  std::uint64_t irq_enable_;
};

}  // namespace aperture::sw::selftest
