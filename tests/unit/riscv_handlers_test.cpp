// SPDX-License-Identifier: Apache-2.0
// Who answers page requests: groups, answers, and what is lost.
#include <gtest/gtest.h>

#include <vector>

#include "riscv/iommu.hpp"
#include "unit/fake_card.hpp"

namespace aperture::riscv {
namespace {

using command::PageResponse;
using test::FakeCard;
using Group = std::span<const PageRequest>;
using Served = PageRequestHandlers::Served;
namespace w0 = regs::page_request::w0;
namespace payload = regs::page_request::payload;

constexpr std::uint32_t kDevice = 7;

class HandlersTest : public testing::Test {
 protected:
  HandlersTest() {
    card.capabilities |= regs::iommu::capabilities_f::ats.mask();
    iommu = *Iommu::bring_up(card, {.page_request_log2 = 4});
  }
  void request(std::uint64_t page, std::uint32_t group, bool last, std::optional<std::uint32_t> process = {},
               std::uint32_t device = kDevice) {
    std::uint64_t first = w0::did.set(0, device);
    if (process) first = w0::pid.set(first, *process) | w0::pv.mask();
    card.record_page_request(first, payload::prgi.set(payload::l.set(page | payload::w.mask(), last), group));
  }
  /// A handler that keeps what it gets.
  PageRequestHandlers::Handler keep(PageResponse code = PageResponse::kSuccess) {
    return [this, code](Group group) {
      groups.emplace_back(group.begin(), group.end());
      return code;
    };
  }
  Served serve() {
    const auto served = iommu->page_request_handlers().serve();
    EXPECT_TRUE(served);
    EXPECT_TRUE(iommu->commands().fence());
    return *served;
  }
  /// What the device was answered.
  std::vector<Command> answers() {
    std::vector<Command> out;
    for (const Command& command : card.commands)
      if (static_cast<regs::Opcode>(regs::cmd::w0::opcode.get(command.w0)) == regs::Opcode::kAts)
        out.push_back(command);
    return out;
  }

  FakeCard card;
  std::unique_ptr<Iommu> iommu;
  std::vector<std::vector<PageRequest>> groups;
};

TEST_F(HandlersTest, WithoutAnyTheQueueIsLeftAlone) {
  request(0x1000, 1, true);
  EXPECT_EQ(serve(), Served::kNothing);
  EXPECT_EQ(iommu->page_requests().drain().requests.size(), 1U);
}

TEST_F(HandlersTest, AGroupIsAnsweredOnceWhenItsLastRequestIsThere) {
  iommu->page_request_handlers().set(kDevice, {}, keep());
  request(0x1000, 1, false);
  request(0x9000, 2, true);
  request(0x2000, 1, false);
  EXPECT_EQ(serve(), Served::kSome);
  EXPECT_EQ(groups.size(), 1U);
  request(0x3000, 1, true);
  EXPECT_EQ(serve(), Served::kSome);
  ASSERT_EQ(groups.size(), 2U);
  ASSERT_EQ(groups[1].size(), 3U);
  EXPECT_EQ(groups[1][0].page, Iova{0x1000});
  EXPECT_EQ(groups[1][2].page, Iova{0x3000});
  EXPECT_EQ(answers(), (std::vector{command::ats_prgr(kDevice, {}, 2, PageResponse::kSuccess),
                                    command::ats_prgr(kDevice, {}, 1, PageResponse::kSuccess)}));
}

TEST_F(HandlersTest, TheSameGroupOfAnotherDeviceOrProcessIsAnotherGroup) {
  iommu->page_request_handlers().set(kDevice, {}, keep());
  iommu->page_request_handlers().set(kDevice, 5, keep(PageResponse::kInvalidRequest));
  request(0x1000, 1, false);
  request(0x2000, 1, true, 5);
  request(0x3000, 1, true, {}, kDevice + 1);
  serve();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].size(), 1U);
  EXPECT_EQ(answers(), (std::vector{command::ats_prgr(kDevice, {}, 1, PageResponse::kInvalidRequest),
                                    command::ats_prgr(kDevice + 1, {}, 1, PageResponse::kInvalidRequest)}));
}

