// SPDX-License-Identifier: Apache-2.0
// Order of checks, errno and lengths of map, copy and unmap; undo when a domain or a provider refuses.
#include <gtest/gtest.h>

#include <thread>

#include "ioas/change.hpp"
#include "ioas/host_memory.hpp"
#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"

namespace aperture::ioas {
namespace {

std::byte* pointer(std::uint64_t address) { return reinterpret_cast<std::byte*>(address); }
constexpr std::uint64_t kVa = 0x4000'0000;

class IoasMap : public testing::Test {
 protected:
  int map_errno(std::byte* memory, std::uint64_t length, Prot prot, std::optional<Iova> iova) {
    const auto done = ioas.map(memory, length, prot, iova);
    return done ? 0 : done.error().number;
  }
  MemoryPins pins;
  MemoryDevice device{"nic", 1, pins, {{}, {{{{0x100000}, {0x1fffff}}, Cause::kMsi}}, 64}};
  Platform platform;
  Ioas ioas{platform};
};

TEST(IoasFile, DescriptorThatIsNotOpenIsRefused) {
  const auto shared = share_file(-1);
  ASSERT_FALSE(shared);
  EXPECT_EQ(shared.error().number, EBADF);
}

TEST_F(IoasMap, MemoryAtAnotherPlaceInItsPageThanInTheFileIsRefused) {
  const auto shared = share_file(0);
  ASSERT_TRUE(shared);
  EXPECT_EQ(ioas.map(pointer(kVa + 0x10), 0x100, Prot::kRead, Iova{0}, FileSpan{*shared, 0x20}).error().number, EINVAL);
  EXPECT_TRUE(ioas.map(pointer(kVa + 0x20), 0x100, Prot::kRead, Iova{0}, FileSpan{*shared, 0x1020}));
}

TEST_F(IoasMap, ArgumentChecksComeInLinuxsOrder) {
  EXPECT_EQ(map_errno(pointer(kMax), kMax, Prot::kNone, Iova{0}), EOVERFLOW);
  EXPECT_EQ(map_errno(pointer(kVa), 0, Prot::kNone, Iova{kMax}), EOVERFLOW);
  EXPECT_EQ(map_errno(pointer(kMax), 2, Prot::kNone, Iova{0}), EINVAL);
  EXPECT_EQ(map_errno(pointer(kMax), 2, Prot::kRead, Iova{0}), EOVERFLOW);
  EXPECT_EQ(map_errno(pointer(kVa), 0, Prot::kRead, Iova{0}), EINVAL);
  EXPECT_EQ(map_errno(pointer(0), kMax - 1, Prot::kRead, Iova{0}), EINVAL);
  EXPECT_EQ(map_errno(pointer(kVa), 0x2000, Prot::kRead, Iova{kMax - 0xfff}), EOVERFLOW);
}

TEST_F(IoasMap, ReservedRangeWinsOverExistingMap) {
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0xff000}));
  ASSERT_TRUE(ioas.attach(device));
  EXPECT_EQ(map_errno(pointer(kVa), 0x2000, Prot::kRead, Iova{0xff000}), EINVAL);
  EXPECT_EQ(map_errno(pointer(kVa), 0x1000, Prot::kRead, Iova{0xff000}), EEXIST);
  EXPECT_EQ(map_errno(pointer(kVa), 0x800, Prot::kRead, Iova{0xff000}), EINVAL);
  EXPECT_EQ(map_errno(pointer(kVa + 0x800), 0x1000, Prot::kRead, Iova{0x8000}), EINVAL);
}

TEST_F(IoasMap, ReportTellsAHoleFromMisalignment) {
  ASSERT_TRUE(ioas.attach(device));
  const auto hole = ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x100000});
  ASSERT_FALSE(hole);
  ASSERT_EQ(hole.error().report->maps_blocked.size(), 1U);
  EXPECT_EQ(hole.error().report->maps_blocked[0].cause, Cause::kMsi);
  EXPECT_EQ(hole.error().report->maps_blocked[0].device, "nic");
  const auto crooked = ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x8800});
  ASSERT_FALSE(crooked);
  EXPECT_TRUE(crooked.error().report->maps_blocked.empty());
}

