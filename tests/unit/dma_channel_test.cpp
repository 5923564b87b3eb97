// SPDX-License-Identifier: Apache-2.0
#include "dma/channel.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <cstring>
#include <numeric>

#include "unit/fake_card.hpp"

namespace aperture::dma {
namespace {

using test::FakeCard;

constexpr std::uint32_t kDevice = 3;

/// Channel 0 as device 3, which sees bus addresses.
class ChannelTest : public testing::Test {
 protected:
  ChannelTest() {
    EXPECT_TRUE(iommu->pass_through(kDevice));
    memory = *card.allocate(0x10000, 4096);
    base = memory->address().value;
    std::iota(reinterpret_cast<std::uint8_t*>(memory->bytes().data()),
              reinterpret_cast<std::uint8_t*>(memory->bytes().data()) + 0x10000, std::uint8_t{1});
  }
  std::unique_ptr<Channel> open(const Identity& identity = {.device_id = kDevice},
                                const ChannelOptions& options = {.log2 = 2}) {
    auto channel = Channel::open(*iommu, 0, identity, options);
    EXPECT_TRUE(channel) << (channel ? "" : channel.error().what);
    return std::move(*channel);
  }
  std::byte* bytes(std::uint64_t offset) { return memory->bytes().data() + offset; }

  FakeCard card;
  std::unique_ptr<riscv::Iommu> iommu = *riscv::Iommu::bring_up(card);
  std::unique_ptr<card::DmaBuffer> memory;
  std::uint64_t base{};
};

TEST_F(ChannelTest, CopiesAndTellsTheCrc) {
  auto channel = open();
  auto done = channel->copy({base + 3}, {base + 0x8001}, 777);
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_TRUE(done->ok());
  EXPECT_EQ(done->bytes, 777U);
  EXPECT_EQ(done->crc, crc32_z(0, reinterpret_cast<const Bytef*>(bytes(3)), 777));
  EXPECT_EQ(std::memcmp(bytes(3), bytes(0x8001), 777), 0);
  EXPECT_GT(done->cycles, 0U);
}

TEST_F(ChannelTest, ResultsKeepTheirOrderOverManyRoundsOfTheRing) {
  auto channel = open();
  for (std::uint64_t i = 0; i < 100; ++i) {
    auto ticket = channel->submit({.op = regs::DmaOp::kCrc, .source = {base}, .length = i + 1});
    ASSERT_TRUE(ticket);
    EXPECT_EQ(*ticket, i);
    auto done = channel->wait(*ticket);
    ASSERT_TRUE(done) << done.error().what;
    EXPECT_EQ(done->bytes, i + 1);
  }
}

TEST_F(ChannelTest, AFullRingRefusesAndTakesMoreAfterAResult) {
  auto channel = open();
  ASSERT_EQ(channel->capacity(), 3U);
  const Job job{.op = regs::DmaOp::kCrc, .source = {base}, .length = 8};
  ASSERT_TRUE(channel->submit({job, job, job}));
  EXPECT_EQ(channel->submit(job).error().code, Code::kNoSpace);
  ASSERT_TRUE(channel->wait(0));
  EXPECT_TRUE(channel->submit(job));
}

TEST_F(ChannelTest, PollSaysNotYetAndForgetsWhatIsOld) {
  auto channel = open();
  const Job job{.op = regs::DmaOp::kCrc, .source = {base}, .length = 8};
  ASSERT_TRUE(channel->submit(job));
  EXPECT_EQ(channel->poll(0).value(), std::nullopt);
  ASSERT_TRUE(channel->wait(0));
  EXPECT_TRUE(channel->poll(0).value());
  EXPECT_EQ(channel->poll(1).error().number, ENOENT);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(channel->run(job));
  EXPECT_EQ(channel->poll(0).error().number, ENOENT);
}

TEST_F(ChannelTest, AFaultingJobSaysWhereAndTheNextOneWorks) {
  ASSERT_TRUE(iommu->block(kDevice));
  auto channel = open();
  auto done = channel->copy({base}, {base + 0x8000}, 64);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, regs::DmaStatus::kReadError);
  EXPECT_EQ(done->address, base);
  const auto faults = iommu->faults().drain().faults;
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].device_id, kDevice);
  EXPECT_EQ(faults[0].cause, regs::Cause::kDdtNotValid);
  ASSERT_TRUE(iommu->pass_through(kDevice));
  EXPECT_TRUE(channel->copy({base}, {base + 0x8000}, 64)->ok());
}

TEST_F(ChannelTest, ARingThatCannotBeReadIsNamed) {
  auto channel = open({.device_id = kDevice}, {.ring_device_id = 9});
  ASSERT_TRUE(iommu->block(9));
  auto done = channel->copy({base}, {base}, 8);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kFault);
  EXPECT_NE(done.error().what.find("ring_error"), std::string::npos) << done.error().what;
}

TEST_F(ChannelTest, TheIdentityReachesTheRegisters) {
  auto channel = open({.device_id = 0x1234,
                       .process_id = 0x55,
                       .privileged = true,
                       .address_mask = 0xffff'ffff,
                       .wrong_process = true});
  namespace f = regs::dma::ctrl_f;
  const std::uint64_t ctrl = card.reg(regs::dma::ctrl);
  EXPECT_EQ(card.reg(regs::dma::device_id), 0x1234U);
  EXPECT_EQ(card.reg(regs::dma::process_id), 0x55U);
  EXPECT_EQ(card.reg(regs::dma::address_mask), 0xffff'ffffU);
  EXPECT_EQ(ctrl, f::enable.mask() | f::process_id_valid.mask() | f::privileged.mask() | f::wrong_process.mask());
}

TEST_F(ChannelTest, AStoppedChannelRefusesUntilItIsStartedAgain) {
  auto channel = open();
  ASSERT_TRUE(channel->run({.op = regs::DmaOp::kCrc, .source = {base}, .length = 8}));
  ASSERT_TRUE(channel->stop());
  EXPECT_FALSE(channel->submit({.op = regs::DmaOp::kNop}));
  ASSERT_TRUE(channel->start({.device_id = 4}));
  EXPECT_EQ(channel->submit({.op = regs::DmaOp::kNop}).value(), 0U);
  EXPECT_EQ(card.reg(regs::dma::device_id), 4U);
}

TEST_F(ChannelTest, AChannelThatTheCardLacksIsRefused) {
  EXPECT_EQ(Channel::open(*iommu, FakeCard::kChannels, {}).error().number, EINVAL);
}

TEST_F(ChannelTest, ARecordOfTheRoundBeforeIsNotTakenForANewOne) {
  auto channel = open();
  const Job job{.op = regs::DmaOp::kCrc, .source = {base}, .length = 8};
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(channel->run(job));
  card.idle_early = true;
  auto ticket = channel->submit(job);
  ASSERT_TRUE(ticket);
  EXPECT_EQ(channel->poll(*ticket).value(), std::nullopt);
  EXPECT_EQ(channel->wait(*ticket).error().code, Code::kCardIdle);
  card.idle_early = false;
  EXPECT_TRUE(channel->wait(*ticket));
}

}  // namespace
}  // namespace aperture::dma
