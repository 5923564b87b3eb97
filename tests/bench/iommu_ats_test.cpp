// SPDX-License-Identifier: Apache-2.0
// ATS translation requests, page requests, ATS commands: what a device behind the external port sees of them, and how
// they take part in fences. Contexts are in base format.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "bench/iommu_setup.hpp"

namespace aperture::test {
namespace {

namespace r = regs::iommu;
namespace caps = r::capabilities_f;
namespace tc = regs::dc::tc;
using regs::IommuMode;
using regs::SatpMode;
using Status = tb::AtsResult::Status;
using tb::Stream;

constexpr std::uint32_t kDevice = 5;
constexpr std::uint64_t kIova = 0x4000'0000;
constexpr std::uint64_t kTarget = 0x9'8765'4000;
constexpr std::uint64_t kAllowed = tc::v.mask() | tc::en_ats.mask() | tc::en_pri.mask();
constexpr std::uint64_t kFlag = 0x77;

constexpr unsigned kSuccess = 0, kInvalidRequest = 1, kResponseFailure = 15;

Command ats(regs::Func3 func3, std::uint32_t rid, std::uint64_t payload) {
  namespace w0 = regs::cmd::w0;
  return {w0::ats_rid.set(
              w0::func3.set(w0::opcode.set(0, std::to_underlying(regs::Opcode::kAts)), std::to_underlying(func3)), rid),
          payload};
}
Command ats_inval(std::uint32_t rid, std::uint64_t payload = kIova) {
  return ats(regs::Func3::kAtsInval, rid, payload);
}

tb::Straps base_format() {
  tb::Straps straps;
  straps.capabilities &= ~(caps::msi_flat.mask() | caps::msi_mrif.mask() | caps::amo_mrif.mask());
  straps.fctl = static_cast<std::uint8_t>(r::fctl_f::wsi.mask());
  return straps;
}

class AtsTest : public ::testing::Test {
 protected:
  explicit AtsTest(const tb::Straps& straps = base_format()) {
    bench.reset(straps);
    start(iommu);
    table.map(kIova, kTarget);
    context.tc = kAllowed;
    iommu.set_context(kDevice, context);
  }

  tb::DeviceAccess request(std::uint64_t iova = kIova, bool write = true) const {
    tb::DeviceAccess access;
    access.device_id = kDevice;
    access.type = tb::AccessType::kAts;
    access.iova = iova;
    access.write = write;
    return access;
  }
  tb::AtsResult answer(const tb::DeviceAccess& access) {
    const auto result = bench.device().ats(access);
    EXPECT_TRUE(result) << "no completion";
    return result.value_or(tb::AtsResult{});
  }

  static std::uint64_t payload(bool read, bool write, bool last, unsigned group, std::uint64_t address = kIova) {
    return address | std::uint64_t{group} << 3 | (last ? 4 : 0) | (write ? 2 : 0) | (read ? 1 : 0);
  }
  tb::PageRequest page(std::uint64_t payload) const {
    tb::PageRequest request;
    request.device_id = kDevice;
    request.payload = payload;
    return request;
  }
  /// Sends it and waits until the IOMMU has dealt with it.
  void ask(const tb::PageRequest& request) {
    ASSERT_TRUE(bench.device().page_request(request));
    bench.settle();
  }
  /// What the IOMMU answers by itself, and with which PASID.
  tb::Messages::GroupResponse response() {
    const auto all = bench.device().messages().group_responses;
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? tb::Messages::GroupResponse{} : all.front();
  }
  static unsigned code(const tb::Messages::GroupResponse& r) { return static_cast<unsigned>(r.payload >> 44 & 0xf); }
  static unsigned group(const tb::Messages::GroupResponse& r) { return static_cast<unsigned>(r.payload >> 32 & 0x1ff); }

  void enable_page_queue(unsigned log2 = 3, std::uint64_t at = 0) {
    queue = at != 0 ? at : iommu.frame();
    iommu.write(r::pqb, r::pqb_f::ppn.set(r::pqb_f::log2szm1.set(0, log2 - 1), queue >> 12));
    iommu.write(r::pqcsr, r::pqcsr_f::pqen.mask() | r::pqcsr_f::pie.mask());
    ASSERT_TRUE(iommu.wait_for(r::pqcsr, r::pqcsr_f::busy, 0));
  }

  std::vector<tb::Messages::Invalidation> invalidations() { return bench.device().messages().invalidations; }
  bool stalls_with(const regs::Field& field) { return !iommu.finish() && iommu.get(r::cqcsr, field) == 1; }

