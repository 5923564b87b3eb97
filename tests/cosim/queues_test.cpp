// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>

#include "card/registers.hpp"
#include "card/wait.hpp"
#include "cosim/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kDevice = 0x12;
using namespace riscv::command;

class Queues : public CardTest {
 protected:
  ~Queues() override {
    channels.clear();
    ioas.reset();
  }
  /// Whether the vector's message arrives. In real time, since a wait may return early and the card's clock may be far
  /// slower than it says.
  bool announced(unsigned vector) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    do {
      if (card->interrupts().wait(1ULL << vector, 100'000) != 0) return true;
    } while (std::chrono::steady_clock::now() < limit);
    return false;
  }
  std::unique_ptr<ioas::Ioas> ioas;
};

TEST_F(Queues, MoreCommandsThanTheRingHoldsAllComplete) {
  if (!bring_up({}, {.command_log2 = 2})) return;
  ASSERT_EQ(iommu->commands().entries(), 4U);
  for (std::uint32_t i = 1; i <= 100; ++i) {
    auto done = iommu->commands().push(iotinval_vma(i, Iova{i * kPageSize}));
    ASSERT_TRUE(done) << text(done.error());
  }
  auto done = iommu->commands().fence();
  EXPECT_TRUE(done) << text(done.error());
  settle();
  EXPECT_EQ(card::read(card->mmio(), regs::iommu::cqh), card::read(card->mmio(), regs::iommu::cqt));
}

TEST_F(Queues, AnIllegalCommandStopsTheQueueIsNamedAndSkipped) {
  if (!bring_up()) return;
  ASSERT_TRUE(iommu->commands().push({.w0 = 0x3f, .w1 = 0}));
  auto done = iommu->commands().fence();
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().what.find("cmd_ill"), std::string::npos) << text(done.error());
  riscv::CommandQueueError error;
  ASSERT_TRUE(iommu->commands().stopped(&error));
  EXPECT_TRUE(error.illegal);
  EXPECT_EQ(error.command.w0, 0x3fU);
  iommu->commands().skip();
  auto again = iommu->commands().fence();
  EXPECT_TRUE(again) << text(again.error());
}

TEST_F(Queues, AFenceThatCannotStoreStopsTheQueueAndGoesOnWhenSkipped) {
  const std::string straps = testing::TempDir() + "narrow_straps.json";
  std::ofstream(straps) << R"({"capabilities": "0xffffffe8ffffff10"})";  // everything, 40 bits of physical address
  open({{"straps", straps}});
  if (!bring_up()) return;
  const unsigned pas = static_cast<unsigned>(regs::iommu::capabilities_f::pas.get(iommu->capabilities()));
  if (pas > 55) GTEST_SKIP() << "every address that a fence can name is within the card's address width";
  ASSERT_TRUE(iommu->commands().push(iofence({.store = BusAddress{1ULL << pas}, .data = 1})));
  ASSERT_FALSE(iommu->commands().fence());
  riscv::CommandQueueError error;
  ASSERT_TRUE(iommu->commands().stopped(&error));
  EXPECT_TRUE(error.memory_fault);
  iommu->commands().skip();
  EXPECT_TRUE(iommu->commands().fence());
}

TEST_F(Queues, CommandsAreNotFetchedFromMemoryThatWasGivenBack) {
  open();
  if (!card) return;
  ASSERT_TRUE(card::reset(*card));
  constexpr std::uint64_t kMuch = 4 << 20;  // nothing else is in what a transport maps for it
  auto ring = card->memory().allocate(kMuch, kPageSize);
  ASSERT_TRUE(ring) << text(ring.error());
  const std::array commands{iofence({}), iofence({})};
  std::memcpy((*ring)->bytes().data(), commands.data(), sizeof commands);
  card::Mmio& mmio = card->mmio();
  using namespace regs::iommu;
  card::write(mmio, cqb, cqb_f::ppn.set(cqb_f::log2szm1.set(0, 0), (*ring)->address().value >> 12));
  card::write(mmio, cqcsr, cqcsr_f::cqen.mask());
  settle();
  card::write(mmio, cqt, 1);
  settle();
  EXPECT_EQ(card::read(mmio, cqh), 1U);
  EXPECT_EQ(cqcsr_f::cqmf.get(card::read(mmio, cqcsr)), 0U);
  ring->reset();
  card::write(mmio, cqt, 0);
  settle();
  EXPECT_EQ(card::read(mmio, cqh), 1U);
  EXPECT_EQ(cqcsr_f::cqmf.get(card::read(mmio, cqcsr)), 1U);
  EXPECT_TRUE(card::reset(*card));
}

