// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "ioas/allocator.hpp"
#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"
#include "ioas/text.hpp"

namespace aperture::ioas {
namespace {

// Nothing looks behind these pointers: no device is attached, or only one that copies when asked to.
std::byte* pointer(std::uint64_t address) { return reinterpret_cast<std::byte*>(address); }
constexpr std::uint64_t kAligned = 0x4000'0000;

struct Placed {
  std::uint64_t address, length, iova;
};
void PrintTo(const Placed& placed, std::ostream* out) {
  *out << hex(placed.length) << " bytes from " << hex(placed.address) << " at " << hex(placed.iova);
}

class AutomaticIova : public testing::TestWithParam<Placed> {};

TEST_P(AutomaticIova, InAnEmptyIoas) {
  Platform platform;
  Ioas ioas(platform);
  const auto iova = ioas.map(pointer(GetParam().address), GetParam().length, Prot::kRead);
  ASSERT_TRUE(iova);
  EXPECT_EQ(iova->value, GetParam().iova);
}

INSTANTIATE_TEST_SUITE_P(Cases, AutomaticIova,
                         testing::Values(Placed{kAligned, 0x1000, 0x1000}, Placed{kAligned, 0x3000, 0x4000},
                                         Placed{kAligned, 0x200000, 0x200000}, Placed{kAligned, 0x600000, 0x200000},
                                         Placed{kAligned + 0x10, 0x100, 0x1010}, Placed{0, 0x3000, 0x4000}));

TEST(AutomaticIova, LengthZeroIsInvalid) {
  Platform platform;
  Ioas ioas(platform);
  EXPECT_EQ(ioas.map(pointer(kAligned), 0, Prot::kRead).error().number, EINVAL);
}

TEST(AutomaticIova, FollowsTheFileOffsetInsteadOfThePointer) {
  Platform platform;
  Ioas ioas(platform);
  const auto iova = ioas.map(pointer(kAligned), 0x200000, Prot::kRead, {}, FileSpan{nullptr, 0x1000});
  ASSERT_TRUE(iova);
  EXPECT_EQ(iova->value, 0x1000U);
}

class NarrowIoas : public testing::Test {
 protected:
  NarrowIoas() { EXPECT_TRUE(ioas.attach(device)); }
  MemoryPins pins;
  Format format{"narrow", 1, 1, {{{0x1000000}, {0x7fffffff}}}, 0x800};
  MemoryDevice device{"nic", 1, pins, {{format}, {}, 64}};
  Platform platform;
  Ioas ioas{platform};
};

TEST_F(NarrowIoas, FirstAutomaticIovaIsTheAperturesStart) {
  const auto iova = ioas.map(pointer(kAligned), 0x1000, Prot::kRead);
  ASSERT_TRUE(iova);
  EXPECT_EQ(iova->value, 0x1000000U);
}

TEST_F(NarrowIoas, MemoryAlignedLessThanTheIoasIsInvalid) {
  EXPECT_EQ(ioas.map(pointer(kAligned + 0x400), 0x800, Prot::kRead).error().number, EINVAL);
}

TEST_F(NarrowIoas, MemoryAlignedAsTheIoasKeepsItsPageOffset) {
  const auto iova = ioas.map(pointer(kAligned + 0x800), 0x800, Prot::kRead);
  ASSERT_TRUE(iova);
  EXPECT_EQ(iova->value, 0x1000800U);
}

TEST_F(NarrowIoas, FullApertureHasNoSpace) {
  EXPECT_EQ(ioas.map(pointer(kAligned), 0x80000000, Prot::kRead).error().number, ENOSPC);
}

TEST(AutomaticIova, KeepsToTheAllowList) {
  Platform platform;
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.allow({{{0x8000}, {0x9fff}}, {{0x4000}, {0x4fff}}}));
  EXPECT_EQ(ioas.map(pointer(kAligned), 0x1000, Prot::kRead)->value, 0x4000U);
  EXPECT_EQ(ioas.map(pointer(kAligned), 0x1000, Prot::kRead)->value, 0x8000U);
  EXPECT_EQ(ioas.map(pointer(kAligned), 0x1000, Prot::kRead)->value, 0x9000U);
  EXPECT_EQ(ioas.map(pointer(kAligned), 0x1000, Prot::kRead).error().number, ENOSPC);
}

TEST(AutomaticIova, NeitherInPageZeroNorInTheTopPageEvenIfAllowed) {
  Platform platform;
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.allow({{{0}, {0x1fff}}, {{kMax - 0xfff}, {kMax}}}));
  EXPECT_EQ(ioas.map(pointer(kAligned), 0x1000, Prot::kRead)->value, 0x1000U);
  EXPECT_EQ(ioas.map(pointer(kAligned), 0x1000, Prot::kRead).error().number, ENOSPC);
  EXPECT_TRUE(ioas.map(pointer(kAligned), 0x1000, Prot::kRead, Iova{0}));
}

TEST(AutomaticIova, AllowedRangesThatTouchAreOne) {
  Platform platform;
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.allow({{{0x4000}, {0x4fff}}, {{0x5000}, {0x5fff}}}));
  EXPECT_EQ(ioas.map(pointer(kAligned), 0x2000, Prot::kRead)->value, 0x4000U);
}

/// First fit over a space of 64 pages, by looking at every address.
std::optional<std::uint64_t> brute(const RangeSet& used, std::uint64_t first, std::uint64_t last, std::uint64_t length,
                                   std::uint64_t alignment) {
  for (std::uint64_t at = first; at <= last; ++at) {
    if (at % alignment != 0 || last - at < length - 1) continue;
    if (!used.overlaps({{at}, {at + length - 1}})) return at;
  }
  return {};
}

