// SPDX-License-Identifier: Apache-2.0
#include "serve/iommu_function.hpp"

#include "regs/registers.hpp"

namespace aperture::sw::serve {
namespace {

namespace r = regs::iommu;

tb::Options with_messages(tb::Options options) {
  std::uint64_t& capabilities = options.straps.capabilities;
  capabilities = r::capabilities_f::igs.set(capabilities, std::to_underlying(regs::Igs::kMsi));
  return options;
}

/// Below the end of what the IOMMU can address, where no computer has its memory.
std::uint64_t doorbell_base(const tb::Options& options) { return (std::uint64_t{1} << options.straps.pas()) - 0x1000; }

}  // namespace

Answer Doorbells::write(std::uint64_t access, std::uint64_t address, std::span<const std::byte> data,
                        std::uint32_t strobes) {
  if (address < base_ || (address - base_) / 16 >= vectors_) return memory_.write(access, address, data, strobes);
  rung_ |= std::uint64_t{1} << ((address - base_) / 16);
  return Answer::kOk;
}

IommuFunction::IommuFunction(tb::Options options, BusMemory& data, BusMemory& own)
    : layout_(iommu_layout(1U << options.straps.vectors_log2)),
      doorbells_(own, doorbell_base(options), layout_.vectors),
      card_(with_messages(std::move(options)), data, doorbells_) {}

void IommuFunction::reset() {
  card_.reset();
  doorbells_.take();
  for (unsigned vector = 0; vector < layout_.vectors; ++vector) {
    const auto at = [vector](const regs::Register& reg) { return reg.offset + std::uint64_t{reg.stride} * vector; };
    card_.write(0, at(r::msi_addr), 8, doorbells_.address(vector));
    card_.write(0, at(r::msi_data), 4, vector);
    card_.write(0, at(r::msi_vec_ctl), 4, 0);
  }
  // The channels' interrupts as well, for whoever serves those: no other register of the card's own is needed for them.
  card_.write(static_cast<unsigned>(regs::card::irq_enable.bar), regs::card::irq_enable.offset, 4,
              card::pci::kChannelVectors);
}

}  // namespace aperture::sw::serve