TEST_F(Queues, AFaultQueueThatOverflowedKeepsTheFirstAndRecordsAgain) {
  if (!bring_up({}, {.fault_log2 = 2})) return;
  ioas = space(device(kDevice));
  dma::Channel& dma = channel(0, {.device_id = kDevice});
  for (std::uint64_t i = 0; i < 6; ++i) ASSERT_TRUE(dma.stray_read({0x10'0000 + i * kPageSize}));
  settle();
  const auto drained = iommu->faults().drain();
  ASSERT_EQ(drained.faults.size(), 3U);
  EXPECT_TRUE(drained.overflow);
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(drained.faults[i].iotval, 0x10'0000 + i * kPageSize);
  ASSERT_TRUE(dma.stray_read({0x77'7000}));
  settle();
  const auto again = iommu->faults().drain();
  ASSERT_EQ(again.faults.size(), 1U);
  EXPECT_EQ(again.faults[0].iotval, 0x77'7000U);
  EXPECT_FALSE(again.overflow);
}

TEST_F(Queues, AFaultAnnouncesItselfOnItsVector) {
  if (!bring_up()) return;
  ioas = space(device(kDevice));
  const auto vector =
      static_cast<unsigned>(regs::iommu::icvec_f::fiv.get(card::read(card->mmio(), regs::iommu::icvec)));
  if (vector >= card->interrupts().vectors()) GTEST_SKIP() << "the card has no vector for faults";
  dma::Channel& dma = channel(0, {.device_id = kDevice});
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(dma.stray_read({0x5000}));
    EXPECT_TRUE(announced(vector)) << "round " << round;
    EXPECT_EQ(faults().size(), 1U);
  }
  EXPECT_EQ(card->interrupts().wait(1ULL << vector, 1000), 0U);
}

TEST_F(Queues, ACompletionAnnouncesItselfOnTheChannelsVector) {
  if (!bring_up()) return;
  constexpr unsigned kVector = 16;
  if (kVector >= card->interrupts().vectors()) GTEST_SKIP() << "the card has no vector for channels";
  ioas = space(device(kDevice));
  const Memory memory(kPageSize, random);
  map(*ioas, memory, 0x1'0000);
  dma::Channel& dma = channel(0, {.device_id = kDevice}, {.interrupts = true});
  for (int round = 0; round < 3; ++round) {
    auto ticket = dma.submit({.op = regs::DmaOp::kCrc, .source = {0x1'0000}, .length = kPageSize});
    ASSERT_TRUE(ticket);
    EXPECT_TRUE(announced(kVector)) << "round " << round;
    EXPECT_EQ(good(dma.wait(*ticket)).crc, memory.crc(0, kPageSize));
  }
}

TEST_F(Queues, AnInterruptComesBehindTheDataItAnnounces) {
  if (!bring_up()) return;
  constexpr unsigned kVector = 16;
  if (kVector >= card->interrupts().vectors()) GTEST_SKIP() << "the card has no vector for channels";
  ioas = space(device(kDevice));
  const Memory from(4 * kPageSize, random), to(4 * kPageSize, random);
  map(*ioas, from, 0x10'0000);
  map(*ioas, to, 0x20'0000);
  dma::Channel& dma = channel(0, {.device_id = kDevice}, {.interrupts = true});
  for (unsigned round = 0; round < 20; ++round) {
    for (std::uint64_t i = 0; i < from.size(); ++i) from.data()[i] ^= std::byte{0x5a};
    auto ticket = dma.submit(
        {.op = regs::DmaOp::kCopy, .source = {0x10'0000}, .destination = {0x20'0000}, .length = from.size()});
    ASSERT_TRUE(ticket);
    // No register is read meanwhile: its answer would push the data before it.
    ASSERT_TRUE(announced(kVector)) << "round " << round;
    ASSERT_EQ(from.copy(), to.copy()) << "round " << round;
    good(dma.wait(*ticket));
  }
}

TEST_F(Queues, WaitingForWhatDoesNotComeEndsWhenTheCardIsIdle) {
  if (!bring_up()) return;
  const std::uint64_t before = card::cycles(*card);
  EXPECT_EQ(iommu->faults().wait(10'000'000).error().code, Code::kCardIdle);
  EXPECT_LT(card::cycles(*card) - before, 100'000U);
}

}  // namespace
}  // namespace aperture::test
