// SPDX-License-Identifier: Apache-2.0
// Regions, config space and reset of the card's function through the kernel's VFIO, field by field, and what is refused
// with which error: linux/vfio.h, Documentation/driver-api/vfio.rst, PCI Express Base 7.5.
#include <gtest/gtest.h>
#include <linux/pci_regs.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "card/pci.hpp"
#include "regs/registers.hpp"
#include "vm/vfio_function.hpp"

namespace aperture::test {
namespace {

namespace pci = card::pci;

class Vfio : public testing::Test {
 protected:
  /// As the kernel numbers them.
  static std::uint64_t offset_of(unsigned index) { return std::uint64_t{index} << 40; }
  std::uint32_t express(unsigned offset, unsigned size) {
    return function.config(function.capability(PCI_CAP_ID_EXP).value() + offset, size);
  }
  /// Undone by the kernel when the device is closed.
  void enable(std::uint32_t bits) { function.set_config(PCI_COMMAND, 2, function.config(PCI_COMMAND, 2) | bits); }

  VfioFunction function;
};

TEST_F(Vfio, TheDeviceIsAPciFunctionThatCanBeReset) {
  vfio_device_info info{};
  info.argsz = sizeof info;
  ASSERT_EQ(function.call(VFIO_DEVICE_GET_INFO, &info), 0);
  // Whether there are capabilities is the kernel's affair: those of the port above, for instance.
  EXPECT_EQ(info.flags & ~VFIO_DEVICE_FLAGS_CAPS, unsigned{VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET});
  EXPECT_GE(info.argsz, sizeof info);
  EXPECT_EQ(info.num_regions, unsigned{VFIO_PCI_NUM_REGIONS});
  EXPECT_EQ(info.num_irqs, unsigned{VFIO_PCI_NUM_IRQS});
}

TEST_F(Vfio, RequestsThatAreTooShortAreInvalid) {
  vfio_device_info device{};
  device.argsz = 8;
  EXPECT_EQ(function.call(VFIO_DEVICE_GET_INFO, &device), -EINVAL);
  vfio_region_info region{};
  region.argsz = 16;
  EXPECT_EQ(function.call(VFIO_DEVICE_GET_REGION_INFO, &region), -EINVAL);
  vfio_irq_info irq{};
  irq.argsz = 8;
  EXPECT_EQ(function.call(VFIO_DEVICE_GET_IRQ_INFO, &irq), -EINVAL);
}

TEST_F(Vfio, ACallThatThereIsNotIsENOTTY) { EXPECT_EQ(function.call(_IO(VFIO_TYPE, VFIO_BASE + 99)), -ENOTTY); }

TEST_F(Vfio, AFeatureThatThereIsNotIsENOTTYAndOneWithoutRoomInvalid) {
  vfio_device_feature feature{};
  feature.argsz = sizeof feature;
  feature.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MASK;
  EXPECT_EQ(function.call(VFIO_DEVICE_FEATURE, &feature), -ENOTTY);
  feature.argsz = 4;
  EXPECT_EQ(function.call(VFIO_DEVICE_FEATURE, &feature), -EINVAL);
}

TEST_F(Vfio, BarsHaveTheirSizesAndMayBeReadWrittenAndMapped) {
  constexpr std::uint32_t kAll = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP;
  for (const unsigned bar : {0U, 2U, 4U}) {
    const vfio_region_info info = function.region(bar);
    EXPECT_EQ(info.index, bar);
    EXPECT_EQ(info.size, bar == pci::kMsixBar ? pci::kMsixBarSize : pci::kBarSize);
    EXPECT_EQ(info.offset, offset_of(bar));
    EXPECT_EQ(info.flags, kAll | (bar == pci::kMsixBar ? unsigned{VFIO_REGION_INFO_FLAG_CAPS} : 0U)) << "BAR " << bar;
    EXPECT_EQ(info.cap_offset, 0U) << "there is no room for any";
  }
}

TEST_F(Vfio, TheBarOfTheMsixTableSaysThatItMayBeMapped) {
  const vfio_region_info brief = function.region(pci::kMsixBar);
  ASSERT_EQ(brief.argsz, sizeof(vfio_region_info) + sizeof(vfio_info_cap_header));
  struct {
    vfio_region_info info;
    vfio_info_cap_header capability;
  } whole{};
  whole.info.argsz = sizeof whole;
  whole.info.index = pci::kMsixBar;
  ASSERT_EQ(function.call(VFIO_DEVICE_GET_REGION_INFO, &whole), 0);
  EXPECT_EQ(whole.info.cap_offset, sizeof(vfio_region_info));
  EXPECT_EQ(whole.capability.id, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE);
  EXPECT_EQ(whole.capability.version, 1);
  EXPECT_EQ(whole.capability.next, 0U);
}

TEST_F(Vfio, UpperHalvesOfBarsAreNoRegions) {
  for (const unsigned bar : {1U, 3U, 5U}) {
    const vfio_region_info info = function.region(bar);
    EXPECT_EQ(info.size, 0U);
    EXPECT_EQ(info.flags, 0U);
    EXPECT_EQ(info.offset, offset_of(bar));
    std::uint32_t value = 0;
    EXPECT_EQ(function.read(bar, 0, &value, 4), -EINVAL);
  }
}

TEST_F(Vfio, ThereIsNoRomAndNoVga) {
  const vfio_region_info rom = function.region(VFIO_PCI_ROM_REGION_INDEX);
  EXPECT_EQ(rom.size, 0U);
  EXPECT_EQ(rom.flags, 0U);
  EXPECT_EQ(rom.offset, offset_of(VFIO_PCI_ROM_REGION_INDEX));
  vfio_region_info info{};
  info.argsz = sizeof info;
  info.index = VFIO_PCI_VGA_REGION_INDEX;
  EXPECT_EQ(function.call(VFIO_DEVICE_GET_REGION_INFO, &info), -EINVAL);
}

TEST_F(Vfio, ConfigSpaceIsThatOfPciExpress) {
  const vfio_region_info info = function.region(VFIO_PCI_CONFIG_REGION_INDEX);
  EXPECT_EQ(info.size, 4096U);
  EXPECT_EQ(info.offset, offset_of(VFIO_PCI_CONFIG_REGION_INDEX));
  EXPECT_EQ(info.flags, unsigned{VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE});
}

TEST_F(Vfio, ARegionThatThereIsNotIsInvalid) {
  vfio_region_info info{};
  info.argsz = sizeof info;
  for (const unsigned index : {unsigned{VFIO_PCI_NUM_REGIONS}, 4096U}) {
    info.index = index;
    EXPECT_EQ(function.call(VFIO_DEVICE_GET_REGION_INFO, &info), -EINVAL) << index;
  }
}

TEST_F(Vfio, TheHeaderNamesTheCard) {
  EXPECT_EQ(function.config(PCI_VENDOR_ID, 2), pci::kVendor);
  EXPECT_EQ(function.config(PCI_DEVICE_ID, 2), pci::kDevice);
  EXPECT_EQ(function.config(PCI_SUBSYSTEM_VENDOR_ID, 2), pci::kVendor);
  EXPECT_EQ(function.config(PCI_SUBSYSTEM_ID, 2), pci::kDevice);
  EXPECT_EQ(function.config(PCI_CLASS_REVISION, 4), pci::kClass << 8 | pci::kRevision);
  EXPECT_EQ(function.config(PCI_HEADER_TYPE, 1), unsigned{PCI_HEADER_TYPE_NORMAL});
  EXPECT_EQ(function.config(PCI_INTERRUPT_PIN, 1), 0U);
  EXPECT_EQ(function.config(PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, unsigned{PCI_STATUS_CAP_LIST});
  EXPECT_EQ(function.config(PCI_CARDBUS_CIS, 4), 0U);
}

TEST_F(Vfio, BarRegistersTellTypeAndSize) {
  for (const unsigned bar : {0U, 2U, 4U}) {
    const unsigned at = PCI_BASE_ADDRESS_0 + 4 * bar;
    const std::uint64_t size = bar == pci::kMsixBar ? pci::kMsixBarSize : pci::kBarSize;
    const std::uint32_t before[] = {function.config(at, 4), function.config(at + 4, 4)};
    EXPECT_EQ(before[0] & 0xf, unsigned{PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_TYPE_64});
    function.set_config(at, 4, ~0U);
    function.set_config(at + 4, 4, ~0U);
    EXPECT_EQ(function.config(at, 4) & ~0xfU, static_cast<std::uint32_t>(~(size - 1)));
    EXPECT_EQ(function.config(at + 4, 4), ~0U);
    function.set_config(at, 4, before[0]);
    function.set_config(at + 4, 4, before[1]);
    EXPECT_EQ(function.config(at, 4), before[0]);
  }
}

TEST_F(Vfio, IdsCannotBeWritten) {
  function.set_config(PCI_VENDOR_ID, 4, 0x0bad'0bad);
  EXPECT_EQ(function.config(PCI_VENDOR_ID, 4), pci::kVendor | unsigned{pci::kDevice} << 16);
}

TEST_F(Vfio, TheCommandRegisterKeepsWhatAFunctionNeeds) {
  enable(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
  EXPECT_EQ(function.config(PCI_COMMAND, 2) & (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER),
            unsigned{PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER});
  function.set_config(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
  EXPECT_EQ(function.config(PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0U);
  EXPECT_EQ(function.config(PCI_COMMAND, 2) & PCI_COMMAND_IO, 0U);
}

TEST_F(Vfio, ItIsAPciExpressEndpointWithFunctionLevelReset) {
  ASSERT_TRUE(function.capability(PCI_CAP_ID_EXP));
  const std::uint32_t flags = express(PCI_EXP_FLAGS, 2);
  EXPECT_EQ(flags & PCI_EXP_FLAGS_VERS, 2U);
  EXPECT_EQ((flags & PCI_EXP_FLAGS_TYPE) >> 4, unsigned{PCI_EXP_TYPE_ENDPOINT});
  EXPECT_EQ(express(PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR, unsigned{PCI_EXP_DEVCAP_FLR});
  EXPECT_EQ(express(PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_RBER, unsigned{PCI_EXP_DEVCAP_RBER});
  EXPECT_NE(express(PCI_EXP_LNKCAP, 4) & PCI_EXP_LNKCAP_MLW, 0U);
  EXPECT_NE(express(PCI_EXP_LNKSTA, 2) & PCI_EXP_LNKSTA_CLS, 0U);
}

TEST_F(Vfio, MsixHasItsVectorsItsTableAndItsPendingBits) {
  ASSERT_TRUE(function.capability(PCI_CAP_ID_MSIX));
  const unsigned at = *function.capability(PCI_CAP_ID_MSIX);
  EXPECT_EQ(function.config(at + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE, pci::kVectors - 1);
  EXPECT_EQ(function.config(at + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_ENABLE, 0U);
  EXPECT_EQ(function.config(at + PCI_MSIX_TABLE, 4), pci::kMsixTable | pci::kMsixBar);
  EXPECT_EQ(function.config(at + PCI_MSIX_PBA, 4), pci::kMsixPending | pci::kMsixBar);
  EXPECT_FALSE(function.capability(PCI_CAP_ID_MSI));
}

TEST_F(Vfio, PowerManagementHasD0AndD3) {
  ASSERT_TRUE(function.capability(PCI_CAP_ID_PM));
  const unsigned at = *function.capability(PCI_CAP_ID_PM);
  EXPECT_EQ(function.config(at + PCI_PM_PMC, 2) & PCI_PM_CAP_VER_MASK, 3U);
  EXPECT_EQ(function.config(at + PCI_PM_PMC, 2) & (PCI_PM_CAP_D1 | PCI_PM_CAP_D2), 0U);
  EXPECT_EQ(function.config(at + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK, 0U);
  EXPECT_NE(function.config(at + PCI_PM_CTRL, 2) & PCI_PM_CTRL_NO_SOFT_RESET, 0U);
}

TEST_F(Vfio, WhatLiesBeyondTheCapabilitiesReadsZero) {
  std::uint32_t extended = ~0U;
  EXPECT_EQ(function.read(VFIO_PCI_CONFIG_REGION_INDEX, 0x100, &extended, 4), 4);
  EXPECT_EQ(extended, 0U);
  EXPECT_LE(function.read(VFIO_PCI_CONFIG_REGION_INDEX, 4096, &extended, 4), 0);
}

TEST_F(Vfio, RegistersAreReadThroughTheDevicesFile) {
  enable(PCI_COMMAND_MEMORY);
  std::uint32_t id = 0;
  EXPECT_EQ(function.read(2, regs::card::id.offset, &id, 4), 4);
  EXPECT_EQ(id, 0x5254'5041U);
  std::uint64_t capabilities = 0;
  EXPECT_EQ(function.read(0, regs::iommu::capabilities.offset, &capabilities, 8), 8);
  EXPECT_EQ(regs::iommu::capabilities_f::version.get(capabilities), 0x10U);
}

TEST_F(Vfio, NothingIsReadBeyondABar) {
  enable(PCI_COMMAND_MEMORY);
  std::uint32_t value = 0;
  EXPECT_EQ(function.read(2, pci::kBarSize, &value, 4), -EINVAL);
  EXPECT_EQ(function.write(2, pci::kBarSize, &value, 4), -EINVAL);
  EXPECT_EQ(function.read(2, pci::kBarSize - 4, &value, 4), 4);
}

TEST_F(Vfio, AMappedBarIsTheSameRegisters) {
  enable(PCI_COMMAND_MEMORY);
  const vfio_region_info info = function.region(2);
  void* mapped = ::mmap(nullptr, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, function.device(),
                        static_cast<off_t>(info.offset));
  ASSERT_NE(mapped, MAP_FAILED) << std::strerror(errno);
  EXPECT_EQ(*static_cast<volatile std::uint32_t*>(mapped), 0x5254'5041U);
  ::munmap(mapped, info.size);
}

TEST_F(Vfio, WhatCannotBeMappedIsInvalid) {
  for (const unsigned index : {1U, unsigned{VFIO_PCI_ROM_REGION_INDEX}, unsigned{VFIO_PCI_CONFIG_REGION_INDEX}}) {
    void* mapped =
        ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, function.device(), static_cast<off_t>(offset_of(index)));
    EXPECT_EQ(mapped, MAP_FAILED);
    EXPECT_EQ(errno, EINVAL);
  }
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, function.device(), 0), MAP_FAILED);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(::mmap(nullptr, 2 * pci::kBarSize, PROT_READ, MAP_SHARED, function.device(), 0), MAP_FAILED);
  EXPECT_EQ(errno, EINVAL);
}

TEST_F(Vfio, AResetGivesRegistersTheirFirstValues) {
  enable(PCI_COMMAND_MEMORY);
  const std::uint64_t offset = regs::dma::kBlock.base + regs::dma::address_mask.offset;
  std::uint64_t first = 0;
  std::uint64_t value = 0xfff;
  ASSERT_EQ(function.read(2, offset, &first, 8), 8);
  ASSERT_EQ(function.write(2, offset, &value, 8), 8);
  ASSERT_EQ(function.read(2, offset, &value, 8), 8);
  ASSERT_EQ(value, 0xfffU);
  EXPECT_EQ(function.call(VFIO_DEVICE_RESET), 0);
  enable(PCI_COMMAND_MEMORY);
  ASSERT_EQ(function.read(2, offset, &value, 8), 8);
  EXPECT_EQ(value, first);
}

TEST_F(Vfio, AResetLeavesTheBarsWhereTheyWere) {
  const std::uint32_t before = function.config(PCI_BASE_ADDRESS_2, 4);
  ASSERT_EQ(function.call(VFIO_DEVICE_RESET), 0);
  EXPECT_EQ(function.config(PCI_BASE_ADDRESS_2, 4), before);
}

TEST_F(Vfio, TheContainerSaysWhatItIs) {
  EXPECT_EQ(function.container_call(VFIO_GET_API_VERSION, nullptr), VFIO_API_VERSION);
  EXPECT_EQ(function.container_extension(VFIO_TYPE1v2_IOMMU), 1);
  EXPECT_EQ(function.container_extension(0x7777), 0);
  vfio_iommu_type1_info info{};
  info.argsz = sizeof info;
  ASSERT_EQ(function.container_call(VFIO_IOMMU_GET_INFO, &info), 0);
  EXPECT_NE(info.flags & VFIO_IOMMU_INFO_PGSIZES, 0U);
  EXPECT_NE(info.iova_pgsizes & 4096, 0U);
  info.argsz = 8;
  EXPECT_EQ(function.container_call(VFIO_IOMMU_GET_INFO, &info), -EINVAL);
}

TEST_F(Vfio, MapsOfTheContainerAreThoseThatMakeSense) {
  constexpr std::size_t kSize = 2 * 4096;
  constexpr std::uint64_t kIova = 0x10'0000;
  void* memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const vfio_iommu_type1_dma_map good{.argsz = sizeof good,
                                      .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
                                      .vaddr = reinterpret_cast<std::uint64_t>(memory),
                                      .iova = kIova,
                                      .size = kSize};
  const auto mapped = [this](vfio_iommu_type1_dma_map map) {
    return function.container_call(VFIO_IOMMU_MAP_DMA, &map);
  };
  auto bad = good;
  bad.argsz = 8;
  EXPECT_EQ(mapped(bad), -EINVAL);
  bad = good;
  bad.size = 0;
  EXPECT_EQ(mapped(bad), -EINVAL);
  bad = good;
  bad.iova += 8;
  EXPECT_EQ(mapped(bad), -EINVAL);
  bad = good;
  bad.flags = 0;
  EXPECT_EQ(mapped(bad), -EINVAL);
  EXPECT_EQ(mapped(good), 0);
  EXPECT_EQ(mapped(good), -EEXIST);
  vfio_iommu_type1_dma_unmap all{.argsz = sizeof all, .flags = 0, .iova = kIova, .size = kSize};
  EXPECT_EQ(function.container_call(VFIO_IOMMU_UNMAP_DMA, &all), 0);
  EXPECT_EQ(all.size, kSize);
  EXPECT_EQ(mapped(good), 0) << "again";
  ::munmap(memory, kSize);
}

TEST_F(Vfio, TheGroupIsViableAndGivesOutThisFunctionAlone) {
  vfio_group_status status{};
  status.argsz = sizeof status;
  ASSERT_EQ(function.group_call(VFIO_GROUP_GET_STATUS, &status), 0);
  EXPECT_EQ(status.flags, unsigned{VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET});
  char other[] = "0000:ff:1f.7";
  EXPECT_EQ(function.group_call(VFIO_GROUP_GET_DEVICE_FD, other), -ENODEV);
}

}  // namespace
}  // namespace aperture::test
