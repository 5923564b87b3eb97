// SPDX-License-Identifier: Apache-2.0
// ATS commands and page-request records as the driver writes and reads them.
#include <gtest/gtest.h>

#include "regs/registers.hpp"
#include "riscv/page_request_queue.hpp"

namespace aperture::test {
namespace {

using namespace riscv;
namespace w0 = regs::cmd::w0;
namespace w1 = regs::cmd::w1;

TEST(AtsCommand, InvalidatesOnePage) {
  const Command c = command::ats_inval(0x1234, 0x56789, Iova{0x1'2345'6000});
  EXPECT_EQ(w0::opcode.get(c.w0), 4U);
  EXPECT_EQ(w0::func3.get(c.w0), 0U);
  EXPECT_EQ(w0::ats_rid.get(c.w0), 0x1234U);
  EXPECT_EQ(w0::ats_dsv.get(c.w0), 0U);
  EXPECT_EQ(w0::ats_pv.get(c.w0), 1U);
  EXPECT_EQ(w0::ats_pid.get(c.w0), 0x56789U);
  EXPECT_EQ(c.w1, 0x1'2345'6000U);
}

TEST(AtsCommand, InvalidatesEverythingByTheLargestRange) {
  const Command c = command::ats_inval(5, {}, {});
  EXPECT_EQ(w0::ats_pv.get(c.w0), 0U);
  EXPECT_EQ(c.w1, 0x7fff'ffff'ffff'f800U);
}

TEST(AtsCommand, NamesTheSegmentOfADeviceThatHasOne) {
  const Command c = command::ats_inval(0xab'1234, {}, {});
  EXPECT_EQ(w0::ats_dsv.get(c.w0), 1U);
  EXPECT_EQ(w0::ats_dseg.get(c.w0), 0xabU);
  EXPECT_EQ(w0::ats_rid.get(c.w0), 0x1234U);
}

TEST(AtsCommand, AnswersTheGroupOfARequest) {
  PageRequest request;
  request.device_id = 7;
  request.process_id = 9;
  request.group = 0x155;
  const Command c = respond(request, command::PageResponse::kFailure);
  EXPECT_EQ(w0::func3.get(c.w0), 1U);
  EXPECT_EQ(w0::ats_pid.get(c.w0), 9U);
  EXPECT_EQ(c.w1, std::uint64_t{0xf} << 44 | std::uint64_t{0x155} << 32);
  EXPECT_EQ(w0::ats_pv.get(respond(request, command::PageResponse::kSuccess, false).w0), 0U);
}

TEST(AtsCommand, SaysWhatItIs) {
  EXPECT_EQ(command::to_text(command::ats_inval(0x12, {}, Iova{0x3000})).find("ATS.INVAL RID=0x12 ADDR=0x3000 ("), 0U);
  EXPECT_EQ(command::to_text(command::ats_prgr(0x12, 3, 4, command::PageResponse::kInvalidRequest))
                .find("ATS.PRGR RID=0x12 PID=0x3 PRGI=4 CODE=1 ("),
            0U);
}

TEST(PageRequestRecord, IsDecoded) {
  const std::uint64_t words[2] = {std::uint64_t{0x21} << 40 | std::uint64_t{0b111} << 32 | std::uint64_t{0x98765} << 12,
                                  0xabcd'e000 | 0x1ff << 3 | 0b110};
  const PageRequest request = PageRequest::decode(words);
  EXPECT_EQ(request, (PageRequest{.device_id = 0x21,
                                  .process_id = 0x98765,
                                  .privileged = true,
                                  .execute = true,
                                  .read = false,
                                  .write = true,
                                  .last = true,
                                  .group = 0x1ff,
                                  .page = Iova{0xabcd'e000}}));
  EXPECT_FALSE(request.stop_marker());
  EXPECT_EQ(to_text(request),
            "page request of device 0x21, process 0x98765 privileged: write execute 0xabcde000, group 511, last");
}

TEST(PageRequestRecord, WithoutPermissionsIsAStopMarker) {
  const std::uint64_t words[2] = {std::uint64_t{1} << 32, 4};
  EXPECT_TRUE(PageRequest::decode(words).stop_marker());
}

}  // namespace
}  // namespace aperture::test
