// SPDX-License-Identifier: Apache-2.0
// ATS translation requests and ATS commands: what a device behind the external port sees of them, and how they take
// part in fences.
#include "bench/ats_setup.hpp"

namespace aperture::test {
namespace {

namespace r = regs::iommu;
namespace caps = r::capabilities_f;
namespace tc = regs::dc::tc;
using tb::Stream;

constexpr std::uint32_t kDevice = kAtsDevice;
constexpr std::uint64_t kIova = kAtsIova;
constexpr std::uint64_t kTarget = kAtsTarget;
constexpr std::uint64_t kFlag = 0x77;
using Status = tb::AtsResult::Status;

Command ats(regs::Func3 func3, std::uint32_t rid, std::uint64_t payload) {
  namespace w0 = regs::cmd::w0;
  return {w0::ats_rid.set(
              w0::func3.set(w0::opcode.set(0, std::to_underlying(regs::Opcode::kAts)), std::to_underlying(func3)), rid),
          payload};
}
Command ats_inval(std::uint32_t rid, std::uint64_t payload = kIova) {
  return ats(regs::Func3::kAtsInval, rid, payload);
}

// ---- translation requests
// --------------------------------------------------------------------------------------------

TEST_F(AtsTest, ACompletionHasThePageAndItsPermissions) {
  const auto a = answer(request());
  EXPECT_EQ(a.status, Status::kSuccess);
  EXPECT_EQ(a.pa, kTarget);
  EXPECT_EQ(a.size, 4096U);
  EXPECT_TRUE(a.r && a.w);
  EXPECT_FALSE(a.x || a.untranslated || a.priv);
}

TEST_F(AtsTest, ACompletionCoversTheWholeLeaf) {
  table.map(0x8000'0000, 0x6000'0000, kReadWrite, 1);
  const auto a = answer(request(0x8012'3000));
  EXPECT_EQ(a.pa, 0x6000'0000U);
  EXPECT_EQ(a.size, 2U << 20);
}

TEST_F(AtsTest, AMissingPermissionIsMissingInTheCompletionAndIsNoFault) {
  table.map(kIova, kTarget, kReadOnly);
  const auto a = answer(request());
  EXPECT_EQ(a.status, Status::kSuccess);
  EXPECT_TRUE(a.r);
  EXPECT_FALSE(a.w);
  EXPECT_TRUE(iommu.faults().empty());
}

TEST_F(AtsTest, APageThatIsNotMappedGrantsNothingAndIsNoFault) {
  const auto a = answer(request(kIova + 0x10'0000));
  EXPECT_EQ(a.status, Status::kSuccess);
  EXPECT_FALSE(a.r || a.w || a.x);
  EXPECT_TRUE(iommu.faults().empty());
}

TEST_F(AtsTest, ADeviceThatMayNotUseAtsGetsUnsupportedRequestAndARecord) {
  context.tc = tc::v.mask();
  iommu.set_context(kDevice, context);
  EXPECT_EQ(answer(request()).status, Status::kUnsupportedRequest);
  const auto faults = iommu.faults();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].cause, regs::Cause::kTypeDisallowed);
  EXPECT_EQ(faults[0].type, regs::Ttyp::kAts);
  EXPECT_EQ(faults[0].iotval, kIova);
}

TEST_F(AtsTest, ATableThatCannotBeReadGivesCompleterAbortAndARecord) {
  bench.memory().fault(table.entry(kIova), 8, tb::MemoryFault::kError);
  EXPECT_EQ(answer(request()).status, Status::kCompleterAbort);
  const auto faults = iommu.faults();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].cause, regs::Cause::kWriteAccessFault);
  EXPECT_EQ(faults[0].type, regs::Ttyp::kAts);
}

TEST_F(AtsTest, WithoutContextTheRequestIsUnsupported) {
  auto access = request();
  access.device_id = kDevice + 1;
  EXPECT_EQ(answer(access).status, Status::kUnsupportedRequest);
  EXPECT_EQ(iommu.faults().size(), 1U);
}

TEST_F(AtsTest, RequestsThatFollowEachOtherAreAllAnswered) {
  std::vector<std::uint64_t> numbers;
  for (unsigned i = 0; i < 40; ++i) {
    table.map(kIova + i * kPageSize, kTarget + i * kPageSize);
    numbers.push_back(bench.device().request_translation(request(kIova + i * kPageSize)));
  }
  bench.settle();
  for (unsigned i = 0; i < numbers.size(); ++i) {
    const auto a = bench.device().take_translation(numbers[i]);
    ASSERT_TRUE(a) << i;
    EXPECT_EQ(a->pa, kTarget + i * kPageSize);
  }
}

TEST_F(AtsTest, AFenceWaitsForCompletionsOfEarlierRequests) {
  bench.device().hold(Stream::kAtsCompletion, true);
  const auto number = bench.device().request_translation(request());
  bench.run(2000);
  const std::uint64_t flag = iommu.frame();
  iommu.submit(iofence({.address = flag, .data = kFlag}));
  bench.run(2000);
  EXPECT_EQ(iommu.memory().read32(flag), 0U);
  bench.device().hold(Stream::kAtsCompletion, false);
  EXPECT_TRUE(iommu.finish());
  EXPECT_EQ(iommu.memory().read32(flag), kFlag);
  EXPECT_TRUE(bench.device().take_translation(number));
}

TEST_F(AtsTest, AnInvalidationRequestGoesOutBehindCompletionsThatMayBeOld) {
  bench.device().hold(Stream::kAtsCompletion, true);
  const auto number = bench.device().request_translation(request());
  bench.run(2000);
  iommu.submit(iotinval_vma());
  iommu.submit(ats_inval(kDevice));
  bench.run(2000);
  EXPECT_TRUE(invalidations().empty());
  bench.device().hold(Stream::kAtsCompletion, false);
  bench.settle();
  EXPECT_TRUE(bench.device().take_translation(number));
  EXPECT_EQ(invalidations().size(), 1U);
  bench.device().complete_invalidation(kDevice, 1, 1);
}

// ---- a port that misbehaves
// -------------------------------------------------------------------------------------------

TEST_F(AtsTest, ADeviceThatTakesNoCompletionIsIsolatedAndHoldsUpNobody) {
  iommu.write(regs::card::isolation_timeout, 500);
  bench.device().hold(Stream::kAtsCompletion, true);
  bench.device().request_translation(request());
  bench.run(2000);
  EXPECT_EQ(iommu.get(regs::card::isolation, regs::card::isolation_f::device), 1U);
  EXPECT_TRUE(iommu.run(iofence()));
}

TEST_F(AtsTest, ADeviceThatTakesNoMessageIsIsolatedAndTheQueueGoesOn) {
  iommu.write(regs::card::isolation_timeout, 500);
  bench.device().hold(Stream::kMessage, true);
  iommu.submit(ats(regs::Func3::kAtsPrgr, kDevice, 0));
  iommu.submit(ats(regs::Func3::kAtsPrgr, kDevice, 0));
  EXPECT_TRUE(iommu.run(iofence()));
  EXPECT_EQ(iommu.get(regs::card::isolation, regs::card::isolation_f::device), 1U);
}

TEST_F(OwnIds, ATranslationRequestUnderAForeignIdIsUnsupportedWithoutARecord) {
  EXPECT_EQ(answer(request()).status, Status::kUnsupportedRequest);
  EXPECT_TRUE(iommu.faults().empty());
}

TEST_F(NoAts, AtsCommandsAreIllegal) {
  iommu.submit(ats_inval(kDevice));
  EXPECT_TRUE(stalls_with(r::cqcsr_f::cmd_ill));
}

// ---- ATS commands
// -----------------------------------------------------------------------------------------------------------

TEST_F(AtsTest, AnInvalidationRequestSaysWhatTheCommandSays) {
  namespace w0 = regs::cmd::w0;
  Command command = ats_inval(kDevice, 0xabcd'e000 | 1 << 11);
  command.w0 = w0::ats_pid.set(command.w0 | w0::ats_pv.mask(), 0x123);
  iommu.submit(command);
  bench.settle();
  const auto sent = invalidations();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].device_id, kDevice);
  EXPECT_EQ(sent[0].process_id, std::optional<std::uint32_t>(0x123));
  EXPECT_EQ(sent[0].payload, command.w1);
  EXPECT_EQ(sent[0].itag, 0U);
}

TEST_F(AtsTest, ASegmentCountsOnlyWhenItIsValid) {
  namespace w0 = regs::cmd::w0;
  Command command = ats(regs::Func3::kAtsPrgr, 0x1234, 0x9'0000'0000 | std::uint64_t{1} << 44);
  command.w0 = w0::ats_dseg.set(command.w0, 0x56);
  iommu.submit(command);
  command.w0 |= w0::ats_dsv.mask();
  EXPECT_TRUE(iommu.run(command));
  bench.settle();
  const auto sent = bench.device().messages().group_responses;
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].device_id, 0x1234U);
  EXPECT_EQ(sent[1].device_id, 0x56'1234U);
  EXPECT_EQ(sent[1].payload, command.w1);
  EXPECT_FALSE(sent[1].process_id);
}

TEST_F(AtsTest, ReservedBitsOfAtsCommandsAreIllegal) {
  for (const unsigned bit : {10U, 11U, 34U, 39U}) {
    Command command = ats_inval(kDevice);
    command.w0 |= std::uint64_t{1} << bit;
    iommu.submit(command);
    EXPECT_TRUE(stalls_with(r::cqcsr_f::cmd_ill)) << bit;
    const std::uint64_t head = iommu.read(r::cqh);
    iommu.memory().write64(iommu.command_queue() + 16 * head, iotinval_vma().w0);
    iommu.memory().write64(iommu.command_queue() + 16 * head + 8, 0);
    iommu.write(r::cqcsr, r::cqcsr_f::cqen.mask() | r::cqcsr_f::cmd_ill.mask());
    EXPECT_TRUE(iommu.finish());
  }
}

TEST_F(AtsTest, AFenceWaitsForTheInvalidationCompletion) {
  iommu.submit(ats_inval(kDevice));
  iommu.submit(iofence());
  bench.run(3000);
  EXPECT_NE(iommu.read(r::cqh), 2U);
  ASSERT_TRUE(bench.device().complete_invalidation(kDevice, 1, 1));
  EXPECT_TRUE(iommu.finish());
}

TEST_F(AtsTest, TheCardIsNotBusyWhileItWaitsForADevice) {
  iommu.submit(ats_inval(kDevice));
  iommu.submit(iofence());
  bench.run(2000);
  EXPECT_EQ(iommu.get(regs::card::status, regs::card::status_f::busy), 0U);
  bench.device().complete_invalidation(kDevice, 1, 1);
  EXPECT_TRUE(iommu.finish());
}

TEST_F(AtsTest, TheLowestFreeTagGoesFirstAndAThirdCommandWaits) {
  for (unsigned i = 0; i < 3; ++i) iommu.submit(ats_inval(kDevice, kIova + i * kPageSize));
  bench.run(2000);
  auto sent = invalidations();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].itag, 0U);
  EXPECT_EQ(sent[1].itag, 1U);
  ASSERT_TRUE(bench.device().complete_invalidation(kDevice, 1U << 1, 1));
  bench.run(100);
  sent = invalidations();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].itag, 1U);
  EXPECT_EQ(sent[0].payload, kIova + 2 * kPageSize);
  ASSERT_TRUE(bench.device().complete_invalidation(kDevice, 3, 1));
  EXPECT_TRUE(iommu.run(iofence()));
}

