// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, section "Process to translate addresses of MSIs"; AIA, chapter "IOMMU Support for MSIs to Virtual
// Machines".
#include "unit/model_bench.hpp"

namespace aperture::tb::test {
namespace {

class ModelMsi : public ModelTest {
 protected:
  // Interrupt files of the guest: pages 0x28000 and 0x28001, 0x28004, 0x28005: mask 0b101.
  static constexpr std::uint64_t kFiles = 0x2800'0000, kMrif = 0x7'7000'0200, kNotice = 0x2'4000'1000;
  ModelMsi() { restart(); }
  void restart(std::uint64_t without_capabilities = 0) {
    without(without_capabilities);
    enable_fault_queue();
    second = table(16384);
    msi = table();
    dc = {
        .iohgatp = pointer(8, second), .msiptp = pointer(1, msi), .msi_addr_mask = 5, .msi_addr_pattern = kFiles >> 12};
    configure(dc);
  }
  void put_msipte(unsigned file, std::uint64_t low, std::uint64_t high = 0) {
    poke(msi + file * 16, low);
    poke(msi + file * 16 + 8, high);
  }
  void put_mrif(unsigned file, std::uint64_t nid = 0x7ff) {
    put_msipte(file, kMrif >> 9 << 7 | 1 << 1 | 1, kNotice >> 12 << 10 | (nid & 0x3ff) | (nid >> 10) << 60);
  }
  unsigned cause_of(const AccessResult& result) {
    const auto found = records();
    EXPECT_EQ(found.size(), result.ok ? 0U : 1U);
    return found.empty() ? 0 : found.front().cause;
  }
  std::uint64_t second = 0, msi = 0;
  Dc dc{};
};

TEST_F(ModelMsi, TheFileNumberIsExtractedFromTheAddress) {
  // Page 0x28005 has ones under both mask bits: file 3.
  put_msipte(3, 0x123'4000 >> 12 << 10 | 3 << 1 | 1);
  const AccessResult result = write(kFiles + 0x5000, 7, 4);
  EXPECT_TRUE(result.ok);
  EXPECT_EQ(result.pa, 0x123'4000U);
  EXPECT_EQ(result.msi, AccessResult::Msi::kFlat);
  EXPECT_EQ(peek(0x123'4000, 4), 7U);
}

TEST_F(ModelMsi, OtherPagesGoThroughTheSecondStage) {
  map_second(second, kFiles + 0x2000, 0x9000);
  const AccessResult result = read(kFiles + 0x2000);
  EXPECT_EQ(result.pa, 0x9000U);
  EXPECT_EQ(result.msi, AccessResult::Msi::kNone);
}

TEST_F(ModelMsi, TheFirstStageComesBefore) {
  const std::uint64_t first = table();
  dc.fsc = pointer(8, first);
  put(kDevice, dc);
  map(first, 3, 0x1000, kFiles, V | R | U | A | D);
  for (std::uint64_t page = first; page < next_table; page += 4096) map_second(second, page, page);
  put_msipte(0, 0x123'4000 >> 12 << 10 | 3 << 1 | 1);
  EXPECT_EQ(read(0x1008).pa, 0x123'4008U);
  EXPECT_EQ(cause_of(write(0x1000, 1, 4)), 15U);
}

TEST_F(ModelMsi, EntriesAreJudged) {
  const auto cause = [&](std::uint64_t low, std::uint64_t high = 0) {
    put_msipte(0, low, high);
    return cause_of(write(kFiles, 1, 4));
  };
  EXPECT_EQ(cause(6), 262U);
  EXPECT_EQ(cause(bit(63) | 7), 263U) << "custom";
  EXPECT_EQ(cause(1), 263U);
  EXPECT_EQ(cause(5), 263U);
  EXPECT_EQ(cause(7 | bit(3)), 263U);
  EXPECT_EQ(cause(7 | bit(54)), 263U);
  EXPECT_EQ(cause(7, ~std::uint64_t{0}), 0U) << "the second doubleword is ignored";
  EXPECT_EQ(cause(3 | bit(6)), 263U);
  EXPECT_EQ(cause(3 | bit(7), bit(54)), 263U);
  EXPECT_EQ(cause(3 | bit(7), bit(61)), 263U);
  model.set_fault(msi + 8, 1, MemoryFault::kError);
  EXPECT_EQ(cause(7), 261U);
  model.set_fault(msi + 8, 1, MemoryFault::kPoison);
  EXPECT_EQ(cause(7), 270U);
}

TEST_F(ModelMsi, InterruptFilesCannotBeExecuted) {
  put_msipte(0, 7);
  EXPECT_EQ(cause_of(execute(kFiles)), 1U);
  put_mrif(0);
  EXPECT_EQ(cause_of(execute(kFiles)), 1U);
}

TEST_F(ModelMsi, AnMrifRecordsTheIdentityAndSendsTheNotice) {
  put_mrif(0, 0x5a5);
  poke(kMrif + 0x10, 0x100);
  const AccessResult result = write(kFiles, 64 + 3, 4);
  EXPECT_TRUE(result.ok);
  EXPECT_EQ(result.msi, AccessResult::Msi::kMrif);
  EXPECT_EQ(result.pa, kMrif);
  EXPECT_EQ(result.nid, 0x5a5U);
  EXPECT_EQ(result.notice, kNotice);
  EXPECT_EQ(peek(kMrif + 0x10), 0x108U);
  const Messages sent = model.messages();
  ASSERT_EQ(sent.msis.size(), 1U);
  EXPECT_EQ(sent.msis[0].address, kNotice);
  EXPECT_EQ(sent.msis[0].data, (std::vector{std::byte{0xa5}, std::byte{5}, std::byte{0}, std::byte{0}}));
  EXPECT_EQ(peek(kNotice), 0U) << "notices do not change memory";
}

TEST_F(ModelMsi, IdentityZeroIsRecordedAndNoticed) {
  put_mrif(0);
  EXPECT_TRUE(write(kFiles, 0, 4).ok);
  EXPECT_EQ(peek(kMrif), 1U);
  EXPECT_EQ(model.messages().msis.size(), 1U);
}

TEST_F(ModelMsi, WritesThatAreNoMsiAreAcceptedAndDiscarded) {
  put_mrif(0);
  EXPECT_TRUE(write(kFiles, 2048, 4).ok);
  EXPECT_TRUE(write(kFiles + 8, 1, 4).ok);
  EXPECT_EQ(peek(kMrif), 0U);
  EXPECT_TRUE(model.messages().msis.empty());
}

TEST_F(ModelMsi, AccessesAnMrifDoesNotTakeAreAbortedWithoutARecord) {
  put_mrif(0);
  EXPECT_FALSE(write(kFiles, 1, 8).ok);
  EXPECT_FALSE(write(kFiles + 2, 1, 4).ok);
  EXPECT_FALSE(write(kFiles + 4, 1, 4).ok) << "the big-endian port";
  EXPECT_FALSE(access({.device_id = kDevice, .write = true, .iova = kFiles, .length = 4}).ok);
  EXPECT_FALSE(read(kFiles, 8).ok);
  EXPECT_TRUE(records().empty());
  const AccessResult result = read(kFiles + 16, 4);
  EXPECT_TRUE(result.ok);
  EXPECT_EQ(result.data, std::vector<std::byte>(4));
}

TEST_F(ModelMsi, MrifAccessFaultsAndCorruptionSendNoNotice) {
  put_mrif(0);
  model.set_fault(kMrif, 512, MemoryFault::kError);
  EXPECT_EQ(cause_of(write(kFiles, 1, 4)), 264U);
  model.set_fault(kMrif, 512, MemoryFault::kPoison);
  EXPECT_EQ(cause_of(write(kFiles, 1, 4)), 271U);
  EXPECT_TRUE(model.messages().msis.empty());
}

TEST_F(ModelMsi, MrifModeNeedsItsCapability) {
  restart(bit(23));
  put_mrif(0);
  EXPECT_EQ(cause_of(write(kFiles, 1, 4)), 263U);
}

}  // namespace
}  // namespace aperture::tb::test
