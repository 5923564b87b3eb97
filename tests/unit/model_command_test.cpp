// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, section "Command-Queue".
#include "unit/model_bench.hpp"

namespace aperture::tb::test {
namespace {

constexpr std::uint64_t kVma = 1, kGvma = 1 | 1 << 7, kFence = 2, kInvalDdt = 3, kInvalPdt = 3 | 1 << 7, kInval = 4,
                        kPrgr = 4 | 1 << 7;
constexpr std::uint32_t kCqmf = 1 << 8, kCmdTo = 1 << 9, kCmdIll = 1 << 10, kFenceWip = 1 << 11;

class ModelCommand : public ModelTest {
 protected:
  ModelCommand() { restart(); }
  void restart(std::uint64_t without_capabilities = 0) {
    without(without_capabilities);
    enable_commands();
  }
  bool legal(std::uint64_t low, std::uint64_t high = 0) {
    command(low, high);
    const bool done = read32(32) == read32(36);
    EXPECT_EQ((read32(72) & kCmdIll) == 0, done);
    if (!done) {
      poke(kCq + read32(32) * 16, kVma);  // so that the queue goes on
      poke(kCq + read32(32) * 16 + 8, 0);
      write32(72, kCmdIll | 1);
      EXPECT_EQ(read32(32), read32(36));
    }
    return done;
  }
};

TEST_F(ModelCommand, InvalidationsAreJudged) {
  EXPECT_TRUE(legal(kVma | bit(10) | bit(32) | bit(33) | 0xfffffULL << 12 | 0xffffULL << 44, 0x3ffffffffffffc00));
  EXPECT_TRUE(legal(kGvma | bit(10) | bit(33)));
  EXPECT_FALSE(legal(kGvma | bit(32))) << "PSCV";
  EXPECT_FALSE(legal(kVma | 2 << 7)) << "func3";
  for (const unsigned reserved : {11U, 35U, 43U, 60U, 63U}) EXPECT_FALSE(legal(kVma | bit(reserved))) << reserved;
  for (const unsigned reserved : {0U, 8U, 62U}) EXPECT_FALSE(legal(kVma, bit(reserved))) << reserved;
}

TEST_F(ModelCommand, NonLeafAndRangeInvalidationsNeedTheirCapabilities) {
  EXPECT_TRUE(legal(kVma | bit(34)));
  EXPECT_TRUE(legal(kGvma, bit(9)));
  restart(bit(42) | bit(43));
  EXPECT_FALSE(legal(kVma | bit(34)));
  EXPECT_FALSE(legal(kGvma, bit(9)));
}

TEST_F(ModelCommand, DirectoryInvalidationsAreJudged) {
  straps.device_id_mask = 0xffff;
  restart();
  EXPECT_TRUE(legal(kInvalDdt));
  EXPECT_TRUE(legal(kInvalDdt | bit(33) | 0xffffULL << 40));
  EXPECT_FALSE(legal(kInvalDdt | bit(33) | 0x10000ULL << 40));
  EXPECT_TRUE(legal(kInvalDdt | 0x10000ULL << 40)) << "DID is ignored without DV";
  EXPECT_FALSE(legal(kInvalDdt | bit(12))) << "PID";
  EXPECT_FALSE(legal(kInvalDdt, 1));
  EXPECT_FALSE(legal(kInvalPdt)) << "DV";
  EXPECT_TRUE(legal(kInvalPdt | bit(33) | 0xfffffULL << 12));
  restart(bit(40));
  EXPECT_FALSE(legal(kInvalPdt | bit(33) | bit(17 + 12)));
  restart(bit(39) | bit(38));
  EXPECT_TRUE(legal(kInvalPdt | bit(33) | 0xffULL << 12));
  EXPECT_FALSE(legal(kInvalPdt | bit(33) | 0x100ULL << 12));
}

TEST_F(ModelCommand, UnknownOpcodesStopTheQueueUntilTheBitIsCleared) {
  command(5, 0);
  command(kVma, 0);
  EXPECT_EQ(read32(72), 0x10001U | kCmdIll);
  EXPECT_EQ(read32(32), 0U);
  poke(kCq, kVma);
  write32(72, 1);
  EXPECT_EQ(read32(32), 0U) << "writing 0 clears nothing";
  write32(72, kCmdIll | 1);
  EXPECT_EQ(read32(32), 2U);
  EXPECT_FALSE(legal(64)) << "custom";
  EXPECT_FALSE(legal(0));
}

TEST_F(ModelCommand, TheQueueWrapsAround) {
  for (int i = 0; i < 20; ++i) command(kVma, 0);
  EXPECT_EQ(read32(36), 4U);
  EXPECT_EQ(read32(32), 4U);
}

TEST_F(ModelCommand, AFetchThatFailsIsAMemoryFault) {
  model.set_fault(kCq + 15, 1, MemoryFault::kPoison);
  command(kVma, 0);
  EXPECT_EQ(read32(72), 0x10001U | kCqmf);
  EXPECT_EQ(read32(32), 0U);
  model.set_fault(kCq, 16, MemoryFault::kNone);
  write32(72, kCqmf | 1);
  EXPECT_EQ(read32(32), 1U);
}

TEST_F(ModelCommand, EnablingStartsAtTheFirstEntry) {
  command(kVma, 0);
  command(5, 0);
  write32(72, 0);
  write32(36, 0);
  write32(72, 1);
  EXPECT_EQ(read32(72), 0x10001U);
  EXPECT_EQ(read32(32), 0U);
}

TEST_F(ModelCommand, AFenceStoresItsData) {
  command(kFence | bit(10) | 0x11223344ULL << 32, 0x5008 >> 2);
  EXPECT_EQ(peek(0x5008, 4), 0x11223344U);
  EXPECT_EQ(peek(0x500c, 4), 0U);
  EXPECT_EQ(read32(32), 1U);
}

TEST_F(ModelCommand, AFenceWhoseStoreFailsStaysAtTheHead) {
  model.set_fault(0x5008, 4, MemoryFault::kError);
  command(kFence | bit(10), 0x5008 >> 2);
  EXPECT_EQ(read32(72), 0x10001U | kCqmf);
  EXPECT_EQ(read32(32), 0U);
}

TEST_F(ModelCommand, WsiOfAFenceNeedsWires) {
  EXPECT_FALSE(legal(kFence | bit(11)));
  EXPECT_FALSE(legal(kFence | bit(14)));
  EXPECT_TRUE(legal(kFence | bit(12) | bit(13)));
  write32(72, 0);
  write32(8, 2);
  enable_commands(true);
  command(kFence | bit(11), 0);
  EXPECT_EQ(read32(72), 0x10003U | kFenceWip);
  EXPECT_EQ(read32(84), 1U);
  EXPECT_EQ(model.messages().wires, 1U);
}

TEST_F(ModelCommand, AtsCommandsNeedAts) {
  restart(bit(25));
  EXPECT_FALSE(legal(kInval));
  EXPECT_FALSE(legal(kPrgr));
}

TEST_F(ModelCommand, GroupResponsesAreSent) {
  command(kPrgr | bit(33) | bit(32) | 0x77ULL << 12 | 0xab1234ULL << 40, 0x1f'0000'0000);
  command(kPrgr | 0x77ULL << 12 | 0xab1234ULL << 40, 1);
  const auto sent = model.messages().group_responses;
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].device_id, 0xab1234U);
  EXPECT_EQ(sent[0].process_id, 0x77U);
  EXPECT_EQ(sent[0].payload, 0x1f'0000'0000U);
  EXPECT_EQ(sent[1].device_id, 0x1234U) << "no segment without DSV";
  EXPECT_EQ(sent[1].process_id, std::nullopt);
}

