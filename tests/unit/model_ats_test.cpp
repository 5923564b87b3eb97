// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, section "PCIe ATS translation request handling".
#include "unit/model_bench.hpp"

namespace aperture::tb::test {
namespace {

using Status = AtsResult::Status;

class ModelAts : public ModelTest {
 protected:
  ModelAts() {
    enable_fault_queue();
    root = table();
    second = table(16384);
    one_stage();
  }
  void one_stage(std::uint64_t tc = 0) { configure({.tc = kEnAts | tc, .fsc = pointer(8, root)}); }
  /// Maps the tables made so far one to one.
  void two_stages(std::uint64_t tc = 0) {
    put(kDevice, {.tc = kEnAts | tc, .iohgatp = pointer(8, second), .fsc = pointer(8, root)});
    const std::uint64_t end = next_table;
    map_second(second, root, root);
    for (std::uint64_t page = second + 16384; page < end; page += 4096) map_second(second, page, page);
  }
  static std::string rwx(const AtsResult& result) {
    EXPECT_EQ(result.status, Status::kSuccess);
    return std::string(result.r ? "r" : "-") + (result.w ? "w" : "-") + (result.x ? "x" : "-");
  }
  std::uint64_t root = 0, second = 0;
};

TEST_F(ModelAts, GrantsWhatIsAskedForAndThere) {
  map(root, 3, 0x1000, 0x9000, kUserPage);
  map(root, 3, 0x2000, 0x9000, V | R | U | A | D);
  map(root, 3, 0x3000, 0x9000, V | X | U | A | D);
  EXPECT_EQ(rwx(ats(0x1000, true)), "rw-");
  EXPECT_EQ(rwx(ats(0x1000, false)), "rw-") << "W is what the page tables say";
  EXPECT_EQ(rwx(ats(0x1000, true, true)), "rwx");
  EXPECT_EQ(rwx(ats(0x2000, true, true)), "r--");
  EXPECT_EQ(rwx(ats(0x3000, false, true)), "---") << "no X without R";
  EXPECT_TRUE(records().empty());
}

TEST_F(ModelAts, TheAnswerHasTheSizeOfThePage) {
  map(root, 3, 0x40000000, 0x80000000, kUserPage | kNc, 2);
  const AtsResult result = ats(0x40123456, false);
  EXPECT_EQ(result.pa, 0x80000000U);
  EXPECT_EQ(result.size, kGiB);
  EXPECT_EQ(result.pbmt, 1U);
}

TEST_F(ModelAts, TheSmallerPageOfTwoStagesCounts) {
  map(root, 3, 0x40000000, 0x80000000, kUserPage, 2);
  two_stages();
  map_second(second, 0x80200000, 0x600000, kUserPage, 1);
  const AtsResult result = ats(0x40212345, false);
  EXPECT_EQ(result.pa, 0x600000U);
  EXPECT_EQ(result.size, 0x200000U);
}

TEST_F(ModelAts, PageFaultsAreSuccessWithoutPermissionsAndWithoutARecord) {
  EXPECT_EQ(rwx(ats(0x1000, true)), "---");
  map(root, 3, 0x1000, 0x70000, kUserPage);
  map(root, 3, 0x2000, 0x70000, kUserPage & ~U);
  EXPECT_EQ(rwx(ats(0x2000, true)), "---");
  two_stages();
  EXPECT_EQ(rwx(ats(0x1000, true)), "---");
  EXPECT_TRUE(records().empty());
}

TEST_F(ModelAts, ConfigurationErrorsAreCompleterAborts) {
  const std::uint64_t leaf = map(root, 3, 0x1000, 0x9000, kUserPage);
  model.set_fault(leaf, 8, MemoryFault::kError);
  EXPECT_EQ(ats(0x1000, false).status, Status::kCompleterAbort);
  const Record r = record();
  EXPECT_EQ(r.cause, 5U);
  EXPECT_EQ(r.ttyp, 8U);
  EXPECT_EQ(ats(0x1000, true).status, Status::kCompleterAbort);
  EXPECT_EQ(record().cause, 7U);
  model.set_fault(leaf, 8, MemoryFault::kPoison);
  EXPECT_EQ(ats(0x1000, false).status, Status::kCompleterAbort);
  EXPECT_EQ(record().cause, 274U);
}

TEST_F(ModelAts, DisabledAtsIsAnUnsupportedRequest) {
  put(kDevice, {});
  EXPECT_EQ(ats(0x1000, false).status, Status::kUnsupportedRequest);
  EXPECT_EQ(record().cause, 260U);
  put(kDevice, {.tc = bit(12)});
  EXPECT_EQ(ats(0x1000, false).status, Status::kUnsupportedRequest);
  EXPECT_EQ(record().cause, 259U);
  write64(16, 1);
  EXPECT_EQ(ats(0x1000, false).status, Status::kUnsupportedRequest);
  EXPECT_EQ(record().cause, 260U);
  write64(16, 0);
  EXPECT_EQ(ats(0x1000, false).status, Status::kUnsupportedRequest);
  EXPECT_EQ(record().cause, 256U);
}

TEST_F(ModelAts, WithBothStagesBareTheAnswerIsOnePage) {
  put(kDevice, {.tc = kEnAts});
  const AtsResult result = ats(0x12345678, true, true);
  EXPECT_EQ(rwx(result), "rwx");
  EXPECT_EQ(result.pa, 0x12345000U);
  EXPECT_EQ(result.size, 4096U);
}

TEST_F(ModelAts, ACleanPageIsNotGrantedForWritesOrBecomesDirty) {
  const std::uint64_t leaf = map(root, 3, 0x1000, 0x9000, kUserPage & ~D);
  EXPECT_EQ(rwx(ats(0x1000, true)), "---");
  EXPECT_EQ(rwx(ats(0x1000, false)), "r--");
  one_stage();
  put(kDevice, {.tc = kEnAts | kSade, .fsc = pointer(8, root)});
  EXPECT_EQ(rwx(ats(0x1000, false)), "r--");
  EXPECT_EQ(peek(leaf) & D, 0U);
  EXPECT_EQ(rwx(ats(0x1000, true)), "rw-");
  EXPECT_EQ(peek(leaf) & D, D);
}

TEST_F(ModelAts, EachStageMarksAPageDirtyThatItsOwnLeafLetsWrite) {
  const std::uint64_t leaf = map(root, 3, 0x1000, 0x70000, kUserPage & ~A & ~D);
  two_stages(kSade);
  map_second(second, 0x70000, 0x9000, V | R | U | A | D);
  EXPECT_EQ(rwx(ats(0x1000, true)), "r--");
  EXPECT_EQ(peek(leaf) & (A | D), A | D);
}

TEST_F(ModelAts, APageThatCannotBeReadGetsNoBits) {
  const std::uint64_t leaf = map(root, 3, 0x1000, 0x9000, V | X | U);
  put(kDevice, {.tc = kEnAts | kSade, .fsc = pointer(8, root)});
  EXPECT_EQ(rwx(ats(0x1000, true, true)), "---");
  EXPECT_EQ(peek(leaf) & (A | D), 0U);
}

TEST_F(ModelAts, T2gpaAnswersWithTheGuestAddress) {
  map(root, 3, 0x1000, 0x70000, kUserPage);
  two_stages(kT2gpa);
  map_second(second, 0x70000, 0x9000);
  EXPECT_EQ(ats(0x1000, true).pa, 0x70000U);
  const AccessResult result = access({.device_id = kDevice, .type = AccessType::kTranslated, .iova = 0x70010});
  EXPECT_EQ(result.pa, 0x9010U);
  EXPECT_FALSE(access({.device_id = kDevice, .type = AccessType::kTranslated, .iova = 0x1000}).ok);
  EXPECT_EQ(record().cause, 21U);
}

TEST_F(ModelAts, GlobalAndPrivNeedAProcessId) {
  const std::uint64_t pdt = table();
  map(root, 3, 0x1000, 0x9000, (kUserPage & ~U) | G);
  map(root, 3, 0x2000, 0x9000, kUserPage | G);
  put(kDevice, {.tc = kEnAts | kPdtv | kDpe, .fsc = pointer(1, pdt)});
  for (const std::uint64_t pid : {0U, 4U}) {
    poke(pdt + pid * 16, 3);  // ENS
    poke(pdt + pid * 16 + 8, pointer(8, root));
  }
  AtsResult result = ats(0x1000, true, true, 4, true);
  EXPECT_EQ(rwx(result), "rwx");
  EXPECT_TRUE(result.global);
  EXPECT_TRUE(result.priv);
  result = ats(0x2000, true, true, 4, true);
  EXPECT_EQ(rwx(result), "---") << "SUM is 0";
  EXPECT_FALSE(result.global);
  EXPECT_TRUE(result.priv);
  result = ats(0x2000, true, false, std::nullopt, true);
  EXPECT_EQ(rwx(result), "rw-");
  EXPECT_FALSE(result.global);
  EXPECT_FALSE(result.priv);
  poke(pdt + 4 * 16, 7);
  EXPECT_EQ(rwx(ats(0x2000, true, true, 4, true)), "rw-") << "supervisors never execute user pages";
}

TEST_F(ModelAts, VirtualInterruptFiles) {
  const std::uint64_t msi = table();
  put(kDevice, {.tc = kEnAts, .iohgatp = pointer(8, second), .msiptp = pointer(1, msi), .msi_addr_pattern = 0x28000});
  EXPECT_EQ(rwx(ats(0x28000000, true)), "---") << "MSI PTE not valid";
  poke(msi, 0x123'4000 >> 12 << 10 | 7);
  AtsResult result = ats(0x28000000, true, true);
  EXPECT_EQ(rwx(result), "rw-");
  EXPECT_EQ(result.pa, 0x123'4000U);
  EXPECT_FALSE(result.untranslated);
  poke(msi, 3);
  result = ats(0x28000000, false, true);
  EXPECT_EQ(rwx(result), "rw-");
  EXPECT_TRUE(result.untranslated);
  EXPECT_EQ(result.size, 4096U);
  poke(msi, 1);
  EXPECT_EQ(ats(0x28000000, false).status, Status::kCompleterAbort);
}

}  // namespace
}  // namespace aperture::tb::test
