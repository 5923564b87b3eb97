// SPDX-License-Identifier: Apache-2.0
#include "serve/config_space.hpp"

#include <linux/pci_regs.h>

#include <algorithm>
#include <cstring>

namespace aperture::sw::serve {
namespace {

constexpr std::size_t kExpress = 0x40;
constexpr std::size_t kMsix = 0x80;
constexpr std::size_t kPower = 0x90;
constexpr std::size_t kPowerControl = kPower + PCI_PM_CTRL;
constexpr std::byte kPowerState{PCI_PM_CTRL_STATE_MASK};
constexpr std::byte kD0{0};
constexpr std::byte kD3{3};
static_assert(kExpress + PCI_CAP_EXP_ENDPOINT_SIZEOF_V2 <= kMsix);

constexpr std::uint16_t kCommandWritable =
    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE;
/// All that a function without extended tags and phantom functions lets be written.
constexpr std::uint16_t kDeviceControlWritable = PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |
                                                 PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN |
                                                 PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_READRQ;
constexpr std::size_t kDeviceControl = kExpress + PCI_EXP_DEVCTL;

}  // namespace

void ConfigSpace::put(std::size_t offset, std::uint64_t value, unsigned size, std::uint64_t writable) {
  std::memcpy(bytes_.data() + offset, &value, size);
  std::memcpy(writable_.data() + offset, &writable, size);
}

void ConfigSpace::put_bar(unsigned bar) {
  const std::uint64_t size = layout_.bar_size(bar);
  if (size == 0) return;
  put(PCI_BASE_ADDRESS_0 + 4 * bar, PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_TYPE_64, 8, ~(size - 1));
}

void ConfigSpace::reset() {
  bytes_.fill({});
  writable_.fill({});
  put(PCI_VENDOR_ID, layout_.vendor, 2);
  put(PCI_DEVICE_ID, layout_.device, 2);
  put(PCI_COMMAND, 0, 2, kCommandWritable);
  put(PCI_STATUS, PCI_STATUS_CAP_LIST, 2);
  put(PCI_REVISION_ID, layout_.revision, 1);
  put(PCI_CLASS_PROG, layout_.class_code, 3);
  put(PCI_CACHE_LINE_SIZE, 0, 1, 0xff);
  for (const unsigned bar : {0U, 2U, 4U}) put_bar(bar);
  put(PCI_SUBSYSTEM_VENDOR_ID, layout_.vendor, 2);
  put(PCI_SUBSYSTEM_ID, layout_.device, 2);
  put(PCI_CAPABILITY_LIST, kExpress, 1);
  put(PCI_INTERRUPT_LINE, 0, 1, 0xff);

  put(kExpress + PCI_CAP_LIST_ID, PCI_CAP_ID_EXP, 1);
  put(kExpress + PCI_CAP_LIST_NEXT, kMsix, 1);
  put(kExpress + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_ENDPOINT << 4, 2);
  put(kExpress + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR, 4);
  put(kDeviceControl, PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_READRQ_512B, 2, kDeviceControlWritable);
  put(kExpress + PCI_EXP_LNKCAP, PCI_EXP_LNKCAP_SLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1, 4);
  put(kExpress + PCI_EXP_LNKCTL, 0, 2, PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_CCC);
  put(kExpress + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_CLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1, 2);

  put(kMsix + PCI_CAP_LIST_ID, PCI_CAP_ID_MSIX, 1);
  put(kMsix + PCI_CAP_LIST_NEXT, kPower, 1);
  put(kMsix + PCI_MSIX_FLAGS, layout_.vectors - 1, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
  put(kMsix + PCI_MSIX_TABLE, layout_.msix_table | layout_.msix_bar, 4);
  put(kMsix + PCI_MSIX_PBA, layout_.msix_pending | layout_.msix_bar, 4);

  put(kPower + PCI_CAP_LIST_ID, PCI_CAP_ID_PM, 1);
  put(kPower + PCI_PM_PMC, 3, 2);  // version; D0 and D3hot, no PME
  put(kPowerControl, PCI_PM_CTRL_NO_SOFT_RESET, 2, PCI_PM_CTRL_STATE_MASK);
}

void ConfigSpace::read(std::size_t offset, std::span<std::byte> to) const {
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
}

bool ConfigSpace::write(std::size_t offset, std::span<const std::byte> from) {
  bool reset_wanted = false;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::size_t at = offset + i;
    const std::byte wanted = from[i] & kPowerState;
    if (at == kPowerControl && wanted != kD0 && wanted != kD3) continue;  // a state that there is not
    bytes_[at] = (bytes_[at] & ~writable_[at]) | (from[i] & writable_[at]);
    // The upper byte of Device Control; the bit itself always reads 0.
    const auto initiate = static_cast<std::byte>(PCI_EXP_DEVCTL_BCR_FLR >> 8);
    if (at == kDeviceControl + 1 && (from[i] & initiate) != std::byte{0}) reset_wanted = true;
  }
  return reset_wanted;
}

bool ConfigSpace::commanded(unsigned bit) const {
  return (static_cast<unsigned>(bytes_[PCI_COMMAND]) & bit) != 0 && (bytes_[kPowerControl] & kPowerState) == kD0;
}

bool ConfigSpace::memory_enabled() const { return commanded(PCI_COMMAND_MEMORY); }

bool ConfigSpace::bus_master() const { return commanded(PCI_COMMAND_MASTER); }

}  // namespace aperture::sw::serve