TEST_F(IoasMap, LastByteOfTheSpaceCanBeMapped) {
  EXPECT_EQ(map_errno(pointer(kVa), 0x1000, Prot::kRead, Iova{kMax - 0xfff}), 0);
  EXPECT_EQ(ioas.unmap({kMax - 0xfff}, 0x1000), 0x1000U);
}

TEST_F(IoasMap, CopyTakesSubRangesAndSpansNeighbours) {
  Ioas to(platform);
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x2000, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(ioas.map(pointer(kVa + 0x8000), 0x2000, Prot::kRead, Iova{0x12000}));
  ASSERT_TRUE(to.copy(ioas, {0x11000}, 0x2000, Prot::kRead, Iova{0x50000}));
  EXPECT_EQ(to.map_count(), 2U);
  EXPECT_EQ(to.lookup({0x50000})->offset, 0x1000U);
  EXPECT_EQ(to.lookup({0x51000})->pages, ioas.lookup({0x12000})->pages);
  EXPECT_EQ(to.unmap({0x50000}, 0x2000), 0x2000U);
}

TEST_F(IoasMap, CopyWithinOneIoasIsLegal) {
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  const auto copy = ioas.copy(ioas, {0x10000}, 0x1000, Prot::kRead);
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->value, 0x1000U);
  EXPECT_EQ(ioas.lookup({0x10000})->pages->references(), 2U);
}

TEST_F(IoasMap, CopyRefusals) {
  Ioas to(platform);
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  EXPECT_EQ(to.copy(ioas, {0x10000}, 0, Prot::kRead).error().number, EINVAL);
  EXPECT_EQ(to.copy(ioas, {0x10000}, 0x2000, Prot::kRead).error().number, ENOENT);
  EXPECT_EQ(to.copy(ioas, {0xf000}, 0x2000, Prot::kRead).error().number, ENOENT);
  EXPECT_EQ(to.copy(ioas, {0x10000}, 0x1000, Prot::kReadWrite).error().number, EPERM);
  EXPECT_EQ(to.copy(ioas, {0x10000}, 0x1000, Prot::kNone).error().number, EINVAL);
  EXPECT_EQ(to.copy(ioas, {kMax}, 0x1000, Prot::kRead).error().number, EOVERFLOW);
  EXPECT_EQ(to.map_count(), 0U);
}

TEST_F(IoasMap, CopyOfAPieceThatBreaksTheDestinationsAlignmentChangesNothing) {
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(ioas.map(pointer(kVa + 0x1000), 0x800, Prot::kRead, Iova{0x11000}));
  ASSERT_TRUE(ioas.map(pointer(kVa + 0x1800), 0x800, Prot::kRead, Iova{0x11800}));
  Ioas to(platform);
  ASSERT_TRUE(to.attach(device));
  EXPECT_EQ(to.copy(ioas, {0x10000}, 0x2000, Prot::kRead, Iova{0x50000}).error().number, EINVAL);
  EXPECT_EQ(to.map_count(), 0U);
  EXPECT_EQ(pins.pinned_bytes(), 0U);
}

TEST_F(IoasMap, UnmapSkipsHolesAndCountsWhatWasMapped) {
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x14000}));
  EXPECT_EQ(ioas.unmap({0x8000}, 0x20000), 0x2000U);
}

TEST_F(IoasMap, UnmapRefusals) {
  EXPECT_EQ(ioas.unmap({0}, kMax), 0U);
  EXPECT_EQ(ioas.unmap({0x1000}, kMax).error().number, EOVERFLOW);
  EXPECT_EQ(ioas.unmap({kMax}, 1).error().number, EOVERFLOW);
  EXPECT_EQ(ioas.unmap({0x1000}, 0).error().number, EINVAL);
  EXPECT_EQ(ioas.unmap({0x1000}, kMax - 1).error().number, EOVERFLOW);
  EXPECT_EQ(ioas.unmap({0x1000}, 0x1000).error().number, ENOENT);
}

TEST_F(IoasMap, BadMemoryIsAFaultOfMapWithADomainAndOfAttachWithout) {
  test::Memory memory(0x4000);
  pins.set_hole(memory.bytes(0x1000, 0x1000));
  ASSERT_TRUE(ioas.map(memory.data(), 0x2000, Prot::kRead, Iova{0x10000}));
  EXPECT_EQ(ioas.attach(device).error().number, EFAULT);
  EXPECT_EQ(platform.attached_to(device, {}), nullptr);
  ASSERT_TRUE(ioas.unmap({0}, kMax));
  ASSERT_TRUE(ioas.attach(device));
  EXPECT_EQ(map_errno(memory.data(), 0x2000, Prot::kRead, Iova{0x10000}), EFAULT);
  EXPECT_EQ(ioas.map_count(), 0U);
}

