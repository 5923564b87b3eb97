// SPDX-License-Identifier: Apache-2.0
// RISC-V Privileged Architecture, section "Two-Stage Address Translation", and the fields of fault records that
// RISC-V IOMMU, section "Fault/Event-Queue", gives to guest-page faults.
#include "unit/model_bench.hpp"

namespace aperture::tb::test {
namespace {

class ModelTwoStage : public ModelTest {
 protected:
  // The guest's tables are mapped one to one unless a test maps them otherwise.
  ModelTwoStage() { restart(); }
  void restart() {
    reset();
    enable_fault_queue();
    second = table(16384);
    first = table();
    configure({.iohgatp = pointer(8, second)});
  }
  /// First stage Sv39 from 0x1000 to GPA 0x70000; its tables are then mapped with `flags`.
  void two_stages(std::uint64_t tc = 0, std::uint64_t flags = kUserPage) {
    put(kDevice, {.tc = tc, .iohgatp = pointer(8, second), .fsc = pointer(8, first)});
    leaf = map(first, 3, 0x1000, 0x70000, kUserPage);
    middle = leaf & ~std::uint64_t{0xfff};
    const std::uint64_t end = next_table;
    for (std::uint64_t page = first; page < end; page += 4096) map_second(second, page, page, flags);
  }
  Record fault(const AccessResult& result) {
    EXPECT_FALSE(result.ok);
    return record();
  }
  std::uint64_t second = 0, first = 0, leaf = 0, middle = 0;
};

TEST_F(ModelTwoStage, TheSecondStageAloneTranslatesGuestAddresses) {
  map_second(second, 0x7f'f000'1000, 0x9000);
  EXPECT_EQ(read(0x7f'f000'1008).pa, 0x9008U);
  map_second(second, bit(40) | 0x1000, 0xa000);  // in the three upper quarters of the 16 KiB root
  EXPECT_EQ(read(bit(40) | 0x1000).pa, 0xa000U);
}

TEST_F(ModelTwoStage, GuestAddressesAreZeroExtended) {
  const Record r = fault(read(bit(41)));
  EXPECT_EQ(r.cause, 21U);
  EXPECT_EQ(r.iotval2, bit(41));
}

TEST_F(ModelTwoStage, GuestPageFaultsCarryTheGuestAddress) {
  EXPECT_EQ(fault(write(0x5558, 1)).cause, 23U);
  const Record r = fault(execute(0x5557));
  EXPECT_EQ(r.cause, 20U);
  EXPECT_EQ(r.iotval, 0x5557U);
  EXPECT_EQ(r.iotval2, 0x5554U);
}

TEST_F(ModelTwoStage, SecondStagePagesMustBeUserPages) {
  map_second(second, 0x5000, 0x9000, kUserPage & ~U);
  EXPECT_EQ(fault(read(0x5000)).cause, 21U);
}

TEST_F(ModelTwoStage, BothStagesTranslate) {
  two_stages();
  map_second(second, 0x70000, 0x9000);
  EXPECT_EQ(read(0x1018).pa, 0x9018U);
}

TEST_F(ModelTwoStage, AFinalGuestPageFaultIsNotImplicit) {
  two_stages();
  const Record r = fault(read(0x1018));
  EXPECT_EQ(r.cause, 21U);
  EXPECT_EQ(r.iotval, 0x1018U);
  EXPECT_EQ(r.iotval2, 0x70018U);
}

TEST_F(ModelTwoStage, AFaultOnAnEntryIsImplicitAndNamesTheEntry) {
  two_stages();
  map_second(second, middle, 0, 0);
  const Record r = fault(write(0x1018, 1));
  EXPECT_EQ(r.cause, 23U) << "the original access type";
  EXPECT_EQ(r.iotval2, leaf | 1);
}

TEST_F(ModelTwoStage, EntriesAreReadWithReadPermission) {
  two_stages(0, V | X | U | A | D);
  EXPECT_EQ(fault(execute(0x1000)).iotval2, first | 1);
}

TEST_F(ModelTwoStage, UpdatingAnEntryIsAnImplicitWrite) {
  two_stages(kSade, V | R | U | A | D);
  map_second(second, 0x70000, 0x9000);
  poke(leaf, peek(leaf) & ~A);
  const Record r = fault(read(0x1000));
  EXPECT_EQ(r.cause, 21U);
  EXPECT_EQ(r.iotval2, leaf | 3);
  EXPECT_EQ(peek(leaf) & A, 0U);
}

TEST_F(ModelTwoStage, GadeSetsBitsForImplicitAccessesToo) {
  two_stages(kSade | kGade, kUserPage & ~A & ~D);
  const std::uint64_t of_data = map_second(second, 0x70000, 0x9000, kUserPage & ~A & ~D);
  const std::uint64_t of_root = map_second(second, first, first, kUserPage & ~A & ~D);
  const std::uint64_t of_leaf = map_second(second, middle, middle, kUserPage & ~A & ~D);
  poke(leaf, peek(leaf) & ~D);
  EXPECT_TRUE(write(0x1000, 1).ok);
  EXPECT_EQ(peek(of_data) & (A | D), A | D);
  EXPECT_EQ(peek(of_root) & (A | D), A);
  EXPECT_EQ(peek(of_leaf) & (A | D), A | D) << "the first stage's D was written";
  EXPECT_EQ(peek(leaf) & D, D);
}

TEST_F(ModelTwoStage, WithoutGadeAClearABitFaults) {
  two_stages(kSade, kUserPage & ~A);
  EXPECT_EQ(fault(read(0x1000)).iotval2, first | 1);
}

TEST_F(ModelTwoStage, FirstStageMemoryTypesOverrideThoseOfTheSecond) {
  two_stages();
  map_second(second, 0x70000, 0x9000, kUserPage | kNc);
  EXPECT_EQ(read(0x1000).pbmt, 1U);
  poke(leaf, peek(leaf) | kIo);
  EXPECT_EQ(read(0x1000).pbmt, 2U);
  map_second(second, 0x70000, 0x9000, kUserPage);
  EXPECT_EQ(read(0x1000).pbmt, 2U);
}

TEST_F(ModelTwoStage, BothStagesMustPermit) {
  two_stages();
  map_second(second, 0x70000, 0x9000, V | R | U | A | D);
  EXPECT_TRUE(read(0x1000).ok);
  EXPECT_EQ(fault(write(0x1000, 1)).cause, 23U);
  map_second(second, 0x70000, 0x9000);
  poke(leaf, 0x70000 >> 2 | V | R | U | A | D);
  EXPECT_EQ(fault(write(0x1000, 1)).cause, 15U);
}

TEST_F(ModelTwoStage, ASecondStageEntryThatCannotBeReadIsAnAccessFaultOfTheOriginalType) {
  two_stages();
  model.set_fault(second, 16384, MemoryFault::kError);
  const Record r = fault(write(0x1000, 1));
  EXPECT_EQ(r.cause, 7U);
  EXPECT_EQ(r.iotval2, 0U);
}

TEST_F(ModelTwoStage, ProcessDirectoriesLieInGuestMemory) {
  const std::uint64_t pdt = table();
  put(kDevice, {.tc = kPdtv, .iohgatp = pointer(8, second), .fsc = pointer(1, 0x44000)});
  const DeviceAccess access_of_3{.device_id = kDevice, .process_id = 3, .write = true, .iova = 0x1000, .data = {}};
  Record r = fault(access(access_of_3));
  EXPECT_EQ(r.cause, 23U);
  EXPECT_EQ(r.iotval2, 0x44030U | 1);
  map_second(second, 0x44000, pdt);
  r = fault(access(access_of_3));
  EXPECT_EQ(r.cause, 266U);
  poke(pdt + 0x30, 1);
  map_second(second, 0x1000, 0x9000);
  EXPECT_EQ(access(access_of_3).pa, 0x9000U);
}

TEST_F(ModelTwoStage, SecondStageErrorsOnTheWayToADirectoryAreTheDirectorys) {
  put(kDevice, {.tc = kPdtv | kDpe, .iohgatp = pointer(8, second), .fsc = pointer(1, 0x44000)});
  map_second(second, 0x44000, table());
  model.set_fault(second, 16384, MemoryFault::kError);
  EXPECT_EQ(fault(write(0x1000, 1)).cause, 265U);
  model.set_fault(second, 16384, MemoryFault::kPoison);
  EXPECT_EQ(fault(write(0x1000, 1)).cause, 269U);
}

TEST_F(ModelTwoStage, SxlLimitsGuestAddressesTo34Bits) {
  put(kDevice, {.tc = kSxl, .iohgatp = pointer(8, second)});
  map_second(second, bit(34), 0x9000);
  map_second(second, bit(33), 0xa000);
  EXPECT_EQ(fault(read(bit(34))).cause, 21U);
  EXPECT_EQ(read(bit(33)).pa, 0xa000U);
}

TEST_F(ModelTwoStage, GxlMakesTheSecondStageSv32x4) {
  write64(16, 0);
  write32(76, 0);
  write32(8, 4);
  enable_fault_queue();
  configure({.tc = kSxl, .iohgatp = pointer(8, second)});
  // Twelve bits of index at the root.
  const std::uint64_t low = table();
  poke(second + (0x3'0040'1000 >> 22) * 4, low >> 12 << 10 | V, 4);
  poke(low + 4, 0x9000 >> 12 << 10 | kUserPage, 4);
  EXPECT_EQ(read(0x3'0040'1008).pa, 0x9008U);
  EXPECT_EQ(fault(read(bit(34))).cause, 21U);
}

TEST_F(ModelTwoStage, FctlBeMakesTheSecondStageBigEndian) {
  write64(16, 0);
  write32(76, 0);
  write32(8, 1);
  enable_fault_queue();
  big_endian = true;
  configure({.iohgatp = pointer(8, second)});
  map_second(second, 0x5000, 0x9000);
  EXPECT_EQ(read(0x5000).pa, 0x9000U);
  EXPECT_EQ(fault(read(0x6000)).iotval2, 0x6000U) << "the record is big-endian as well";
}

}  // namespace
}  // namespace aperture::tb::test