TEST_F(ModelCommand, AFenceWaitsForInvalidations) {
  command(kInval | std::uint64_t{kDevice} << 40, 0x5001);
  command(kInval | std::uint64_t{kDevice} << 40, 0x6001);
  command(kFence, 0);
  EXPECT_EQ(read32(32), 2U);
  const auto sent = model.messages().invalidations;
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].itag, 0U);
  EXPECT_EQ(sent[0].payload, 0x5001U);
  EXPECT_EQ(sent[1].itag, 1U);
  model.complete_invalidation(kDevice, 1, 1);
  model.complete_invalidation(kDevice + 1, 2, 1);
  EXPECT_EQ(read32(32), 2U) << "another device's completion";
  model.complete_invalidation(kDevice, 2, 2);
  EXPECT_EQ(read32(32), 2U) << "one of two";
  model.complete_invalidation(kDevice, 2, 2);
  EXPECT_EQ(read32(32), 3U);
}

TEST_F(ModelCommand, AThirdInvalidationWaitsForATag) {
  for (int i = 0; i < 3; ++i) command(kInval | std::uint64_t{kDevice} << 40, 0);
  EXPECT_EQ(read32(32), 2U);
  EXPECT_TRUE(model.settle(100).quiet);
  model.complete_invalidation(kDevice, 2, 1);
  EXPECT_EQ(read32(32), 3U);
  EXPECT_EQ(model.messages().invalidations.back().itag, 1U);
}

TEST_F(ModelCommand, ATimeOutIsReportedByTheNextFence) {
  straps.ats_timeout = 1000;
  restart();
  command(kInval | std::uint64_t{kDevice} << 40, 0);
  command(kFence | bit(10) | 1ULL << 32, 0x5000 >> 2);
  model.advance(999);
  EXPECT_EQ(read32(72), 0x10001U);
  model.advance(1);
  EXPECT_EQ(read32(72), 0x10001U | kCmdTo);
  EXPECT_EQ(read32(32), 1U);
  EXPECT_EQ(peek(0x5000, 4), 0U);
  write32(72, kCmdTo | 1);
  EXPECT_EQ(read32(32), 2U);
  EXPECT_EQ(peek(0x5000, 4), 1U);
}

}  // namespace
}  // namespace aperture::tb::test
