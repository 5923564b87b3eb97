// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Memory-mapped register interface".
#include "unit/model_bench.hpp"

namespace aperture::tb::test {
namespace {

using ModelRegisters = ModelTest;

TEST_F(ModelRegisters, CapabilitiesShowTheStrapsWithoutReservedBits) {
  // Bits 43:0 without 13:12 and 20, IGS BOTH.
  EXPECT_EQ(read64(0), 0x0ff8'ffff'ff10U & ~(bit(12) | bit(13) | bit(20) | bit(28)));
  EXPECT_EQ(read32(4), 0x0ff8U);
}

TEST_F(ModelRegisters, StrapsOutOfRangeAreNamed) {
  straps.vectors_log2 = 5;
  auto result = model.reset(straps);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().number, EINVAL);
  EXPECT_NE(result.error().what.find("vectors_log2"), std::string::npos);
}

TEST_F(ModelRegisters, ResetStartsOffOrBare) {
  EXPECT_EQ(read64(16), 0U);
  straps.reset_bare = true;
  reset();
  EXPECT_EQ(read64(16), 1U);
}

TEST_F(ModelRegisters, DdtpKeepsPpnAndModeOnly) {
  write64(16, ~std::uint64_t{11});  // mode 4
  EXPECT_EQ(read64(16), (bit(54) - bit(10)) | 4);
}

TEST_F(ModelRegisters, DdtpDoesNotGoFromOneTableModeToAnother) {
  use_ddt(2);
  write64(16, 0x999 << 10 | 3);
  EXPECT_EQ(read64(16), kDdt >> 12 << 10 | 2);
  write64(16, 1);
  write64(16, 0x999 << 10 | 3);
  EXPECT_EQ(read64(16), 0x999U << 10 | 3);
}

TEST_F(ModelRegisters, DdtpRefusesModesThatAreNotThere) {
  straps.ddt_levels_max = 2;
  reset();
  write64(16, 4);
  EXPECT_EQ(read64(16), 0U);
  write64(16, 5);
  EXPECT_EQ(read64(16), 0U);
  write64(16, 3);
  EXPECT_EQ(read64(16), 3U);
}

TEST_F(ModelRegisters, TheLowHalfOfDdtpActsWithTheHighHalfWrittenBefore) {
  write32(20, 0x12);
  EXPECT_EQ(read64(16), 0U);
  write32(16, 0x400 | 2);
  EXPECT_EQ(read64(16), 0x12'0000'0402U);
}

TEST_F(ModelRegisters, QueueBasesHaveALargestSizeAndClearTheirIndices) {
  write64(24, 3);
  write32(36, 9);
  EXPECT_EQ(read32(36), 9U);
  write64(24, 0x77 << 10 | 31);
  EXPECT_EQ(read64(24), 0x77U << 10 | 14);
  EXPECT_EQ(read32(36), 0U);
  write64(40, 3);
  write32(48, 0xff);
  EXPECT_EQ(read32(48), 0xfU);
  write64(40, 3);
  EXPECT_EQ(read32(48), 0U);
}

TEST_F(ModelRegisters, QueueBasesCanBeWrittenInHalvesInEitherOrder) {
  write32(44, 0x3);
  write32(40, 0x1405);
  EXPECT_EQ(read64(40), 0x3'0000'1405U);
  write32(44, 0x1);
  EXPECT_EQ(read64(40), 0x1'0000'1405U);
}

TEST_F(ModelRegisters, AQueueBaseIsFixedWhileTheQueueIsOn) {
  enable_fault_queue();
  write64(40, 0x5 << 10);
  EXPECT_EQ(read64(40), kFq >> 12 << 10 | 3);
}

TEST_F(ModelRegisters, AQueueIsOnAsSoonAsItIsEnabled) {
  write32(72, 3);
  EXPECT_EQ(read32(72), 0x10003U);
  write32(72, 2);
  EXPECT_EQ(read32(72), 2U);
}

TEST_F(ModelRegisters, FctlIsWritableOnlyWhileEverythingIsOff) {
  write32(8, 7);
  EXPECT_EQ(read32(8), 7U);
  write64(16, 1);
  write32(8, 0);
  EXPECT_EQ(read32(8), 7U);
  write64(16, 0);
  write32(72, 1);
  write32(8, 0);
  EXPECT_EQ(read32(8), 7U);
}

TEST_F(ModelRegisters, FctlFollowsCapabilitiesAndStraps) {
  without(bit(27));  // END
  write32(8, 1);
  EXPECT_EQ(read32(8), 0U);
  without(bit(8) | bit(16));  // Sv32, Sv32x4
  write32(8, 4);
  EXPECT_EQ(read32(8), 0U);
  without(bit(29));  // IGS = WSI
  EXPECT_EQ(read32(8), 2U);
  write32(8, 0);
  EXPECT_EQ(read32(8), 2U);
}

TEST_F(ModelRegisters, AnAccessOfAnotherWidthReadsZeroAndWritesNothing) {
  write64(8, 7);
  EXPECT_EQ(read32(8), 0U);
  write32(8, 7);
  EXPECT_EQ(read64(8), 0U);
}

TEST_F(ModelRegisters, OptionalRegistersReadZeroWhereTheyAreAbsent) {
  without(bit(25) | bit(30) | bit(31) | bit(41));  // ATS, HPM, DBG, QOSID
  for (const std::uint32_t offset : {56U, 96U, 104U, 352U, 600U, 608U}) {
    write64(offset, ~std::uint64_t{0} & ~std::uint64_t{1});
    EXPECT_EQ(read64(offset), 0U) << offset;
  }
  for (const std::uint32_t offset : {64U, 80U, 92U, 624U}) {
    write32(offset, ~0U);
    EXPECT_EQ(read32(offset), 0U) << offset;
  }
}

TEST_F(ModelRegisters, ReservedOffsetsReadZero) {
  for (const std::uint32_t offset : {12U, 628U, 688U, 1024U, 4092U}) {
    write32(offset, ~0U);
    EXPECT_EQ(read32(offset), 0U) << offset;
  }
}

TEST_F(ModelRegisters, IcvecKeepsTheBitsOfTheVectorsThatExist) {
  straps.vectors_log2 = 3;
  reset();
  write64(760, ~std::uint64_t{0});
  EXPECT_EQ(read64(760), 0x7777U);
}

TEST_F(ModelRegisters, MsiAddressesAreAlignedAndLieBelowTwoToThe56) {
  write64(768 + 16, ~std::uint64_t{0});
  EXPECT_EQ(read64(768 + 16), 0x00ff'ffff'ffff'fffcU);
  write64(768 + 4 * 16, 0x1000);  // the fifth of four vectors
  EXPECT_EQ(read64(768 + 4 * 16), 0U);
  write32(768 + 12, ~0U);
  EXPECT_EQ(read32(768 + 12), 1U);
}

TEST_F(ModelRegisters, QosIdsKeepTheBitsThatExist) {
  straps.rcid_bits = 4;
  straps.mcid_bits = 6;
  reset();
  write32(624, ~0U);
  EXPECT_EQ(read32(624), 0x003f'000fU);
}

TEST_F(ModelRegisters, CountersAndSelectorsKeepWhatExists) {
  straps.hpm_counters = 2;
  straps.hpm_counter_bits = 40;
  reset();
  write64(104 + 8, ~std::uint64_t{0});
  EXPECT_EQ(read64(104 + 8), bit(40) - 1);
  write64(104 + 16, 5);
  EXPECT_EQ(read64(104 + 16), 0U);
  write64(352, bit(61) | 9);  // the largest event is 8
  EXPECT_EQ(read64(352), bit(61));
  write32(92, ~0U);
  EXPECT_EQ(read32(92), 7U);
}

}  // namespace
}  // namespace aperture::tb::test
