// SPDX-License-Identifier: Apache-2.0
// Page requests: records of the page-request queue, and what the IOMMU answers by itself.
#include "bench/ats_setup.hpp"

namespace aperture::test {
namespace {

namespace r = regs::iommu;
namespace caps = r::capabilities_f;
namespace tc = regs::dc::tc;
using tb::Stream;

constexpr std::uint32_t kDevice = kAtsDevice;
constexpr std::uint64_t kIova = kAtsIova;

TEST_F(AtsTest, AFenceWaitsForPageRequestsUnderWay) {
  enable_page_queue();
  bench.device().hold(Stream::kMessage, true);
  iommu.write(r::pqcsr, 0);
  ASSERT_TRUE(bench.device().page_request(page(payload(true, false, true, 1))));
  ASSERT_TRUE(bench.device().page_request(page(payload(true, false, true, 2))));
  bench.run(2000);  // the first answer waits at the device, the second behind it
  const std::uint64_t flag = iommu.frame();
  iommu.submit(iofence({.address = flag, .data = 0x77U}));
  bench.run(2000);
  EXPECT_EQ(iommu.memory().read32(flag), 0U);
  bench.device().hold(Stream::kMessage, false);
  EXPECT_TRUE(iommu.finish());
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
  context.tc = kAtsAllowed | (GetParam() ? tc::prpr.mask() : 0);
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

TEST_F(NoAts, ThereIsNoPageRequestQueue) {
  iommu.write(r::pqb, ~std::uint64_t{0});
  iommu.write(r::pqcsr, 1);
  EXPECT_EQ(iommu.read(r::pqb), 0U);
  EXPECT_EQ(iommu.read(r::pqcsr), 0U);
}

}  // namespace
}  // namespace aperture::test
