// SPDX-License-Identifier: Apache-2.0
#include "tb/sim_bus_card.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "regs/registers.hpp"
#include "support/seed.hpp"

namespace aperture::tb {
namespace {

constexpr std::uint64_t kFaultQueue = 0x4'0000;

class SimBusCardTest : public ::testing::Test {
 protected:
  SimBusCardTest() {
    Options options;
    options.latency = 1;
    options.seed = test::seed();
    card = std::make_unique<SimBusCard>(options);
    EXPECT_TRUE(card->reset({}));
  }
  void write(const regs::Register& reg, std::uint64_t value) {
    card->write_register(static_cast<std::uint32_t>(reg.offset), reg.size, value);
  }
  std::uint64_t read(const regs::Register& reg) {
    return card->read_register(static_cast<std::uint32_t>(reg.offset), reg.size);
  }
  void bare() {
    write(regs::iommu::ddtp, 1);
    EXPECT_TRUE(card->settle(1000).quiet);
  }
  /// Message of the fault queue to `address`, and a fault.
  void fault_with_message(std::uint64_t address) {
    write(regs::iommu::fqb, (kFaultQueue >> 12) << 10 | 4);
    write(regs::iommu::fqcsr, 3);
    write(regs::iommu::msi_addr, address);
    write(regs::iommu::msi_data, 0x1234);
    card->settle(1000);
    access(0x1000, 8);
    EXPECT_TRUE(card->settle(1000).quiet);
  }
  AccessResult access(std::uint64_t iova, unsigned length) {
    DeviceAccess a;
    a.device_id = 1;
    a.iova = iova;
    a.length = length;
    auto result = card->access(a);
    EXPECT_TRUE(result);
    return result ? *result : AccessResult{};
  }

  std::unique_ptr<SimBusCard> card;
};

TEST_F(SimBusCardTest, ResetRefusesACapabilityThatTheRtlHasNotByItsName) {
  Straps straps;
  straps.capabilities = 0x10 | std::uint64_t{56} << 32 | std::uint64_t{1} << 12;
  const auto done = card->reset(straps);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().number, ENOTSUP);
  EXPECT_NE(done.error().what.find("bit 12"), std::string::npos) << done.error().what;
}

TEST_F(SimBusCardTest, ResetRefusesAStrapOutOfRange) {
  Straps straps;
  straps.vectors_log2 = 5;
  const auto done = card->reset(straps);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().number, EINVAL);
  EXPECT_NE(done.error().what.find("vectors_log2"), std::string::npos);
}

TEST_F(SimBusCardTest, ResetForgetsMemoryFaultsAndMessages) {
  bare();
  const std::byte one{1};
  card->write_memory(0x1000, std::span(&one, 1));
  card->set_fault(0x2000, 1, MemoryFault::kError);
  ASSERT_TRUE(card->reset({}));
  bare();
  EXPECT_EQ(card->read_memory(0x1000, 1)[0], std::byte{0});
  EXPECT_FALSE(access(0x2000, 1).memory_error);
}

TEST_F(SimBusCardTest, AnAccessTouchesNoByteBeyondItsOwn) {
  bare();
  card->set_fault(0x1003, 1, MemoryFault::kError);
  card->set_fault(0x1009, 1, MemoryFault::kError);
  EXPECT_FALSE(access(0x1004, 5).memory_error);
  EXPECT_TRUE(access(0x1003, 6).memory_error);
  EXPECT_TRUE(access(0x1004, 6).memory_error);
}

TEST_F(SimBusCardTest, AnAccessReadsBytesInMemoryOrder) {
  bare();
  std::vector<std::byte> bytes(200);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  card->write_memory(0x1000, bytes);
  const AccessResult result = access(0x1003, 150);
  ASSERT_EQ(result.data.size(), 150U);
  EXPECT_EQ(std::memcmp(result.data.data(), bytes.data() + 3, 150), 0);
}

TEST_F(SimBusCardTest, AMessageDoesNotChangeMemory) {
  fault_with_message(0x8000'0000);
  const Messages messages = card->messages();
  ASSERT_EQ(messages.msis.size(), 1U);
  EXPECT_EQ(messages.msis[0].address, 0x8000'0000U);
  EXPECT_EQ(messages.msis[0].data, (std::vector{std::byte{0x34}, std::byte{0x12}, std::byte{0}, std::byte{0}}));
  EXPECT_EQ(card->read_memory(0x8000'0000, 4), std::vector<std::byte>(4));
  EXPECT_TRUE(card->messages().msis.empty()) << "they are taken once";
}

TEST_F(SimBusCardTest, MemoryRefusesAMessageWhereAFaultLies) {
  card->set_fault(0x8000'0003, 1, MemoryFault::kError);
  fault_with_message(0x8000'0000);
  EXPECT_TRUE(card->messages().msis.empty());
  EXPECT_EQ(read(regs::iommu::fqt), 2U) << "the access's record, and that of the message";
}

TEST_F(SimBusCardTest, SettleWaitsForAnInterruptThatIsOnItsWay) {
  write(regs::iommu::fctl, 2);
  write(regs::iommu::cqb, (0x3'0000 >> 12) << 10 | 4);
  write(regs::iommu::cqcsr, 3);
  EXPECT_TRUE(card->settle(1000).quiet);
  write(regs::iommu::cqt, 1);  // an illegal command
  EXPECT_TRUE(card->settle(1000).quiet);
  EXPECT_EQ(card->messages().wires, 1U);
}

TEST_F(SimBusCardTest, SettleEndsAtItsLimit) {
  const Settled settled = card->settle(0);
  EXPECT_LE(settled.cycles, 100U);
}

TEST_F(SimBusCardTest, AdvanceClocksAnIdleCard) {
  const std::uint64_t before = Bench::instance()->cycle();
  card->advance(1000);
  EXPECT_GE(Bench::instance()->cycle() - before, 1000U);
}

}  // namespace
}  // namespace aperture::tb
