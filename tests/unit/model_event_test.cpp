// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU: the fault queue, interrupts and performance counters.
#include "unit/model_bench.hpp"

namespace aperture::tb::test {
namespace {

using ModelFaultQueue = ModelTest;
using ModelInterrupt = ModelTest;

constexpr std::uint32_t kFqcsr = 76, kIpsr = 84, kIocountinh = 92;

class ModelPerformance : public ModelTest {
 protected:
  ModelPerformance() { count(); }
  /// Every counter runs, which after a reset none does.
  void count() { write32(kIocountinh, 0); }
};

TEST_F(ModelFaultQueue, OverflowsWhenFullAndDropsUntilCleared) {
  enable_fault_queue(false, 1);
  read(0);
  EXPECT_EQ(read32(kFqcsr), 0x10001U);
  read(0);
  EXPECT_EQ(read32(kFqcsr), 0x10201U);
  EXPECT_EQ(read32(52), 1U);
  write32(48, 1);
  read(0);
  EXPECT_EQ(read32(52), 1U);
  write32(kFqcsr, 0x201);
  read(0);
  EXPECT_EQ(read32(52), 0U);
}

TEST_F(ModelFaultQueue, AMemoryFaultDropsRecordsUntilCleared) {
  enable_fault_queue();
  model.set_fault(kFq + 24, 8, MemoryFault::kError);
  read(0);
  EXPECT_EQ(read32(kFqcsr), 0x10101U);
  EXPECT_EQ(read32(52), 0U);
  model.set_fault(kFq, 32, MemoryFault::kNone);
  read(0);
  EXPECT_EQ(read32(52), 0U);
  write32(kFqcsr, 0x101);
  read(0);
  EXPECT_EQ(read32(52), 1U);
}

TEST_F(ModelFaultQueue, RecordsWhileItIsOffAreLost) {
  read(0);
  enable_fault_queue();
  EXPECT_EQ(read32(52), 0U);
}

TEST_F(ModelInterrupt, AnMsiIsSentWhenABitOfIpsrRises) {
  write64(760, 0x20);  // fiv = 2
  write64(768 + 32, 0x4000'0010);
  write32(768 + 40, 0x1234);
  enable_fault_queue(true);
  read(0);
  read(0);
  EXPECT_EQ(read32(kIpsr), 2U);
  auto sent = model.messages();
  ASSERT_EQ(sent.msis.size(), 1U) << "edge";
  EXPECT_EQ(sent.msis[0].address, 0x4000'0010U);
  EXPECT_EQ(sent.msis[0].data[1], std::byte{0x12});
  EXPECT_EQ(sent.wires, 0U);
  EXPECT_EQ(peek(0x4000'0010), 0U);
  write32(kIpsr, 2);
  EXPECT_EQ(read32(kIpsr), 0U);
  read(0);
  EXPECT_EQ(model.messages().msis.size(), 1U);
}

TEST_F(ModelInterrupt, AConditionThatStaysRaisesItsBitAgain) {
  enable_commands();
  command(5, 0);
  EXPECT_EQ(read32(kIpsr), 0U) << "cie is 0";
  write32(72, 3);
  EXPECT_EQ(read32(kIpsr), 1U);
  write32(kIpsr, 1);
  EXPECT_EQ(read32(kIpsr), 1U);
  EXPECT_EQ(model.messages().msis.size(), 2U);
  write32(72, 1 << 10 | 2);
  write32(kIpsr, 1);
  EXPECT_EQ(read32(kIpsr), 0U);
}

TEST_F(ModelInterrupt, AMaskedVectorSendsItsMessageWhenTheMaskGoes) {
  write64(768, 0x4000'0000);
  write32(768 + 12, 1);
  enable_fault_queue(true);
  read(0);
  EXPECT_EQ(read32(kIpsr), 2U);
  EXPECT_TRUE(model.messages().msis.empty());
  write32(768 + 12, 0);
  EXPECT_EQ(model.messages().msis.size(), 1U);
  write32(768 + 12, 1);
  write32(768 + 12, 0);
  EXPECT_TRUE(model.messages().msis.empty());
}

TEST_F(ModelInterrupt, AnMsiThatMemoryRefusesIsReported) {
  write64(768, 0x4000'0000);
  model.set_fault(0x4000'0000, 4, MemoryFault::kError);
  enable_fault_queue();
  enable_commands(true);
  command(5, 0);
  EXPECT_TRUE(model.messages().msis.empty());
  const Record r = record();
  EXPECT_EQ(r.cause, 273U);
  EXPECT_EQ(r.ttyp, 0U);
  EXPECT_EQ(r.iotval, 0x4000'0000U);
}

TEST_F(ModelInterrupt, WiresFollowIpsrAndIcvec) {
  write32(8, 2);
  write64(760, 0x3010);  // fiv 1, piv 3
  enable_fault_queue(true);
  read(0);
  EXPECT_EQ(model.messages().wires, 2U);
  EXPECT_EQ(model.messages().wires, 2U) << "a level, not an event";
  write32(kIpsr, 2);
  auto sent = model.messages();
  EXPECT_EQ(sent.wires, 0U);
  EXPECT_TRUE(sent.msis.empty());
}

TEST_F(ModelPerformance, CountersStandAfterAReset) {
  straps.hpm_counters = 3;
  reset();
  EXPECT_EQ(read32(kIocountinh), 0xfU);
  model.advance(100);
  EXPECT_EQ(read64(96), 0U);
}

TEST_F(ModelPerformance, CountsRequestsByKind) {
  write64(352, 1);
  write64(352 + 8, 2);
  write64(352 + 16, 3);
  write64(16, 1);
  read(0);
  read(0);
  access({.device_id = kDevice, .type = AccessType::kTranslated, .iova = 0});
  ats(0, false);
  EXPECT_EQ(read64(104), 2U);
  EXPECT_EQ(read64(112), 1U);
  EXPECT_EQ(read64(120), 1U);
}

TEST_F(ModelPerformance, FiltersByDeviceAndProcess) {
  write64(16, 1);
  const auto by = [](std::uint64_t device, std::uint64_t process, std::uint64_t flags) {
    return 1 | process << 16 | device << 36 | flags;
  };
  write64(352, by(5, 0, bit(61)));
  write64(352 + 8, by(3, 0, bit(61) | bit(15)));  // 0b0011, DMASK: any of 0 to 7
  write64(352 + 16, by(0, 9, bit(60)));
  write64(352 + 24, by(0, 0, bit(62)));  // IDT is not for this event
  read(0);
  access({.device_id = 7, .iova = 0});
  access({.device_id = 8, .process_id = 9, .iova = 0});
  EXPECT_EQ(read64(104), 1U);
  EXPECT_EQ(read64(112), 2U);
  EXPECT_EQ(read64(120), 1U);
  EXPECT_EQ(read64(128), 0U);
}

TEST_F(ModelPerformance, EachEntryReadCountsAndCanBeFilteredBySoftContexts) {
  const std::uint64_t root = table(), second = table(16384);
  map_second(second, 0x1000, 0x9000);
  put(4, {.ta = 0x77 << 12, .fsc = pointer(8, root)});
  put(5, {.iohgatp = pointer(8, second) | 0x33ULL << 44});
  map(root, 3, 0x1000, 0x9000, kUserPage);
  use_ddt();
  write64(352, 7 | 0x77ULL << 16 | bit(60) | bit(62));
  write64(352 + 8, 8 | 0x33ULL << 36 | bit(61) | bit(62));
  write64(352 + 16, 8 | 0x34ULL << 36 | bit(61) | bit(62));
  access({.device_id = 4, .iova = 0x1000});
  access({.device_id = 5, .iova = 0x1000});
  EXPECT_EQ(read64(104), 3U);
  EXPECT_EQ(read64(112), 3U);
  EXPECT_EQ(read64(120), 0U);
}

TEST_F(ModelPerformance, OverflowSetsOfAndInterruptsOnce) {
  straps.hpm_counter_bits = 32;
  reset();
  count();
  write64(16, 1);
  write64(352, 1);
  write64(104, 0xffff'ffff);
  read(0);
  EXPECT_EQ(read64(104), 0U);
  EXPECT_EQ(read64(352), bit(63) | 1);
  EXPECT_EQ(read32(88), 2U);
  EXPECT_EQ(read32(kIpsr), 4U);
  write32(kIpsr, 4);
  write64(104, 0xffff'ffff);
  read(0);
  EXPECT_EQ(read32(kIpsr), 0U) << "OF was 1 already";
}

TEST_F(ModelPerformance, InhibitedCountersStandStill) {
  write64(16, 1);
  write64(352, 1);
  write32(kIocountinh, 3);
  read(0);
  model.advance(100);
  EXPECT_EQ(read64(104), 0U);
  EXPECT_EQ(read64(96), 0U);
  write32(kIocountinh, 0);
  model.advance(100);
  EXPECT_EQ(read64(96), 100U);
}

TEST_F(ModelPerformance, CyclesOverflowBehind63Bits) {
  write64(96, bit(63) - 10);
  model.advance(12);
  EXPECT_EQ(read64(96), bit(63) | 2);
  EXPECT_EQ(read32(88), 1U);
  EXPECT_EQ(read32(kIpsr), 4U);
}

}  // namespace
}  // namespace aperture::tb::test