TEST_F(IoasMap, EagerPinFindsBadMemoryAtOnce) {
  test::Memory memory(0x4000);
  pins.set_hole(memory.bytes(0x1000, 0x1000));
  Ioas eager(platform, {.eager_pin = &pins});
  EXPECT_EQ(eager.map(memory.data(), 0x2000, Prot::kRead).error().number, EFAULT);
  ASSERT_TRUE(eager.map(memory.at(0x2000), 0x2000, Prot::kRead));
  EXPECT_EQ(pins.pinned_bytes(), 0x2000U);
  ASSERT_TRUE(eager.unmap({0}, kMax));
  EXPECT_EQ(pins.pinned_bytes(), 0U);
}

TEST_F(IoasMap, DomainThatRunsOutOfMemoryHalfWayIsLeftEmpty) {
  Ioas staging(platform);
  ASSERT_TRUE(staging.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(staging.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x11000}));
  ASSERT_TRUE(ioas.attach(device));
  device.domain()->fail_map_after(2);
  EXPECT_EQ(ioas.copy(staging, {0x10000}, 0x2000, Prot::kRead).error().number, ENOMEM);
  EXPECT_EQ(device.domain()->map_count(), 0U);
  EXPECT_EQ(ioas.map_count(), 0U);
  EXPECT_EQ(pins.pinned_bytes(), 0U);
}

TEST_F(IoasMap, UnmapFencesOnce) {
  ASSERT_TRUE(ioas.attach(device));
  for (std::uint64_t i = 0; i < 8; ++i) ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead));
  const std::uint64_t before = device.domain()->syncs();
  ASSERT_TRUE(ioas.unmap({0}, kMax));
  EXPECT_EQ(device.domain()->syncs(), before + 1);
}

TEST_F(IoasMap, PagesOfALostCardStayPinnedUntilItsReset) {
  ASSERT_TRUE(ioas.attach(device));
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  device.domain()->lose();
  EXPECT_EQ(ioas.unmap({0x10000}, 0x1000).error().number, EIO);
  EXPECT_EQ(ioas.map_count(), 0U);
  EXPECT_EQ(pins.pinned_bytes(), 0x1000U);
  EXPECT_EQ(ioas.map(pointer(kVa), 0x1000, Prot::kRead).error().number, EIO);
  EXPECT_EQ(platform.quarantined(), 1U);
  platform.release_quarantine();
  EXPECT_EQ(pins.pinned_bytes(), 0U);
}

TEST_F(IoasMap, HugePagesOffRaisesTheAlignment) {
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x100, Prot::kRead, Iova{0x10000}));
  EXPECT_EQ(ioas.set_huge_pages(false).error().number, EADDRINUSE);
  ASSERT_TRUE(ioas.unmap({0}, kMax));
  ASSERT_TRUE(ioas.set_huge_pages(false));
  EXPECT_EQ(ioas.ranges().alignment, 0x1000U);
  ASSERT_TRUE(ioas.set_huge_pages(true));
  EXPECT_EQ(ioas.ranges().alignment, 1U);
  ASSERT_TRUE(ioas.attach(device));
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead));
  EXPECT_EQ(ioas.set_huge_pages(false).error().number, EINVAL);
}

TEST_F(IoasMap, AllowListRefusals) {
  EXPECT_EQ(ioas.allow({{{5}, {5}}}).error().number, EINVAL);
  EXPECT_EQ(ioas.allow({{{0x1000}, {0x1fff}}, {{0x1fff}, {0x2fff}}}).error().number, EINVAL);
  ASSERT_TRUE(ioas.allow({{{0x1000}, {0x1fff}}}));
  ASSERT_TRUE(ioas.attach(device));
  EXPECT_EQ(ioas.allow({{{0x1fffff}, {0x2fffff}}}).error().number, EADDRINUSE);
  EXPECT_EQ(ioas.allowed(), (std::vector<IovaRange>{{{0x1000}, {0x1fff}}}));
  EXPECT_EQ(ioas.reserve({{0x1800}, {0x18ff}}).error().number, EADDRINUSE);
  ASSERT_TRUE(ioas.allow({}));
  EXPECT_TRUE(ioas.reserve({{0x1800}, {0x18ff}}));
}