TEST_F(HandlersTest, TheProcessGoesBackWhereTheDeviceWantsItAndOnFailure) {
  iommu->page_request_handlers().set(kDevice, 5, keep(PageResponse::kFailure));
  request(0x1000, 1, true, 5);
  serve();
  EXPECT_EQ(answers().back(), command::ats_prgr(kDevice, 5, 1, PageResponse::kFailure));
  EXPECT_EQ(iommu->make_device({.name = "x", .device_id = kDevice, .response_process = true}).error().number, EINVAL);
  auto device = *iommu->make_device(
      {.name = "nic", .device_id = kDevice, .ats = true, .page_requests = true, .response_process = true});
  ASSERT_TRUE((*device->prepare_attach(*device->make_domain(0, {}), {}))->commit());
  iommu->page_request_handlers().set(kDevice, 5, keep());
  request(0x1000, 2, true, 5);
  serve();
  EXPECT_EQ(answers().back(), command::ats_prgr(kDevice, 5, 2, PageResponse::kSuccess));
}

TEST_F(HandlersTest, AStopMarkerEndsTheProcessesGroupsWithoutAnAnswer) {
  iommu->page_request_handlers().set(kDevice, 5, keep());
  request(0x1000, 1, false, 5);
  card.record_page_request(w0::pid.set(w0::did.set(0, kDevice), 5) | w0::pv.mask(), payload::l.mask());
  request(0x2000, 1, true, 5);
  serve();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].size(), 1U);
  EXPECT_EQ(answers().size(), 1U);
}

TEST_F(HandlersTest, AnOverflowForgetsWhatIsIncompleteAndRecordsAgain) {
  iommu->page_request_handlers().set(kDevice, {}, keep());
  request(0x1000, 9, false);
  for (std::uint32_t group = 0; group < 20; ++group) request(0x10'0000, 100 + group, true);
  EXPECT_EQ(serve(), Served::kSome);
  EXPECT_EQ(groups.size(), 14U);  // 16 entries hold 15
  request(0x2000, 9, true);
  EXPECT_EQ(serve(), Served::kSome);
  ASSERT_EQ(groups.size(), 15U);
  EXPECT_EQ(groups.back().size(), 1U);
  EXPECT_EQ(serve(), Served::kNothing);
}

TEST_F(HandlersTest, AFloodInOneGroupIsRefused) {
  iommu->page_request_handlers().set(kDevice, {}, keep());
  for (int i = 0; i < 600; ++i) {
    request(0x1000, 1, i == 599);
    if (i % 8 == 7) serve();
  }
  EXPECT_TRUE(groups.empty());
  EXPECT_EQ(answers(), (std::vector{command::ats_prgr(kDevice, {}, 1, PageResponse::kInvalidRequest)}));
}

TEST_F(HandlersTest, AHandlerServesNothingItself) {
  std::optional<Served> inner;
  iommu->page_request_handlers().set(kDevice, {}, [&](Group) {
    request(0x5000, 2, true);
    inner = *iommu->page_request_handlers().serve();
    return PageResponse::kSuccess;
  });
  request(0x1000, 1, true);
  EXPECT_EQ(serve(), Served::kSome);
  EXPECT_EQ(inner, Served::kNothing);
  EXPECT_EQ(answers().size(), 1U);
  EXPECT_EQ(serve(), Served::kSome);
}

TEST_F(HandlersTest, AResetForgetsWhatIsIncomplete) {
  iommu->page_request_handlers().set(kDevice, {}, keep());
  request(0x1000, 1, false);
  serve();
  ASSERT_TRUE(iommu->restart());
  request(0x2000, 1, true);
  serve();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].size(), 1U);
}

}  // namespace
}  // namespace aperture::riscv
