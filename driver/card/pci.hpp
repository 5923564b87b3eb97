// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the card is as a PCI function: who serves one and who looks for one agree on this.

#include <cstdint>

namespace aperture::card::pci {

/// The vendor id that QEMU lends to devices which are not products. No driver of Linux binds this pair.
constexpr std::uint16_t kVendor = 0x1234;
constexpr std::uint16_t kDevice = 0xa9e7;
constexpr std::uint32_t kClass = 0x12'00'00;  ///< processing accelerator
constexpr std::uint8_t kRevision = 1;

/// Bytes of BAR 0 (IOMMU registers) and of BAR 2 (card and channels): both 64-bit memory, not prefetchable.
constexpr std::uint64_t kBarSize = 0x10000;

/// BAR 4 (64-bit memory) holds the MSI-X table and the pending bits alone, at these offsets.
constexpr unsigned kMsixBar = 4;
constexpr std::uint64_t kMsixBarSize = 0x1000;
constexpr std::uint64_t kMsixTable = 0;
constexpr std::uint64_t kMsixPending = 0x800;

/// MSI-X vectors: the IOMMU's 16 wires, then one for each of four channels.
constexpr unsigned kFirstChannelVector = 16;
constexpr unsigned kChannels = 4;
constexpr unsigned kVectors = kFirstChannelVector + kChannels;
constexpr std::uint32_t kChannelVectors = ((1U << kChannels) - 1) << kFirstChannelVector;

/// The same channels as a function of their own, behind the IOMMU that another function is.
constexpr std::uint16_t kDmaDevice = 0xa9e8;

}  // namespace aperture::card::pci