  tb::Bench& bench = power_on();
  Iommu iommu{bench};
  PageTable table{iommu, SatpMode::kSv39};
  DeviceContext context = table.context();
  std::uint64_t queue = 0;
};

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

TEST_F(AtsTest, AFenceWaitsForPageRequestsUnderWay) {
  enable_page_queue();
  bench.device().hold(Stream::kMessage, true);
  iommu.write(r::pqcsr, 0);
  ASSERT_TRUE(bench.device().page_request(page(payload(true, false, true, 1))));
  ASSERT_TRUE(bench.device().page_request(page(payload(true, false, true, 2))));
  bench.run(2000);  // the first answer waits at the device, the second behind it
  const std::uint64_t flag = iommu.frame();
  iommu.submit(iofence({.address = flag, .data = kFlag}));
  bench.run(2000);
  EXPECT_EQ(iommu.memory().read32(flag), 0U);
  bench.device().hold(Stream::kMessage, false);
  EXPECT_TRUE(iommu.finish());
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

class OwnIds : public AtsTest {
 protected:
  static tb::Straps straps() {
    tb::Straps s = base_format();
    s.port_id_mask = 0xff'ff00;
    s.port_id_base = 0x100;
    return s;
  }
  OwnIds() : AtsTest(straps()) {}
};

TEST_F(OwnIds, ATranslationRequestUnderAForeignIdIsUnsupportedWithoutARecord) {
  EXPECT_EQ(answer(request()).status, Status::kUnsupportedRequest);
  EXPECT_TRUE(iommu.faults().empty());
}

TEST_F(OwnIds, APageRequestUnderAForeignIdIsInvalidWithoutARecord) {
  enable_page_queue();
  ask(page(payload(true, false, true, 9)));
  const auto answered = response();
  EXPECT_EQ(code(answered), kInvalidRequest);
  EXPECT_EQ(group(answered), 9U);
  EXPECT_TRUE(iommu.faults().empty());
  EXPECT_EQ(iommu.read(r::pqt), 0U);
}

// ---- page requests
// -------------------------------------------------------------------------------------------------------

TEST_F(AtsTest, APageRequestBecomesARecordAndAnInterrupt) {
  enable_page_queue();
  auto request = page(payload(true, true, true, 0x155));
  request.process_id = 0x98765;
  request.privileged = true;
  ask(request);
  EXPECT_EQ(iommu.read(r::pqt), 1U);
  namespace w0 = regs::page_request::w0;
  const std::uint64_t word = iommu.memory().read64(queue);
  EXPECT_EQ(w0::did.get(word), kDevice);
  EXPECT_EQ(w0::pv.get(word), 1U);
  EXPECT_EQ(w0::pid.get(word), 0x98765U);
  EXPECT_EQ(w0::priv.get(word), 1U);
  EXPECT_EQ(w0::exec.get(word), 0U);
  EXPECT_EQ(iommu.memory().read64(queue + 8), request.payload);
  EXPECT_EQ(iommu.get(r::ipsr, r::ipsr_f::pip), 1U);
  EXPECT_TRUE(bench.device().messages().group_responses.empty());
}

TEST_F(AtsTest, RecordsFollowEachOtherAndWrap) {
  enable_page_queue(2);
  for (unsigned i = 0; i < 10; ++i) {
    ask(page(payload(true, false, true, i)));
    EXPECT_EQ(iommu.memory().read64(queue + 16 * (i % 4) + 8), payload(true, false, true, i));
    EXPECT_EQ(iommu.read(r::pqt), (i + 1) % 4);
    iommu.write(r::pqh, (i + 1) % 4);
  }
}

TEST_F(AtsTest, AQueueThatIsOffFailsRequestsWithTheirPasid) {
  auto request = page(payload(true, false, true, 3));
  request.process_id = 6;
  ask(request);
  const auto answered = response();
  EXPECT_EQ(code(answered), kResponseFailure);
  EXPECT_EQ(group(answered), 3U);
  EXPECT_EQ(answered.device_id, kDevice);
  EXPECT_EQ(answered.process_id, std::optional<std::uint32_t>(6));
  EXPECT_TRUE(iommu.faults().empty());
}

TEST_F(AtsTest, WhatNeedsNoAnswerIsDroppedSilently) {
  ask(page(payload(true, false, false, 3)));
  ask(page(payload(false, false, true, 3)));  // stop marker
  EXPECT_TRUE(bench.device().messages().group_responses.empty());
  EXPECT_TRUE(iommu.faults().empty());
}

TEST_F(AtsTest, AFullQueueOverflowsAndAnswersSuccessUntilSoftwareClearsIt) {
  enable_page_queue(1);
  ask(page(payload(true, false, true, 1)));
  ask(page(payload(true, false, true, 2)));
  EXPECT_EQ(code(response()), kSuccess);
  EXPECT_EQ(iommu.get(r::pqcsr, r::pqcsr_f::pqof), 1U);
  iommu.write(r::pqh, 1);
  ask(page(payload(true, false, true, 3)));
  EXPECT_EQ(code(response()), kSuccess);
  iommu.write(r::pqcsr, r::pqcsr_f::pqen.mask() | r::pqcsr_f::pqof.mask());
  ask(page(payload(true, false, true, 4)));
  EXPECT_EQ(iommu.read(r::pqt), 0U);
  EXPECT_EQ(iommu.memory().read64(queue + 24), payload(true, false, true, 4));
}

TEST_F(AtsTest, ARecordThatCannotBeStoredFailsTheRequest) {
  const std::uint64_t bad = iommu.frame();
  bench.memory().fault(bad, 16, tb::MemoryFault::kError);
  enable_page_queue(3, bad);
  ask(page(payload(true, false, true, 1)));
  EXPECT_EQ(code(response()), kResponseFailure);
  EXPECT_EQ(iommu.get(r::pqcsr, r::pqcsr_f::pqmf), 1U);
  EXPECT_EQ(iommu.read(r::pqt), 0U);
  EXPECT_EQ(iommu.get(r::ipsr, r::ipsr_f::pip), 1U);
}

class PrprTest : public AtsTest, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(PasidRequired, PrprTest, ::testing::Bool());

TEST_F(AtsTest, ADeviceWithoutPriGetsInvalidRequestAndARecord) {
  context.tc = tc::v.mask() | tc::en_ats.mask();
  iommu.set_context(kDevice, context);
  auto request = page(payload(true, false, true, 7));
  request.process_id = 2;
  ask(request);
  const auto answered = response();
  EXPECT_EQ(code(answered), kInvalidRequest);
  EXPECT_FALSE(answered.process_id);
  const auto faults = iommu.faults();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].cause, regs::Cause::kTypeDisallowed);
  EXPECT_EQ(faults[0].type, regs::Ttyp::kMessage);
  EXPECT_EQ(faults[0].iotval, 4U);
  EXPECT_EQ(faults[0].process_id, std::optional<std::uint32_t>(2));
}

TEST_P(PrprTest, AnAnswerOfSuccessHasThePasidOnlyIfRequired) {
  context.tc = kAllowed | (GetParam() ? tc::prpr.mask() : 0);
  iommu.set_context(kDevice, context);
  enable_page_queue(1);
  auto request = page(payload(true, false, true, 1));
  request.process_id = 2;
  ask(request);
  ask(request);
  const auto answered = response();
  EXPECT_EQ(code(answered), kSuccess);
  EXPECT_EQ(answered.process_id.has_value(), GetParam());
}

TEST_F(AtsTest, WithoutContextTheAnswerIsResponseFailureAndARecord) {
  enable_page_queue();
  auto request = page(payload(true, false, true, 1));
  request.device_id = kDevice + 1;
  ask(request);
  EXPECT_EQ(code(response()), kResponseFailure);
  const auto faults = iommu.faults();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].cause, regs::Cause::kDdtNotValid);
  EXPECT_EQ(faults[0].type, regs::Ttyp::kMessage);
}

