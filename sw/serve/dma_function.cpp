// SPDX-License-Identifier: Apache-2.0
#include "serve/dma_function.hpp"

namespace aperture::sw::serve {
namespace {

namespace r = regs::dma;

constexpr auto kBar = static_cast<unsigned>(r::kBlock.bar);
constexpr std::uint64_t kSlice = 64;  ///< cycles

std::uint64_t place(unsigned channel, const regs::Register& reg) {
  return r::kBlock.instance_stride * channel + (reg.offset - r::kBlock.base);
}

}  // namespace

std::uint64_t DmaFunction::read(unsigned, std::uint64_t offset, unsigned size) {
  return card_.read(kBar, r::kBlock.base + offset, size);
}

void DmaFunction::write(unsigned, std::uint64_t offset, unsigned size, std::uint64_t value) {
  card_.write(kBar, r::kBlock.base + offset, size, value);
  const auto channel = static_cast<unsigned>(offset / r::kBlock.instance_stride);
  if (offset != place(channel, r::status) || r::status_f::irq.get(value) == 0) return;
  card_.write(kBar, regs::card::irq_rearm.offset, 4, 1U << (card::pci::kFirstChannelVector + channel));
}

void DmaFunction::set(unsigned channel, const regs::Register& reg, std::uint64_t value) {
  card_.write(kBar, r::kBlock.base + place(channel, reg), reg.size, value);
}

bool DmaFunction::running() {
  for (unsigned channel = 0; channel < card::pci::kChannels; ++channel)
    if (r::status_f::running.get(read(0, place(channel, r::status), r::status.size)) != 0) return true;
  return false;
}

void DmaFunction::reset() {
  for (unsigned channel = 0; channel < card::pci::kChannels; ++channel) set(channel, r::ctrl, 0);
  for (std::uint64_t cycles = 0; cycles < kStopLimit && running(); cycles += kSlice) card_.run(kSlice);
  for (unsigned channel = 0; channel < card::pci::kChannels; ++channel) {
    for (const regs::Register* reg :
         {&r::device_id, &r::process_id, &r::ring_base, &r::record_base, &r::ring_device_id, &r::ring_log2, &r::tail})
      set(channel, *reg, 0);
    set(channel, r::address_mask, ~std::uint64_t{0});
    set(channel, r::status, r::status_f::irq.mask() | r::status_f::ring_error.mask());
  }
  card_.write(kBar, regs::card::irq_rearm.offset, 4, card::pci::kChannelVectors);
  card_.take_messages();
}

}  // namespace aperture::sw::serve
