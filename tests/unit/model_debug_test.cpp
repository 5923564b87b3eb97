// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Debug support".
#include "unit/model_bench.hpp"

namespace aperture::tb::test {
namespace {

class ModelDebug : public ModelTest {
 protected:
  static constexpr std::uint64_t kGo = 1, kExe = 4, kNw = 8;
  ModelDebug() {
    enable_fault_queue();
    root = table();
    configure({.fsc = pointer(8, root)});
  }
  std::uint64_t ask(std::uint64_t iova, std::uint64_t flags) {
    write64(600, iova);
    write64(608, std::uint64_t{kDevice} << 40 | flags | kGo);
    EXPECT_EQ(read64(608) & kGo, 0U);
    return read64(616);
  }
  std::uint64_t root = 0;
};

TEST_F(ModelDebug, AnswersWithPageTypeAndSize) {
  map(root, 3, 0x1000, 0x9000, kUserPage | kIo);
  map(root, 3, 0x200000, 0x40000000, kUserPage, 1);
  map(root, 3, 0x13000, 0x28000, kUserPage | kN);
  EXPECT_EQ(ask(0x1234, kNw), 0x9ULL << 10 | 2 << 7);
  EXPECT_EQ(ask(0x234567, kNw), 0x400ffULL << 10 | bit(9));
  EXPECT_EQ(ask(0x13000, kNw), 0x27ULL << 10 | bit(9));
  EXPECT_TRUE(records().empty());
}

TEST_F(ModelDebug, FaultsAreRecordedAsUntranslatedAccesses) {
  EXPECT_EQ(ask(0x5678, kNw) & 1, 1U);
  Record r = record();
  EXPECT_EQ(r.cause, 13U);
  EXPECT_EQ(r.ttyp, 2U);
  EXPECT_EQ(r.iotval, 0x5000U);
  ask(0x5000, kNw | kExe);
  r = record();
  EXPECT_EQ(r.cause, 12U);
  EXPECT_EQ(r.ttyp, 1U);
  ask(0x5000, kExe);
  r = record();
  EXPECT_EQ(r.cause, 15U) << "Exe is ignored without NW";
  EXPECT_EQ(r.ttyp, 3U);
}

TEST_F(ModelDebug, BareStagesAnswerWithOnePage) {
  put(kDevice, {});
  EXPECT_EQ(ask(0x12345000, 0), 0x12345ULL << 10);
  write64(16, 1);
  EXPECT_EQ(ask(0x12346000, 0), 0x12346ULL << 10);
}

TEST_F(ModelDebug, MrifsAreDisallowed) {
  const std::uint64_t second = table(16384), msi = table();
  put(kDevice, {.iohgatp = pointer(8, second), .msiptp = pointer(1, msi), .msi_addr_pattern = 0x28000});
  poke(msi, 3);
  EXPECT_EQ(ask(0x28000000, kNw), 1U);
  EXPECT_EQ(record().cause, 260U);
  poke(msi, 0x777 << 10 | 7);
  EXPECT_EQ(ask(0x28000000, kNw), 0x777U << 10);
}

TEST_F(ModelDebug, TheLowHalfStartsTheRequest) {
  write64(600, 0x1000);
  map(root, 3, 0x1000, 0x9000, kUserPage);
  write32(612, kDevice << 8);
  EXPECT_EQ(read64(616), 0U);
  write32(608, kNw | kGo);
  EXPECT_EQ(read64(616), 0x9U << 10);
}

TEST_F(ModelDebug, CountsNowhere) {
  write64(352, 1);
  ask(0x1000, kNw);
  EXPECT_EQ(read64(104), 0U);
}

}  // namespace
}  // namespace aperture::tb::test