TEST_F(IoasMap, OverlappingReservationsOfDifferentOwnersAreIndependent) {
  ASSERT_TRUE(ioas.reserve({{0x180000}, {0x27ffff}}));
  ASSERT_TRUE(ioas.attach(device));
  EXPECT_TRUE(RangeSet(ioas.ranges().ranges).complement().contains({{0x100000}, {0x27ffff}}));
  ASSERT_TRUE(ioas.unreserve({{0x180000}, {0x27ffff}}));
  EXPECT_FALSE(RangeSet(ioas.ranges().ranges).overlaps({{0x100000}, {0x1fffff}}));
  EXPECT_TRUE(RangeSet(ioas.ranges().ranges).contains({{0x200000}, {0x27ffff}}));
  EXPECT_EQ(ioas.unreserve({{0x100000}, {0x1fffff}}).error().number, ENOENT);
}

TEST_F(IoasMap, GranuleComesAfterTheReservationsOfAnAttachAndBeforeThoseOfAReplace) {
  const Format coarse{"coarse", 1, 1, {kAll}, 0x4000};
  const Format all{"all", 1, 1, {kAll}, kPageSize};
  MemoryDevice other("other", 2, pins, {{all}, {}, 64});
  MemoryDevice both("both", 3, pins, {{all, coarse}, {{{{0x1000}, {0x1fff}}, Cause::kMsi}}, 64});
  Ioas with_domain(platform);
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x1000}));
  EXPECT_EQ(ioas.attach(both).error().number, EADDRINUSE);
  ASSERT_TRUE(with_domain.attach(other));
  ASSERT_TRUE(with_domain.attach(both));
  EXPECT_EQ(ioas.attach(both).error().number, EINVAL);
  EXPECT_EQ(with_domain.attached().size(), 2U);
}

TEST_F(IoasMap, ChangeIsAllOrNothing) {
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  Change change(platform);
  change.add(MapEdit{&ioas, pointer(kVa), 0x1000, Iova{0x20000}, Prot::kRead, {}});
  change.add(UnmapEdit{&ioas, {0x10000}, 0x1000});
  change.add(MapEdit{&ioas, pointer(kVa), 0x1000, Iova{0x10000}, Prot::kRead, {}});
  const auto done = change.apply();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().number, EINVAL);
  EXPECT_TRUE(ioas.lookup({0x10000}));
  EXPECT_FALSE(ioas.lookup({0x20000}));
}

TEST_F(IoasMap, CloneCutsMovesAndNarrows) {
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x4000, Prot::kReadWrite, Iova{0x10000}));
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kReadWrite, Iova{0x20000}));
  const auto clone = ioas.clone({{{{0x11000}, {0x12fff}}}, 0x100000, Prot::kRead});
  ASSERT_TRUE(clone);
  EXPECT_EQ((*clone)->map_count(), 1U);
  const auto map = (*clone)->lookup({0x111000});
  ASSERT_TRUE(map);
  EXPECT_EQ(map->range, (IovaRange{{0x111000}, {0x112fff}}));
  EXPECT_EQ(map->prot, Prot::kRead);
  EXPECT_EQ(map->offset, 0x1000U);
}

TEST_F(IoasMap, ThreadsMapAndCopyBetweenTwoIoasesWithoutLosingAPin) {
  ASSERT_TRUE(ioas.attach(device));
  Ioas other(platform);
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(other.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  const auto work = [](Ioas& from, Ioas& to) {
    for (int i = 0; i < 500; ++i) {
      const auto iova = to.copy(from, {0x10000}, 0x1000, Prot::kRead);
      ASSERT_TRUE(iova);
      ASSERT_TRUE(to.unmap(*iova, 0x1000));
    }
  };
  std::thread there([&] { work(ioas, other); });
  std::thread back([&] { work(other, ioas); });
  there.join();
  back.join();
  EXPECT_EQ(ioas.map_count(), 1U);
  EXPECT_EQ(other.map_count(), 1U);
  EXPECT_EQ(pins.pinned_bytes(), 0x1000U);
}

}  // namespace
}  // namespace aperture::ioas
