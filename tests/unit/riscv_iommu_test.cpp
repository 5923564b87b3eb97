// SPDX-License-Identifier: Apache-2.0
#include "riscv/iommu.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "riscv/domain.hpp"
#include "unit/fake_card.hpp"

namespace aperture::riscv {
namespace {

using test::FakeCard;

TEST(IommuBringUp, TakesTheDeepestDirectoryThatTheCardHas) {
  for (const unsigned levels : {3U, 2U, 1U}) {
    FakeCard card;
    card.levels_max = levels;
    auto iommu = Iommu::bring_up(card);
    ASSERT_TRUE(iommu) << iommu.error().what;
    EXPECT_EQ((*iommu)->directory_levels(), levels);
    EXPECT_EQ(regs::iommu::ddtp_f::iommu_mode.get(card.reg(regs::iommu::ddtp)), levels + 1);
  }
}

TEST(IommuBringUp, KeepsToTheLevelsAskedFor) {
  FakeCard card;
  EXPECT_EQ((*Iommu::bring_up(card, {.levels = 2}))->directory_levels(), 2U);
}

TEST(IommuBringUp, EmptiesEveryCacheBehindAFence) {
  FakeCard card;
  auto iommu = Iommu::bring_up(card);
  ASSERT_TRUE(iommu);
  ASSERT_EQ(card.commands.size(), 4U);
  EXPECT_EQ(card.commands[0], command::iodir_inval_ddt({}));
  EXPECT_EQ(card.commands[1], command::iotinval_vma({}, {}));
  EXPECT_EQ(card.commands[2], command::iotinval_gvma({}, {}));
  EXPECT_EQ(card.fences, 1U);
}

TEST(IommuBringUp, QueuesAreNoLargerThanTheCardAllows) {
  FakeCard card;
  card.queue_log2_max = 3;
  auto iommu = Iommu::bring_up(card);
  ASSERT_TRUE(iommu) << iommu.error().what;
  EXPECT_EQ((*iommu)->commands().entries(), 8U);
  EXPECT_EQ((*iommu)->faults().entries(), 8U);
}

TEST(IommuBringUp, AnIommuThatWasLeftOnIsResetFirst) {
  FakeCard card;
  card.reg(regs::iommu::ddtp) = 4;
  auto iommu = Iommu::bring_up(card);
  ASSERT_TRUE(iommu) << iommu.error().what;
  EXPECT_EQ(card.resets, 1U);
}

TEST(IommuBringUp, RefusesAnotherVersion) {
  FakeCard card;
  card.capabilities = card.capabilities & ~0xffULL;
  EXPECT_EQ(Iommu::bring_up(card).error().code, Code::kUnsupported);
}

TEST(IommuBringUp, SaysThatACardIsGone) {
  FakeCard card;
  card.gone = true;
  EXPECT_EQ(Iommu::bring_up(card).error().code, Code::kCardDead);
}

TEST(IommuBringUp, LeavesNothingBehind) {
  FakeCard card;
  { auto iommu = Iommu::bring_up(card); }
  EXPECT_EQ(card.buffers, 0U);
  EXPECT_EQ(regs::iommu::ddtp_f::iommu_mode.get(card.reg(regs::iommu::ddtp)), 0U);
  EXPECT_EQ(regs::iommu::cqcsr_f::cqon.get(card.reg(regs::iommu::cqcsr)), 0U);
}

class IommuTest : public testing::Test {
 protected:
  FakeCard card;
  std::unique_ptr<Iommu> iommu = *Iommu::bring_up(card, {.command_log2 = 3, .fault_log2 = 3});
};

TEST_F(IommuTest, MoreCommandsThanTheRingHoldsAllArriveInOrder) {
  card.commands.clear();
  for (std::uint32_t i = 1; i <= 50; ++i) ASSERT_TRUE(iommu->commands().push(command::iotinval_vma(i, {})));
  ASSERT_TRUE(iommu->commands().fence());
  ASSERT_EQ(card.commands.size(), 51U);
  for (std::uint32_t i = 1; i <= 50; ++i) EXPECT_EQ(card.commands[i - 1], command::iotinval_vma(i, {}));
}

TEST_F(IommuTest, AnIllegalCommandIsNamedAndCanBeSkipped) {
  ASSERT_TRUE(iommu->commands().push({.w0 = 0x7f, .w1 = 0}));
  auto done = iommu->commands().fence();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().number, EIO);
  EXPECT_NE(done.error().what.find("cmd_ill"), std::string::npos) << done.error().what;
  EXPECT_NE(done.error().what.find("opcode 127"), std::string::npos) << done.error().what;
  CommandQueueError error;
  ASSERT_TRUE(iommu->commands().stopped(&error));
  EXPECT_TRUE(error.illegal);
  EXPECT_EQ(error.command.w0, 0x7fU);
  iommu->commands().skip();
  EXPECT_FALSE(iommu->commands().stopped());
  EXPECT_TRUE(iommu->commands().fence());
}

TEST_F(IommuTest, FaultsComeOutDecodedAndOldestFirst) {
  card.record_fault(15, 3, 0x123, 0xdead'b000);
  card.record_fault(258, 2, 7, 0x40);
  ASSERT_TRUE(iommu->faults().wait(1000));
  const Drained drained = iommu->faults().drain();
  ASSERT_EQ(drained.faults.size(), 2U);
  EXPECT_EQ(drained.faults[0].cause, regs::Cause::kWritePageFault);
  EXPECT_EQ(drained.faults[0].device_id, 0x123U);
  EXPECT_EQ(drained.faults[0].iotval, 0xdead'b000U);
  EXPECT_TRUE(drained.faults[0].write());
  EXPECT_FALSE(drained.faults[0].process_id);
  EXPECT_EQ(drained.faults[1].cause, regs::Cause::kDdtNotValid);
  EXPECT_NE(to_text(drained.faults[0]).find("write_page_fault (15): device 0x123"), std::string::npos);
  EXPECT_TRUE(iommu->faults().drain().faults.empty());
}

TEST_F(IommuTest, WaitingForAFaultThatDoesNotComeEndsWithTheCardIdle) {
  EXPECT_EQ(iommu->faults().wait(1000).error().code, Code::kCardIdle);
}

TEST_F(IommuTest, AFaultQueueThatOverflowedSaysSoAndRecordsAgain) {
  for (std::uint64_t i = 0; i < 20; ++i) card.record_fault(13, 2, 1, i << 12);
  const Drained drained = iommu->faults().drain();
  EXPECT_EQ(drained.faults.size(), 7U);
  EXPECT_TRUE(drained.overflow);
  card.record_fault(13, 2, 1, 0x77000);
  const Drained again = iommu->faults().drain();
  ASSERT_EQ(again.faults.size(), 1U);
  EXPECT_FALSE(again.overflow);
}

TEST_F(IommuTest, PassThroughLeavesAddressesAlone) {
  ASSERT_TRUE(iommu->pass_through(iommu->last_device_id()));
  EXPECT_EQ(card.translate(iommu->last_device_id(), 0x1234, true).address, 0x1234U);
  EXPECT_EQ(card.translate(3, 0x1234, true).cause, 258U);
  EXPECT_TRUE(iommu->pass_through(iommu->last_device_id()));
}

TEST_F(IommuTest, ABlockedDeviceIsInvalidatedBehindAFence) {
  ASSERT_TRUE(iommu->pass_through(9));
  card.commands.clear();
  ASSERT_TRUE(iommu->block(9));
  EXPECT_EQ(card.translate(9, 0, false).cause, 258U);
  ASSERT_EQ(card.commands.size(), 2U);
  EXPECT_EQ(card.commands[0], command::iodir_inval_ddt(9));
}

TEST_F(IommuTest, DeviceIdsBeyondTheDirectoryAreRefused) {
  FakeCard small;
  small.levels_max = 1;
  auto one = *Iommu::bring_up(small);
  EXPECT_EQ(one->pass_through(128).error().number, EINVAL);
  EXPECT_EQ(one->make_device({.name = "far", .device_id = 128}).error().number, EINVAL);
  EXPECT_TRUE(one->make_device({.name = "near", .device_id = 127}));
}

TEST_F(IommuTest, ATimedOutFenceLosesTheCardUntilItIsRestarted) {
  ASSERT_TRUE(iommu->pass_through(9));
  card.idle_early = true;
  EXPECT_EQ(iommu->block(9).error().number, EIO);
  EXPECT_TRUE(iommu->lost());
  card.idle_early = false;
  EXPECT_EQ(iommu->pass_through(10).error().number, EIO);
  ASSERT_TRUE(iommu->restart());
  EXPECT_FALSE(iommu->lost());
  EXPECT_EQ(card.translate(9, 0, false).cause, 258U);
  EXPECT_TRUE(iommu->pass_through(10));
}

TEST_F(IommuTest, ARestartKeepsContexts) {
  ASSERT_TRUE(iommu->pass_through(9));
  ASSERT_TRUE(iommu->restart());
  EXPECT_EQ(card.translate(9, 0x5000, false).address, 0x5000U);
}

TEST_F(IommuTest, FormatsAreThoseOfTheCardFewestLevelsFirst) {
  auto names = [this] {
    std::string text;
    auto device = iommu->make_device({.name = "d", .device_id = 1});
    for (const auto& format : (*device)->formats({})) text += format.name + " ";
    return text;
  };
  EXPECT_EQ(names(), "Sv39 Sv48 Sv57 ");
  FakeCard small;
  small.capabilities &= ~regs::iommu::capabilities_f::sv57.mask();
  auto other = *Iommu::bring_up(small);
  EXPECT_EQ((*other->make_device({.name = "d", .device_id = 1}))->formats({}).back().name, "Sv48");
  small.capabilities &= ~(regs::iommu::capabilities_f::sv48.mask() | regs::iommu::capabilities_f::sv39.mask());
  auto none = *Iommu::bring_up(small);
  EXPECT_EQ(none->make_device({.name = "d", .device_id = 1}).error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace aperture::riscv
