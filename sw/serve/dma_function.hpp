// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "serve/sim_function.hpp"

namespace aperture::sw::serve {

/// The card's DMA channels as a function of their own. Under which device_id a channel accesses memory is up to who
/// drives it, as everywhere with this device: its registers say so, and the IOMMU judges what comes of it.
class DmaFunction final : public Function {
 public:
  /// The channels of `card`, which outlives it and has its irq_enable set for them.
  explicit DmaFunction(SimFunction& card) : card_(card) {}

  const Layout& layout() const override { return kDmaLayout; }
  std::uint64_t read(unsigned bar, std::uint64_t offset, unsigned size) override;
  /// An interrupt that is acknowledged in status.irq may come again.
  void write(unsigned bar, std::uint64_t offset, unsigned size, std::uint64_t value) override;
  /// Stops the channels and gives their registers the values that they have after power-on. Nothing else of the card is
  /// touched. Bursts in flight are waited for, for kStopLimit cycles at most.
  void reset() override;
  bool busy() const override { return card_.busy(); }
  void run(std::uint64_t cycles) override { card_.run(cycles); }
  std::uint64_t take_messages() override { return card_.take_messages() >> card::pci::kFirstChannelVector; }

  static constexpr std::uint64_t kStopLimit = 20'000;

 private:
  void set(unsigned channel, const regs::Register& reg, std::uint64_t value);
  bool running();

  SimFunction& card_;
};

}  // namespace aperture::sw::serve
