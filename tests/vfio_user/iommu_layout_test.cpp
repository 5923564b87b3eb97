// SPDX-License-Identifier: Apache-2.0
// A function whose MSI-X table lies among its registers: the IOMMU alone.
#include <linux/pci_regs.h>

#include "vfio_user/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kConfig = VFIO_PCI_CONFIG_REGION_INDEX;
constexpr std::uint64_t kTable = 0x300;  ///< msi_cfg_tbl: RISC-V IOMMU, chapter 6
constexpr std::uint64_t kPending = 0x1000;

class IommuLayout : public Served {
 protected:
  IommuLayout() : Served(sw::serve::iommu_layout(4)) { start(); }
  std::uint64_t region_size(std::uint32_t index) {
    vu::RegionInfo request{};
    request.argsz = sizeof request;
    request.index = index;
    return vu::decode<vu::RegionInfo>(exchange(command(vu::Command::kDeviceGetRegionInfo, request)))->size;
  }
  std::uint64_t msix() {
    std::uint64_t at = read_config(PCI_CAPABILITY_LIST, 1);
    while (at != 0 && read_config(at + PCI_CAP_LIST_ID, 1) != PCI_CAP_ID_MSIX)
      at = read_config(at + PCI_CAP_LIST_NEXT, 1);
    return at;
  }
};

TEST_F(IommuLayout, IsTheFunctionThatLinuxBinds) {
  EXPECT_EQ(read_config(PCI_VENDOR_ID, 4), 0x0008'1efdU);
  EXPECT_EQ(read_config(PCI_CLASS_PROG, 1) | read_config(PCI_CLASS_DEVICE, 2) << 8, 0x08'06'00U);
}

TEST_F(IommuLayout, HasOneBarWithTheRegisterPage) {
  EXPECT_EQ(region_size(0), 0x2000U);
  for (std::uint32_t bar = 1; bar < 6; ++bar) {
    EXPECT_EQ(region_size(bar), 0U) << bar;
    EXPECT_EQ(error_of(read_request(bar, 0, 4)), EINVAL) << bar;
  }
  EXPECT_EQ(error_of(write_request(kConfig, PCI_BASE_ADDRESS_0, 8, ~std::uint64_t{0})), 0);
  EXPECT_EQ(read_config(PCI_BASE_ADDRESS_0, 8), ~std::uint64_t{0x1fff} | PCI_BASE_ADDRESS_MEM_TYPE_64);
  EXPECT_EQ(error_of(write_request(kConfig, PCI_BASE_ADDRESS_2, 8, ~std::uint64_t{0})), 0);
  EXPECT_EQ(read_config(PCI_BASE_ADDRESS_2, 8), 0U);
}

TEST_F(IommuLayout, MsixTableIsMsiCfgTbl) {
  EXPECT_EQ(read_config(msix() + PCI_MSIX_FLAGS, 2), 3U);
  EXPECT_EQ(read_config(msix() + PCI_MSIX_TABLE, 4), kTable);
  EXPECT_EQ(read_config(msix() + PCI_MSIX_PBA, 4), kPending);
  const auto info = vu::decode<vu::IrqInfo>(
      exchange(command(vu::Command::kDeviceGetIrqInfo, vu::IrqInfo{16, 0, VFIO_PCI_MSIX_IRQ_INDEX, 0})));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->count, 4U);
}

TEST_F(IommuLayout, TheTableIsNotTheFunctionsAndWhatIsAroundItIs) {
  for (const std::uint64_t at : {kTable - 8, kTable, kTable + 48, kTable + 64}) write_bar(0, at, 0x1000 + at);
  for (const std::uint64_t at : {kTable - 8, kTable, kTable + 48, kTable + 64})
    EXPECT_EQ(read_bar(0, at), 0x1000 + at) << at;
  EXPECT_EQ(function.read(0, kTable, 8), 0U);
  EXPECT_EQ(function.read(0, kTable + 48, 8), 0U);
  EXPECT_EQ(function.read(0, kTable - 8, 8), 0x1000 + kTable - 8);
  EXPECT_EQ(function.read(0, kTable + 64, 8), 0x1000 + kTable + 64);
}

TEST_F(IommuLayout, AMessageWithoutAnEventShowsInThePendingBitsBehindTheRegisters) {
  write_bar(0, kPending, ~std::uint64_t{0});
  EXPECT_EQ(read_bar(0, kPending), 0U);
  ASSERT_EQ(set_irqs(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 3, 1), 0);
  EXPECT_EQ(read_bar(0, kPending), 8U);
  const FileDescriptor mine = event();
  std::vector<FileDescriptor> fds;
  fds.push_back(mine.duplicate());
  ASSERT_EQ(set_irqs(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 3, 1, std::move(fds)), 0);
  EXPECT_EQ(events_of(mine), 1U);
  EXPECT_EQ(read_bar(0, kPending), 0U);
}

}  // namespace
}  // namespace aperture::test