TEST_F(AtsTest, QueueRegistersKeepWhatTheyShall) {
  iommu.write(r::pqb, ~std::uint64_t{0});
  EXPECT_EQ(iommu.get(r::pqb, r::pqb_f::log2szm1), 14U);  // the strap allows 2^15 entries
  EXPECT_EQ(iommu.get(r::pqb, r::pqb_f::ppn), r::pqb_f::ppn.max());
  iommu.write(r::pqh, 0xffff'ffff);
  EXPECT_EQ(iommu.read(r::pqh), 0x7fffU);
  enable_page_queue();
  const std::uint64_t base = iommu.read(r::pqb);
  iommu.write(r::pqb, 0);
  EXPECT_EQ(iommu.read(r::pqb), base) << "changed while on";
  EXPECT_EQ(iommu.get(r::pqcsr, r::pqcsr_f::pqon), 1U);
}

class NoAts : public AtsTest {
 protected:
  static tb::Straps straps() {
    tb::Straps s = base_format();
    s.capabilities &= ~(caps::ats.mask() | caps::t2gpa.mask());
    return s;
  }
  NoAts() : AtsTest(straps()) {}
};

TEST_F(NoAts, ThereIsNoPageRequestQueue) {
  iommu.write(r::pqb, ~std::uint64_t{0});
  iommu.write(r::pqcsr, 1);
  EXPECT_EQ(iommu.read(r::pqb), 0U);
  EXPECT_EQ(iommu.read(r::pqcsr), 0U);
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
