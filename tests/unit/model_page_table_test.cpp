// SPDX-License-Identifier: Apache-2.0
// RISC-V Privileged Architecture: one stage of page tables, as the first stage of a device without processes.
#include "unit/model_bench.hpp"

namespace aperture::tb::test {
namespace {

class ModelPageTable : public ModelTest {
 protected:
  ModelPageTable() { restart(); }
  void restart(std::uint64_t without_capabilities = 0) {
    without(without_capabilities);
    enable_fault_queue();
    root = table();
    configure({.fsc = pointer(8, root)});
  }
  /// The cause of a fault; 0 for none.
  unsigned cause_of(const AccessResult& result) {
    const auto found = records();
    EXPECT_EQ(found.size(), result.ok ? 0U : 1U);
    return found.empty() ? 0 : found.front().cause;
  }
  std::uint64_t root = 0;
};

TEST_F(ModelPageTable, LeavesOfEverySizeOfEveryScheme) {
  for (const unsigned levels : {3U, 4U, 5U}) {
    put(kDevice, {.fsc = pointer(levels + 5, root)});
    for (unsigned level = 0; level < levels; ++level) {
      root = table();
      put(kDevice, {.fsc = pointer(levels + 5, root)});
      const std::uint64_t size = bit(12 + 9 * level);
      const std::uint64_t iova = 3 * size, to = level == 4 ? 0 : 5 * size;
      map(root, levels, iova, to, kUserPage, level);
      EXPECT_EQ(read(iova + size - 8).pa, to + size - 8) << levels << " levels, level " << level;
    }
  }
}

TEST_F(ModelPageTable, AddressesAreSignExtended) {
  map(root, 3, bit(38), 0x9000, kUserPage);
  EXPECT_EQ(read(bit(38)).pa, 0U);
  EXPECT_EQ(record().cause, 13U);
  EXPECT_EQ(read(~std::uint64_t{0} << 38).pa, 0x9000U);
}

TEST_F(ModelPageTable, FaultsAreNamedAfterTheAccess) {
  EXPECT_EQ(cause_of(read(0x5000)), 13U);
  EXPECT_EQ(cause_of(write(0x5000, 1)), 15U);
  EXPECT_EQ(cause_of(execute(0x5000)), 12U);
  execute(0x5123);
  const Record r = record();
  EXPECT_EQ(r.ttyp, 1U);
  EXPECT_EQ(r.iotval, 0x5123U);
  EXPECT_EQ(r.iotval2, 0U);
}

TEST_F(ModelPageTable, PermissionsAreRequired) {
  map(root, 3, 0x1000, 0x9000, V | R | U | A | D);
  map(root, 3, 0x2000, 0x9000, V | X | U | A | D);
  EXPECT_EQ(cause_of(read(0x1000)), 0U);
  EXPECT_EQ(cause_of(write(0x1000, 1)), 15U);
  EXPECT_EQ(cause_of(execute(0x1000)), 12U);
  EXPECT_EQ(cause_of(execute(0x2000)), 0U);
  EXPECT_EQ(cause_of(read(0x2000)), 13U);
}

TEST_F(ModelPageTable, SupervisorPagesAreNotForUsers) {
  map(root, 3, 0x1000, 0x9000, kUserPage & ~U);
  EXPECT_EQ(cause_of(read(0x1000)), 13U);
}

TEST_F(ModelPageTable, ReservedEncodingsFault) {
  const std::uint64_t leaf = map(root, 3, 0x1000, 0x9000, 0);
  const std::uint64_t good = 0x9000 >> 2 | kUserPage;
  poke(leaf, good);
  EXPECT_EQ(cause_of(read(0x1000)), 0U);
  for (const std::uint64_t bad : {good & ~V, (good & ~(R | X)) | W, good & ~R, good | bit(54), good | bit(58),
                                  good | kNc | kIo, good | kN, 0x9000 >> 2 | V}) {
    poke(leaf, bad);
    EXPECT_EQ(cause_of(read(0x1000)), 13U) << std::hex << bad;
  }
}

TEST_F(ModelPageTable, ReservedBitsOfPointersFault) {
  map(root, 3, 0x1000, 0x9000, kUserPage);
  const std::uint64_t good = peek(root);
  for (const std::uint64_t flag : {U, A, D, kNc, kN, bit(54)}) {
    poke(root, good | flag);
    EXPECT_EQ(cause_of(read(0x1000)), 13U) << std::hex << flag;
  }
  poke(root, good | G);
  EXPECT_EQ(cause_of(read(0x1000)), 0U);
}

TEST_F(ModelPageTable, MisalignedSuperpagesFault) {
  map(root, 3, 0x200000, 0x201000, kUserPage, 1);
  EXPECT_EQ(cause_of(read(0x200000)), 13U);
}

TEST_F(ModelPageTable, SoftwareBitsAreIgnoredOnlyWithSvrsw60t59b) {
  map(root, 3, 0x1000, 0x9000, kUserPage | bit(60) | bit(59));
  EXPECT_EQ(cause_of(read(0x1000)), 0U);
  restart(bit(14));
  map(root, 3, 0x1000, 0x9000, kUserPage | bit(60));
  EXPECT_EQ(cause_of(read(0x1000)), 13U);
}

TEST_F(ModelPageTable, NapotPagesHave64KiB) {
  map(root, 3, 0x23000, 0x40000 | 0x8000, kUserPage | kN);
  EXPECT_EQ(read(0x23008).pa, 0x43008U);
  map(root, 3, 0x24000, 0x40000 | 0x4000, kUserPage | kN);
  EXPECT_EQ(cause_of(read(0x24000)), 13U);
  map(root, 3, 0x400000, 0x8000, kUserPage | kN, 1);
  EXPECT_EQ(cause_of(read(0x400000)), 13U);
}

TEST_F(ModelPageTable, MemoryTypesNeedSvpbmt) {
  map(root, 3, 0x1000, 0x9000, kUserPage | kNc);
  map(root, 3, 0x2000, 0x9000, kUserPage | kIo);
  EXPECT_EQ(read(0x1000).pbmt, 1U);
  EXPECT_EQ(read(0x2000).pbmt, 2U);
  restart(bit(15));
  map(root, 3, 0x1000, 0x9000, kUserPage | kNc);
  EXPECT_EQ(cause_of(read(0x1000)), 13U);
}

TEST_F(ModelPageTable, AccessedAndDirtyAreDemandedWithoutSade) {
  map(root, 3, 0x1000, 0x9000, kUserPage & ~A);
  map(root, 3, 0x2000, 0x9000, kUserPage & ~D);
  EXPECT_EQ(cause_of(read(0x1000)), 13U);
  EXPECT_EQ(cause_of(read(0x2000)), 0U);
  EXPECT_EQ(cause_of(write(0x2000, 1)), 15U);
}

TEST_F(ModelPageTable, SadeSetsWhatTheAccessNeeds) {
  put(kDevice, {.tc = kSade, .fsc = pointer(8, root)});
  const std::uint64_t leaf = map(root, 3, 0x1000, 0x9000, kUserPage & ~A & ~D);
  const std::uint64_t bare = peek(leaf);
  EXPECT_TRUE(read(0x1000).ok);
  EXPECT_EQ(peek(leaf), bare | A);
  EXPECT_TRUE(write(0x1000, 1).ok);
  EXPECT_EQ(peek(leaf), bare | A | D);
}

TEST_F(ModelPageTable, AForbiddenAccessSetsNothing) {
  put(kDevice, {.tc = kSade, .fsc = pointer(8, root)});
  const std::uint64_t leaf = map(root, 3, 0x1000, 0x9000, V | R | U);
  const std::uint64_t before = peek(leaf);
  EXPECT_EQ(cause_of(write(0x1000, 1)), 15U);
  EXPECT_EQ(peek(leaf), before);
}

TEST_F(ModelPageTable, EntriesThatCannotBeReadAreAccessFaults) {
  const std::uint64_t leaf = map(root, 3, 0x1000, 0x9000, kUserPage);
  model.set_fault(leaf, 8, MemoryFault::kError);
  EXPECT_EQ(cause_of(read(0x1000)), 5U);
  EXPECT_EQ(cause_of(write(0x1000, 0)), 7U);
  EXPECT_EQ(cause_of(execute(0x1000)), 1U);
  model.set_fault(leaf, 8, MemoryFault::kPoison);
  EXPECT_EQ(cause_of(write(0x1000, 0)), 274U);
}

TEST_F(ModelPageTable, SbeReadsAndUpdatesBigEndianEntries) {
  put(kDevice, {.tc = kSbe | kSade, .fsc = pointer(8, root)});
  big_endian = true;
  const std::uint64_t leaf = map(root, 3, 0x1000, 0x9000, kUserPage & ~D);
  EXPECT_TRUE(write(0x1000, 1).ok);
  EXPECT_EQ(peek(leaf) & D, D);
}

TEST_F(ModelPageTable, Sv32HasEntriesOf4BytesAnd34BitAddresses) {
  put(kDevice, {.tc = kSxl, .fsc = pointer(8, root)});
  const std::uint64_t low = table();
  poke(root + (0x80401000 >> 22) * 4, low >> 12 << 10 | V, 4);
  poke(low + 1 * 4, 0x3'0000'9000 >> 12 << 10 | kUserPage, 4);
  EXPECT_EQ(read(0x80401004).pa, 0x3'0000'9004U);
  poke(root + 4, 0x1'0040'0000 >> 12 << 10 | kUserPage, 4);
  EXPECT_EQ(read(0x7ffff8).pa, 0x1'007f'fff8U);
  EXPECT_EQ(cause_of(read(bit(32) | 0x80401000)), 13U);
}

TEST_F(ModelPageTable, AnAccessGoesToMemoryAtTheTranslatedAddress) {
  map(root, 3, 0x1000, 0x9000, kUserPage);
  EXPECT_TRUE(write(0x1010, 0x1122334455667788).ok);
  EXPECT_EQ(peek(0x9010), 0x1122334455667788U);
  EXPECT_EQ(read(0x1012, 1).data, std::vector{std::byte{0x66}});
  EXPECT_TRUE(access({.device_id = kDevice, .write = true, .iova = 0x1010}).ok) << "no byte enables";
  EXPECT_EQ(peek(0x9010), 0x1122334455667788U);
  model.set_fault(0x9010, 1, MemoryFault::kError);
  EXPECT_TRUE(read(0x1010).ok);
  EXPECT_TRUE(read(0x1010).memory_error);
  EXPECT_FALSE(read(0x1018).memory_error);
}

}  // namespace
}  // namespace aperture::tb::test
