// SPDX-License-Identifier: Apache-2.0
#include "card/dump.hpp"
#include "card/registers.hpp"
#include "cosim/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kDevice = 0x12;
constexpr std::uint64_t kPlace = 0x10'0000;

class Reset : public CardTest {
 protected:
  ~Reset() override {
    channels.clear();
    ioas.reset();
  }
  std::unique_ptr<ioas::Ioas> ioas;
};

TEST_F(Reset, InTheMiddleOfACopyLeavesACardThatWorks) {
  if (!bring_up()) return;
  ioas = space(device(kDevice));
  const Memory memory(32 * kPageSize, random);
  map(*ioas, memory, kPlace);
  dma::Channel& dma = channel(0, {.device_id = kDevice});
  for (int round = 0; round < 4; ++round) {
    ASSERT_TRUE(dma.submit({.op = regs::DmaOp::kFill, .destination = {kPlace}, .length = memory.size(), .pattern = 3}));
    card->interrupts().wait(0, 50 + random() % 1500);
    auto done = iommu->restart();
    ASSERT_TRUE(done) << text(done.error());
    const auto still = memory.copy();
    card->interrupts().wait(0, 2000);
    EXPECT_TRUE(memory.copy() == still) << "a write came after the reset";
    ASSERT_TRUE(dma.start());
    EXPECT_EQ(good(dma.crc({kPlace}, 12345)).crc, memory.crc(0, 12345));
  }
}

TEST_F(Reset, KeepsTheIdentityAndClearsTheCounters) {
  if (!bring_up()) return;
  ioas = space(device(kDevice));
  dma::Channel& dma = channel(0, {.device_id = kDevice});
  ASSERT_TRUE(dma.stray_read({0x5000}));
  EXPECT_GT(card::read(card->mmio(), regs::card::faults), 0U);
  ASSERT_TRUE(iommu->restart());
  EXPECT_EQ(card::read(card->mmio(), regs::card::faults), 0U);
  auto after = card::identify(*card);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->build, identity.build);
  ASSERT_TRUE(dma.start());
}

TEST_F(Reset, BringUpAfterAnotherDriverStartsFromNothing) {
  if (!bring_up()) return;
  ASSERT_TRUE(iommu->pass_through(kDevice));
  platform.reset();
  iommu.reset();
  if (!bring_up()) return;
  dma::Channel& dma = channel(0, {.device_id = kDevice});
  EXPECT_EQ(dma.crc({kPlace}, 8)->status, regs::DmaStatus::kReadError);
  expect_fault(regs::Cause::kDdtNotValid, kDevice, kPlace, false);
}

TEST_F(Reset, ReadingEveryRegisterChangesNothing) {
  if (!bring_up()) return;
  ioas = space(device(kDevice));
  const Memory memory(kPageSize, random);
  map(*ioas, memory, kPlace);
  dma::Channel& dma = channel(0, {.device_id = kDevice});
  const auto values = card::read_all(*card, identity.channels);
  EXPECT_GT(values.size(), 80U);
  EXPECT_EQ(good(dma.crc({kPlace}, kPageSize)).crc, memory.crc(0, kPageSize));
}

}  // namespace
}  // namespace aperture::test
