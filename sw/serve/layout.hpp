// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a served function is to the bus: ids, BARs, where its MSI-X table and pending bits lie.

#include <array>
#include <cstdint>

#include "card/pci.hpp"
#include "regs/registers.hpp"

namespace aperture::sw::serve {

/// BARs are 64-bit memory, not prefetchable, so that there are those of an even number alone.
struct Layout {
  std::uint16_t vendor;
  std::uint16_t device;
  std::uint32_t class_code;
  std::uint8_t revision;
  std::array<std::uint64_t, 3> bars;       ///< bytes of BAR 0, 2, 4: a power of two; 0: there is none
  std::array<std::uint64_t, 3> registers;  ///< bytes at their beginning that the function itself answers
  unsigned vectors;                        ///< 1 to 64
  unsigned msix_bar;
  std::uint64_t msix_table;  ///< offset of entries of 16 bytes; not the function's, where they lie among its registers
  std::uint64_t msix_pending;  ///< offset of 8 bytes

  std::uint64_t bar_size(unsigned bar) const { return bar % 2 == 0 && bar / 2 < bars.size() ? bars[bar / 2] : 0; }
  /// Whether the function answers at an offset of a BAR that there is; else MSI-X does.
  bool is_register(unsigned bar, std::uint64_t offset) const {
    const bool table = bar == msix_bar && offset >= msix_table && offset < msix_table + std::uint64_t{16} * vectors;
    return offset < registers[bar / 2] && !table;
  }
};

/// The card.
inline constexpr Layout kCardLayout{.vendor = card::pci::kVendor,
                                    .device = card::pci::kDevice,
                                    .class_code = card::pci::kClass,
                                    .revision = card::pci::kRevision,
                                    .bars = {card::pci::kBarSize, card::pci::kBarSize, card::pci::kMsixBarSize},
                                    .registers = {card::pci::kBarSize, card::pci::kBarSize, 0},
                                    .vectors = card::pci::kVectors,
                                    .msix_bar = card::pci::kMsixBar,
                                    .msix_table = card::pci::kMsixTable,
                                    .msix_pending = card::pci::kMsixPending};

/// The card's IOMMU alone, with ids of Linux's table in drivers/iommu/riscv/iommu-pci.c: base system peripheral, IOMMU;
/// the register page in BAR 0, and msi_cfg_tbl in it as the MSI-X table (RISC-V IOMMU, chapter 6). The pending
/// bits, for which that page has no place, lie behind it.
constexpr Layout iommu_layout(unsigned vectors) {
  return {.vendor = 0x1efd,
          .device = 0x0008,
          .class_code = 0x08'06'00,
          .revision = 1,
          .bars = {0x2000, 0, 0},
          .registers = {0x1000, 0, 0},
          .vectors = vectors,
          .msix_bar = 0,
          .msix_table = 0x300,
          .msix_pending = 0x1000};
}

/// The card's DMA channels alone, a page of BAR 0 each; the card's own registers, among them its reset, are out of
/// reach.
inline constexpr Layout kDmaLayout{
    .vendor = card::pci::kVendor,
    .device = card::pci::kDmaDevice,
    .class_code = card::pci::kClass,
    .revision = card::pci::kRevision,
    .bars = {regs::dma::kBlock.instance_stride * card::pci::kChannels, 0, card::pci::kMsixBarSize},
    .registers = {regs::dma::kBlock.instance_stride * card::pci::kChannels, 0, 0},
    .vectors = card::pci::kChannels,
    .msix_bar = card::pci::kMsixBar,
    .msix_table = card::pci::kMsixTable,
    .msix_pending = card::pci::kMsixPending};

}  // namespace aperture::sw::serve
