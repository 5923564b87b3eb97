// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "serve/sim_function.hpp"

namespace aperture::sw::serve {

/// Memory with a place in it for each vector, which takes the messages of msi_cfg_tbl and nothing else.
class Doorbells final : public BusMemory {
 public:
  /// The places are `base` + 16 * vector.
  Doorbells(BusMemory& memory, std::uint64_t base, unsigned vectors)
      : memory_(memory), base_(base), vectors_(vectors) {}

  std::uint64_t address(unsigned vector) const { return base_ + std::uint64_t{16} * vector; }
  /// Vectors that were written to since the last call.
  std::uint64_t take() { return std::exchange(rung_, 0); }

  Answer read(std::uint64_t access, std::uint64_t address, std::span<std::byte> data) override {
    return memory_.read(access, address, data);
  }
  Answer write(std::uint64_t access, std::uint64_t address, std::span<const std::byte> data,
               std::uint32_t strobes) override;
  Answer exchange(std::uint64_t access, std::uint64_t address, std::span<const std::byte> expected,
                  std::span<const std::byte> data, bool& held) override {
    return memory_.exchange(access, address, expected, data, held);
  }
  void forget() override { memory_.forget(); }

 private:
  BusMemory& memory_;
  std::uint64_t base_;
  unsigned vectors_;
  std::uint64_t rung_ = 0;
};

/// The card's IOMMU alone: msi_cfg_tbl is its MSI-X table. Whoever uses the function keeps that table to himself, as a
/// kernel does, so that the one in the RTL is programmed here: each vector with a doorbell of ours, unmasked. A reset
/// is one of the whole card.
class IommuFunction final : public Function {
 public:
  /// Powers the process's bench on, with the IOMMU's interrupts as messages alone. `data` is what translated accesses
  /// reach, `own` what the IOMMU's own do.
  IommuFunction(tb::Options options, BusMemory& data, BusMemory& own);
  /// What the IOMMU is a part of.
  SimFunction& card() { return card_; }

  const Layout& layout() const override { return layout_; }
  std::uint64_t read(unsigned bar, std::uint64_t offset, unsigned size) override {
    return card_.read(bar, offset, size);
  }
  void write(unsigned bar, std::uint64_t offset, unsigned size, std::uint64_t value) override {
    card_.write(bar, offset, size, value);
  }
  void reset() override;
  bool busy() const override { return card_.busy(); }
  void run(std::uint64_t cycles) override { card_.run(cycles); }
  std::uint64_t take_messages() override { return doorbells_.take(); }

 private:
  Layout layout_;
  Doorbells doorbells_;
  SimFunction card_;
};

}  // namespace aperture::sw::serve
