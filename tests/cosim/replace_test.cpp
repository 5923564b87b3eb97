// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "cosim/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kDevice = 0x12;
constexpr std::uint64_t kFrom = 0x10'0000, kTo = 0x80'0000;

class Replace : public CardTest {
 protected:
  ~Replace() override {
    channels.clear();
    one.reset();
    two.reset();
  }
  std::unique_ptr<ioas::Ioas> one, two;
};

TEST_F(Replace, IsNotNoticedByDmaThatBothSidesAllow) {
  if (!bring_up({.levels = 2})) return;
  ioas::Device& who = device(kDevice);
  one = space(who);
  two = std::make_unique<ioas::Ioas>(*platform);
  const Memory from(64 * kPageSize, random), to(64 * kPageSize, random);
  for (ioas::Ioas* ioas : {one.get(), two.get()}) {
    map(*ioas, from, kFrom, ioas::Prot::kRead);
    map(*ioas, to, kTo);
  }
  dma::Channel& dma = channel(0, {.device_id = kDevice});
  const dma::Job copy{.op = regs::DmaOp::kCopy, .source = {kFrom}, .destination = {kTo}, .length = from.size()};
  // A fast card may be through with a few copies before the first replace has been made.
  int during = 0;
  for (unsigned copies = 1; during == 0; copies *= 4) {
    ASSERT_LT(copies, 1U << dma::ChannelOptions{}.log2) << "a ring full of copies was over before the first replace";
    std::memset(to.data(), 0, to.size());
    auto first = dma.submit(std::vector(copies, copy));
    ASSERT_TRUE(first) << text(first.error());
    const dma::Ticket last = *first + copies - 1;
    for (int round = 0; round < 20; ++round) {
      auto done = (round % 2 == 0 ? two : one)->replace(who);
      ASSERT_TRUE(done);
      EXPECT_TRUE(done->hitless);
      const auto state = dma.poll(last);
      ASSERT_TRUE(state);
      if (!*state) ++during;
      card->interrupts().wait(0, random() % 500);
    }
    for (dma::Ticket ticket = *first; ticket <= last; ++ticket)
      EXPECT_EQ(good(dma.wait(ticket)).crc, from.crc(0, from.size()));
    EXPECT_EQ(std::memcmp(from.data(), to.data(), from.size()), 0);
    EXPECT_TRUE(faults().empty());
  }
}

TEST_F(Replace, EveryLaterAccessSeesTheNewSide) {
  if (!bring_up()) return;
  ioas::Device& who = device(kDevice);
  one = space(who);
  two = std::make_unique<ioas::Ioas>(*platform);
  const Memory old(kPageSize, random), fresh(kPageSize, random);
  map(*one, old, kFrom);
  map(*two, fresh, kFrom);
  dma::Channel& dma = channel(0, {.device_id = kDevice});
  for (int round = 0; round < 4; ++round) {
    EXPECT_EQ(good(dma.crc({kFrom}, kPageSize)).crc, (round % 2 == 0 ? old : fresh).crc(0, kPageSize));
    ASSERT_TRUE((round % 2 == 0 ? two : one)->replace(who));
  }
}

TEST_F(Replace, DoesNotDisturbTheDevicesBeside) {
  if (!bring_up({.channels = 2, .levels = 2})) return;
  ioas::Device& who = device(kDevice);
  ioas::Device& neighbour = device(kDevice + 1);
  one = space(neighbour);
  two = std::make_unique<ioas::Ioas>(*platform);
  const Memory memory(64 * kPageSize, random);
  map(*one, memory, kFrom);
  dma::Channel& dma = channel(0, {.device_id = kDevice + 1});
  auto ticket = dma.submit({.op = regs::DmaOp::kCrc, .source = {kFrom}, .length = memory.size()});
  ASSERT_TRUE(ticket);
  for (int round = 0; round < 10; ++round) ASSERT_TRUE((round % 2 == 0 ? two : one)->attach(who));
  EXPECT_EQ(good(dma.wait(*ticket)).crc, memory.crc(0, memory.size()));
  EXPECT_TRUE(faults().empty());
}

TEST_F(Replace, SaysWithAOneLevelDirectoryThatItIsNotHitless) {
  if (!bring_up({}, {.levels = 1})) return;
  ioas::Device& who = device(kDevice);
  one = space(who);
  two = std::make_unique<ioas::Ioas>(*platform);
  const Memory fresh(kPageSize, random);
  map(*two, fresh, kFrom);
  auto done = two->replace(who);
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->hitless);
  dma::Channel& dma = channel(0, {.device_id = kDevice});
  EXPECT_EQ(good(dma.crc({kFrom}, kPageSize)).crc, fresh.crc(0, kPageSize));
}

}  // namespace
}  // namespace aperture::test
