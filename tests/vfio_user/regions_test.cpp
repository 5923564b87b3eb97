// SPDX-License-Identifier: Apache-2.0
// REGION_READ, REGION_WRITE and DEVICE_RESET: BARs, configuration space, both kinds of reset.
#include <linux/pci_regs.h>

#include "vfio_user/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kConfig = VFIO_PCI_CONFIG_REGION_INDEX;

class Regions : public Served {
 protected:
  Regions() { start(); }
  /// Where a capability of the list is.
  std::uint64_t capability(std::uint8_t id) {
    for (std::uint64_t at = read_config(PCI_CAPABILITY_LIST, 1); at != 0; at = read_config(at + 1, 1))
      if (read_config(at, 1) == id) return at;
    ADD_FAILURE() << "no capability " << unsigned{id};
    return 0;
  }
};

TEST_F(Regions, RegistersKeepWhatIsWrittenInBothWidths) {
  write_bar(0, 0x18, 0x1122'3344'5566'7788);
  EXPECT_EQ(read_bar(0, 0x18), 0x1122'3344'5566'7788U);
  EXPECT_EQ(read_bar(0, 0x1c, 4), 0x1122'3344U);
  write_bar(2, 0xfff8, 0xabcd, 4);
  EXPECT_EQ(read_bar(2, 0xfff8), 0xabcdU);
  EXPECT_EQ(read_bar(0, 0xfff8), 0U);
}

TEST_F(Regions, APostedWriteComesBeforeALaterRead) {
  vu::Message posted = write_request(0, 0x20, 8, 77);
  posted.header.flags |= vu::kNoReply;
  send(std::move(posted));
  EXPECT_EQ(read_bar(0, 0x20), 77U);
}

TEST_F(Regions, AccessesThatNoBusHasAreRefused) {
  for (const auto& [offset, size] : std::vector<std::pair<std::uint64_t, std::uint32_t>>{{0, 1},
                                                                                         {0, 2},
                                                                                         {4, 8},
                                                                                         {2, 4},
                                                                                         {0, 0},
                                                                                         {0, 16},
                                                                                         {0, 0xffff'ffff},
                                                                                         {0xfffc, 8},
                                                                                         {0x10000, 4},
                                                                                         {~0ULL, 4},
                                                                                         {~0ULL - 3, 4},
                                                                                         {~0ULL - 7, 8}})
    EXPECT_EQ(error_of(read_request(0, offset, size)), EINVAL) << offset << " " << size;
  for (const std::uint32_t region : {1U, 3U, 5U, 6U, 8U, 9U, 255U, 0xffff'ffffU})
    EXPECT_EQ(error_of(read_request(region, 0, 4)), EINVAL) << region;
}

TEST_F(Regions, AWriteWhoseDataHasAnotherLengthIsRefused) {
  write_bar(0, 0, 1);
  vu::Message more = write_request(0, 0, 8, 2);
  more.append(std::uint32_t{3});
  EXPECT_EQ(error_of(std::move(more)), EINVAL);
  EXPECT_EQ(error_of(command(vu::Command::kRegionWrite, vu::RegionAccess{0, 0, 8})), EINVAL);
  EXPECT_EQ(read_bar(0, 0), 1U);
}

TEST_F(Regions, WithoutCommandMemoryReadsAreAllOnesAndWritesAreLost) {
  write_bar(0, 0, 5);
  write_config(PCI_COMMAND, PCI_COMMAND_MASTER);
  EXPECT_EQ(read_bar(0, 0), ~std::uint64_t{0});
  EXPECT_EQ(read_bar(4, 0, 4), 0xffff'ffffU);
  write_bar(0, 0, 6);
  write_config(PCI_COMMAND, PCI_COMMAND_MEMORY);
  EXPECT_EQ(read_bar(0, 0), 5U);
}

TEST_F(Regions, ConfigurationSpaceSaysWhatTheCardIs) {
  EXPECT_EQ(read_config(PCI_VENDOR_ID, 4), std::uint64_t{card::pci::kDevice} << 16 | card::pci::kVendor);
  EXPECT_EQ(read_config(PCI_CLASS_REVISION, 4), card::pci::kClass << 8 | card::pci::kRevision);
  EXPECT_EQ(read_config(PCI_HEADER_TYPE, 1), std::uint64_t{PCI_HEADER_TYPE_NORMAL});
  const std::uint64_t express = capability(PCI_CAP_ID_EXP);
  EXPECT_NE(read_config(express + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR, 0U);
  const std::uint64_t msix = capability(PCI_CAP_ID_MSIX);
  EXPECT_EQ(read_config(msix + PCI_MSIX_FLAGS, 2), card::pci::kVectors - 1);
  EXPECT_EQ(read_config(msix + PCI_MSIX_TABLE, 4), card::pci::kMsixTable | 4);
  EXPECT_EQ(read_config(msix + PCI_MSIX_PBA, 4), card::pci::kMsixPending | 4);
  EXPECT_EQ(exchange(read_request(kConfig, 0, 4096)).payload.size(), sizeof(vu::RegionAccess) + 4096);
  EXPECT_EQ(error_of(read_request(kConfig, 4095, 2)), EINVAL);
}

TEST_F(Regions, BarsTellTheirSizes) {
  for (const auto& [bar, size] :
       std::vector<std::pair<unsigned, std::uint64_t>>{{0, 0x10000}, {2, 0x10000}, {4, 4096}}) {
    const std::uint64_t at = PCI_BASE_ADDRESS_0 + 4 * bar;
    EXPECT_EQ(error_of(write_request(kConfig, at, 8, ~std::uint64_t{0})), 0);
    const std::uint64_t mask = read_config(at, 8);
    EXPECT_EQ(mask & 0xf, std::uint64_t{PCI_BASE_ADDRESS_MEM_TYPE_64});
    EXPECT_EQ(~(mask & ~0xfULL) + 1, size);
  }
}

TEST_F(Regions, WhatIdentifiesTheCardCannotBeWritten) {
  const std::uint64_t before = read_config(PCI_VENDOR_ID, 4);
  write_config(PCI_VENDOR_ID, 0);
  EXPECT_EQ(read_config(PCI_VENDOR_ID, 4), before);
}

TEST_F(Regions, DeviceResetLeavesAFunctionAsAfterPowerOn) {
  write_bar(0, 8, 1);
  const unsigned before = function.resets;
  EXPECT_EQ(error_of(command(vu::Command::kDeviceReset)), 0);
  EXPECT_EQ(function.resets, before + 1);
  EXPECT_EQ(read_config(PCI_COMMAND, 2), 0U);
  write_config(PCI_COMMAND, PCI_COMMAND_MEMORY);
  EXPECT_EQ(read_bar(0, 8), 0U);
}

TEST_F(Regions, DeviceResetHasNoPayload) {
  EXPECT_EQ(error_of(command(vu::Command::kDeviceReset, std::uint32_t{0})), EINVAL);
}

TEST_F(Regions, FunctionLevelResetIsABitOfDeviceControl) {
  const std::uint64_t control = capability(PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
  const unsigned before = function.resets;
  write_config(control, PCI_EXP_DEVCTL_READRQ_512B);
  EXPECT_EQ(function.resets, before);
  write_config(control, PCI_EXP_DEVCTL_BCR_FLR);
  EXPECT_EQ(function.resets, before + 1);
  EXPECT_EQ(read_config(control, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0U);
  EXPECT_EQ(read_config(PCI_COMMAND, 2), 0U);
  EXPECT_EQ(session->summary().function_level_resets, 1U);
}

}  // namespace
}  // namespace aperture::test