RC_GTEST_PROP(FirstFit, EqualsBruteForceOnASmallSpace, ()) {
  RangeSet reserved;
  RangeSet used;
  Areas areas;
  const auto pages = std::make_shared<Pages>(pointer(kAligned), kPageSize, false);
  const auto pieces = *rc::gen::container<std::vector<std::tuple<int, int, bool>>>(
      rc::gen::tuple(rc::gen::inRange(0, 256), rc::gen::inRange(1, 16), rc::gen::arbitrary<bool>()));
  for (const auto& [start, size, reserve] : pieces) {
    const auto first = static_cast<std::uint64_t>(start);
    const IovaRange range{{first}, {first + static_cast<std::uint64_t>(size) - 1}};
    if (reserve) {
      reserved.add(range);
    } else if (!used.overlaps(range)) {
      areas.insert(std::make_unique<Areas::Node>(Area{range, AreaPages(pages), 0, Prot::kRead}));
    } else {
      continue;
    }
    used.add(range);
  }
  const auto first = *rc::gen::inRange<std::uint64_t>(0, 128);
  const auto last = *rc::gen::inRange<std::uint64_t>(128, 300);
  const auto length = *rc::gen::inRange<std::uint64_t>(2, 40);
  const std::uint64_t alignment = std::uint64_t{1} << *rc::gen::inRange(0, 6);
  const auto found = find_first_fit({{{{first}, {last}}, 1}}, reserved, areas, 0, length, alignment);
  const auto expected = brute(used, first, last, length, alignment);
  RC_ASSERT(found.has_value() == expected.has_value());
  if (found) RC_ASSERT(found->value == *expected);
}

/// Pages of 4 KiB, so that every class of alignment is used; areas come and go.
RC_GTEST_PROP(FirstFit, EqualsBruteForceWhileAreasComeAndGo, ()) {
  constexpr std::uint64_t kPages = 2048;
  std::vector<bool> used(kPages);
  Areas areas;
  const auto pages = std::make_shared<Pages>(pointer(kAligned), kPageSize, false);
  const auto steps = *rc::gen::container<std::vector<std::tuple<std::uint64_t, std::uint64_t>>>(
      300, rc::gen::tuple(rc::gen::inRange<std::uint64_t>(0, kPages), rc::gen::inRange<std::uint64_t>(1, 40)));
  for (const auto& [start, count] : steps) {
    const auto hit = areas.from(Iova{start * kPageSize});
    if (hit != areas.end() && hit->range.contains(Iova{start * kPageSize})) {
      for (std::uint64_t i = hit->range.first.value; i < hit->range.last.value; i += kPageSize)
        used[i / kPageSize] = false;
      areas.extract(hit);
      continue;
    }
    const std::uint64_t log2 = start % 11;
    const auto found = find_first_fit({{{{0}, {kPages * kPageSize - 1}}, 1}}, {}, areas, 0, count * kPageSize,
                                      kPageSize << (log2 > 9 ? 9 : log2));
    std::optional<std::uint64_t> expected;
    for (std::uint64_t at = 0; at + count <= kPages && !expected; at += std::uint64_t{1} << (log2 > 9 ? 9 : log2)) {
      bool free = true;
      for (std::uint64_t i = at; i < at + count; ++i) free = free && !used[i];
      if (free) expected = at * kPageSize;
    }
    RC_ASSERT(found.has_value() == expected.has_value());
    if (!found) continue;
    RC_ASSERT(found->value == *expected);
    const IovaRange range{*found, *found + (count * kPageSize - 1)};
    areas.insert(std::make_unique<Areas::Node>(Area{range, AreaPages(pages), 0, Prot::kRead}));
    for (std::uint64_t i = 0; i < count; ++i) used[*expected / kPageSize + i] = true;
  }
  std::uint64_t last = 0;
  std::size_t count = 0;
  for (const Area& area : areas) {
    RC_ASSERT(count == 0 || area.range.first.value > last);
    last = area.range.last.value;
    ++count;
  }
  RC_ASSERT(count == areas.size());
}

/// How many steps an allocation takes must not grow with the number of maps: the first gap that fits lies behind all.
TEST(FirstFit, FindsTheOnlyGapAmongManyMapsWithoutVisitingThem) {
  Areas areas;
  const auto pages = std::make_shared<Pages>(pointer(kAligned), kPageSize, false);
  constexpr std::uint64_t kMaps = 100'000;
  for (std::uint64_t i = 0; i < kMaps; ++i) {  // gaps of one page at odd places: too small or misaligned for two
    const Iova first{i * 2 * kPageSize};
    areas.insert(
        std::make_unique<Areas::Node>(Area{{first, first + (kPageSize - 1)}, AreaPages(pages), 0, Prot::kRead}));
  }
  std::size_t tries = 0;
  const bool found = areas.find_gap(0, kMax, 2, 13, [&](std::uint64_t first, std::uint64_t) {
    ++tries;
    return first == (2 * kMaps - 1) * kPageSize;
  });
  EXPECT_TRUE(found);
  EXPECT_LE(tries, 64U);
}

TEST(FirstFit, StopsAtTheTopOfTheSpace) {
  RangeSet reserved;
  reserved.add({{0}, {kMax - 0x1000}});
  EXPECT_EQ(find_first_fit({{kAll, 1}}, reserved, {}, 0, 0x1000, 0x1000), Iova{kMax - 0xfff});
  reserved.add({{kMax - 0xffff}, {kMax}});
  EXPECT_FALSE(find_first_fit({{kAll, 1}}, reserved, {}, 0, 0x1000, 0x1000));
}

}  // namespace
}  // namespace aperture::ioas