TEST_F(AtsTest, AnInvalidationIsCompleteWhenAllItsMessagesHaveCome) {
  for (const unsigned count : {1U, 3U, 8U}) {
    iommu.submit(ats_inval(kDevice));
    iommu.submit(iofence());
    for (unsigned i = 0; i < count; ++i) {
      bench.run(500);
      EXPECT_NE(iommu.get(r::cqh, r::cqh_f::index), iommu.read(r::cqt)) << i << " of " << count;
      ASSERT_TRUE(bench.device().complete_invalidation(kDevice, 1, count));
    }
    EXPECT_TRUE(iommu.finish()) << count;
  }
}

TEST_F(AtsTest, ACompletionOfAnotherDeviceDoesNotCount) {
  iommu.submit(ats_inval(kDevice));
  iommu.submit(iofence());
  bench.run(1000);
  ASSERT_TRUE(bench.device().complete_invalidation(kDevice + 1, 1, 1));
  bench.run(1000);
  EXPECT_NE(iommu.read(r::cqh), 2U);
  ASSERT_TRUE(bench.device().complete_invalidation(kDevice, 1, 1));
  EXPECT_TRUE(iommu.finish());
}

TEST_F(AtsTest, AFenceReportsAnInvalidationThatRanOutOfTimeAndSucceedsWhenRepeated) {
  iommu.submit(ats_inval(kDevice));
  iommu.submit(iofence());
  bench.wait_until([&] { return !bench.busy(); }, 2'000'000, "the time of the invalidation to end");
  EXPECT_EQ(iommu.get(r::cqcsr, r::cqcsr_f::cmd_to), 1U);
  EXPECT_EQ(iommu.read(r::cqh), 1U);
  iommu.write(r::cqcsr, r::cqcsr_f::cqen.mask() | r::cqcsr_f::cmd_to.mask());
  EXPECT_TRUE(iommu.finish());
  EXPECT_EQ(iommu.get(r::cqcsr, r::cqcsr_f::cmd_to), 0U);
}

}  // namespace
}  // namespace aperture::test
