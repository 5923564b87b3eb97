// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "card/card.hpp"
#include "tb/card/card_model.hpp"
#include "tb/kernel/kernel.hpp"
#include "tb/memory/memory.hpp"

namespace aperture::tb {

/// The host in front of the card: one MMIO access is one bus access.
class Host final : public sc_core::sc_module, public card::Mmio {
 public:
  tlm_utils::simple_initiator_socket<Host> socket{"socket"};

  explicit Host(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {}

  std::uint32_t read32(card::Bar bar, std::uint64_t offset) override;
  std::uint64_t read64(card::Bar bar, std::uint64_t offset) override;
  void write32(card::Bar bar, std::uint64_t offset, std::uint32_t value) override;
  void write64(card::Bar bar, std::uint64_t offset, std::uint64_t value) override;

 private:
  void access(card::Bar bar, std::uint64_t offset, void* data, unsigned size, bool write);
};

/// The seam over the simulation. Time passes in register accesses and in Interrupts::wait only.
class SimCard final : public card::Card, private card::DmaMemory, private card::Interrupts {
 public:
  SimCard(Host& host, CardModel& model, Memory& memory, Kernel& kernel, const Options& options)
      : host_(host), model_(model), memory_(memory), kernel_(kernel), options_(options) {}

  card::Mmio& mmio() override { return host_; }
  card::DmaMemory& memory() override { return *this; }
  card::Interrupts& interrupts() override { return *this; }
  Result<> function_reset() override { return {}; }
  std::string description() const override;

 private:
  Result<std::unique_ptr<card::DmaBuffer>> allocate(std::uint64_t size, std::uint64_t alignment) override;
  Result<std::unique_ptr<card::PinnedMemory>> pin(std::byte* first, std::uint64_t size, bool writable) override;
  std::vector<BusRange> outer_ranges() const override;
  unsigned vectors() const override;
  std::uint64_t wait(std::uint64_t mask, std::uint64_t cycles) override;

  Host& host_;
  CardModel& model_;
  Memory& memory_;
  Kernel& kernel_;
  const Options& options_;
};

}  // namespace aperture::tb
