// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "riscv/page_table.hpp"
#include "unit/fake_card.hpp"

namespace aperture::riscv {
namespace {

using test::FakeCard;

constexpr std::uint64_t k4K = 1ULL << 12, k64K = 1ULL << 16, k2M = 1ULL << 21, k1G = 1ULL << 30;
constexpr std::uint32_t kDevice = 5;

template <typename F>
class PageTableTest : public testing::Test {
 protected:
  PageTableTest() : table(*PageTable<F>::create(pool)) {
    auto directory = card.allocate(4096, 4096);
    directory_ = std::move(*directory);
    auto* context = reinterpret_cast<std::uint64_t*>(directory_->bytes().data()) + 4 * kDevice;
    context[F::kStage == 2 ? 1 : 3] = static_cast<std::uint64_t>(F::kMode) << 60 | table.root().value >> 12;
    context[0] = regs::dc::tc::v.mask() | regs::dc::tc::sade.mask() | regs::dc::tc::gade.mask();
    card.reg(regs::iommu::ddtp) = 2 | directory_->address().value >> 12 << 10;
    base_buffers = card.buffers;
  }
  Result<> map(std::uint64_t iova, std::vector<card::BusExtent> extents, bool writable = true,
               std::uint64_t sizes = PageTable<F>::page_sizes(), bool clean = false) {
    std::uint64_t length = 0;
    for (const auto& extent : extents) length += extent.length;
    return table.map({iova}, length, ExtentCursor(extents, 0), writable, sizes, clean);
  }
  void unmap(std::uint64_t first, std::uint64_t length) {
    table.unmap({{first}, {first + (length - 1)}}, removed, quarantine);
  }
  std::optional<std::uint64_t> walk(std::uint64_t iova, bool write = true) {
    return card.translate(kDevice, iova, write).address;
  }
  std::uint64_t leaf(std::uint64_t iova) { return card.translate(kDevice, iova, false).leaf; }

  FakeCard card;
  TablePool pool{card, 0};
  PageTable<F> table;
  std::unique_ptr<card::DmaBuffer> directory_;
  Removed removed;
  Quarantine quarantine;
  unsigned base_buffers{};
};

using Formats = testing::Types<Sv39, Sv48, Sv57, Sv39x4, Sv48x4, Sv57x4>;
TYPED_TEST_SUITE(PageTableTest, Formats);

TYPED_TEST(PageTableTest, MapsEachPageToItsExtent) {
  ASSERT_TRUE(this->map(0x10000, {{{0xa000}, k4K}, {{0xc000}, 2 * k4K}, {{0x5000}, k4K}}));
  EXPECT_EQ(this->walk(0x10123), 0xa123U);
  EXPECT_EQ(this->walk(0x11fff), 0xcfffU);
  EXPECT_EQ(this->walk(0x12000), 0xd000U);
  EXPECT_EQ(this->walk(0x13008), 0x5008U);
  EXPECT_EQ(this->walk(0xffff), std::nullopt);
  EXPECT_EQ(this->walk(0x14000), std::nullopt);
}

TYPED_TEST(PageTableTest, TakesTheLargestLeafThatBothAlignmentsAllow) {
  ASSERT_TRUE(this->map(k1G - k2M, {{{k1G - k2M}, k2M + k1G + k4K}}));
  EXPECT_EQ(this->leaf(k1G - 1), k2M);
  EXPECT_EQ(this->leaf(k1G), k1G);
  EXPECT_EQ(this->leaf(2 * k1G), k4K);
  ASSERT_TRUE(this->map(8 * k1G, {{{k4K}, k2M}}));  // bus address not aligned
  EXPECT_EQ(this->leaf(8 * k1G), k4K);
}

TYPED_TEST(PageTableTest, NoLeafGoesBeyondTheRunOrTheMapping) {
  ASSERT_TRUE(this->map(0, {{{k1G}, k2M}, {{3 * k1G}, k2M + k4K}}));
  EXPECT_EQ(this->leaf(0), k2M);
  EXPECT_EQ(this->leaf(k2M), k2M);
  EXPECT_EQ(this->walk(k2M), 3 * k1G);
  EXPECT_EQ(this->leaf(2 * k2M), k4K);
  EXPECT_EQ(this->walk(2 * k2M + k4K), std::nullopt);
}

TYPED_TEST(PageTableTest, LeavesKeepToTheSizesAskedFor) {
  ASSERT_TRUE(this->map(0, {{{k1G}, k1G}}, true, k4K | k2M));
  EXPECT_EQ(this->leaf(0), k2M);
  ASSERT_TRUE(this->map(k1G, {{{k1G}, k2M}}, true, k4K));
  EXPECT_EQ(this->leaf(k1G), k4K);
}

TYPED_TEST(PageTableTest, SvnapotGroupsOnlyWhenAskedFor) {
  ASSERT_TRUE(this->map(k64K - k4K, {{{k1G + k64K - k4K}, 2 * k64K}}, true, k4K | k64K));
  EXPECT_EQ(this->leaf(k64K - k4K), k4K);
  EXPECT_EQ(this->leaf(k64K), k64K);
  EXPECT_EQ(this->walk(k64K + 0x3123), k1G + k64K + 0x3123);
  EXPECT_EQ(this->leaf(2 * k64K), k4K);
  EXPECT_EQ(this->walk(3 * k64K - 1), std::nullopt);
  ASSERT_TRUE(this->map(k1G, {{{k1G}, k64K}}));
  EXPECT_EQ(this->leaf(k1G), k4K);
}

TYPED_TEST(PageTableTest, EveryApertureIsUsableUpToItsLastByte) {
  std::vector<std::uint64_t> places;
  for (const IovaRange& aperture : PageTable<TypeParam>::apertures()) {
    places.push_back(aperture.first.value);
    places.push_back(aperture.last.value - (k2M - 1));
  }
  for (const std::uint64_t iova : places) {
    ASSERT_TRUE(this->map(iova, {{{k1G}, k2M}}));
    EXPECT_EQ(this->walk(iova + k2M - 1), k1G + k2M - 1);
  }
  this->unmap(places.back(), k2M);
  EXPECT_EQ(this->walk(places.back() + k2M - 1), std::nullopt);
  places.pop_back();
  for (const std::uint64_t iova : places) EXPECT_TRUE(this->walk(iova));
}

TYPED_TEST(PageTableTest, ASecondStageHasARootOfFourPagesAtAMultipleOfThem) {
  if (!PageTable<TypeParam>::kSecond) return;
  EXPECT_EQ(this->table.root().value % (4 * k4K), 0U);
  // Entries of each of the four pages.
  for (std::uint64_t page = 0; page < 4; ++page)
    ASSERT_TRUE(this->map(page << (PageTable<TypeParam>::kVaBits - 2), {{{k1G + page * k4K}, k4K}}));
  for (std::uint64_t page = 0; page < 4; ++page)
    EXPECT_EQ(this->walk(page << (PageTable<TypeParam>::kVaBits - 2)), k1G + page * k4K);
}

TYPED_TEST(PageTableTest, TellsWhichLeavesWereWritten) {
  ASSERT_TRUE(this->map(0, {{{k1G}, k2M}, {{3 * k1G}, 2 * k4K}}, true, PageTable<TypeParam>::page_sizes(), true));
  ASSERT_TRUE(this->map(k1G, {{{k1G}, k64K}}, true, k4K | k64K, true));
  ASSERT_TRUE(this->map(2 * k1G, {{{k1G}, k4K}}, false));
  const IovaRange all{{0}, {3 * k1G - 1}};
  std::vector<IovaRange> dirty;
  this->walk(k4K, false);
  this->table.find_dirty(all, dirty);
  EXPECT_TRUE(dirty.empty());
  this->walk(k4K);
  this->walk(k2M + k4K);
  this->walk(k1G + 5 * k4K);
  this->table.find_dirty(all, dirty);
  EXPECT_EQ(dirty,
            (std::vector<IovaRange>{{{0}, {k2M - 1}}, {{k2M + k4K}, {k2M + 2 * k4K - 1}}, {{k1G}, {k1G + k64K - 1}}}));
  for (const IovaRange& one : dirty) this->table.clean(one, all, this->removed);
  EXPECT_EQ(this->removed.addresses().size(), 3U);
  dirty.clear();
  this->table.find_dirty(all, dirty);
  EXPECT_TRUE(dirty.empty());
  this->walk(k1G);
  this->table.find_dirty(all, dirty);
  EXPECT_EQ(dirty, (std::vector<IovaRange>{{{k1G}, {k1G + k64K - 1}}}));
}

TYPED_TEST(PageTableTest, ALeafThatReachesBeyondWhatIsCleanedStaysDirty) {
  ASSERT_TRUE(this->map(0, {{{k1G}, k2M}}, true, PageTable<TypeParam>::page_sizes(), true));
  this->walk(k4K);
  const IovaRange part{{0}, {k1G / 1024 - 1}};
  std::vector<IovaRange> dirty;
  this->table.find_dirty(part, dirty);
  ASSERT_EQ(dirty.size(), 1U);
  this->table.clean(dirty[0], part, this->removed);
  EXPECT_FALSE(this->removed.any());
  this->table.find_dirty(part, dirty);
  EXPECT_EQ(dirty.size(), 2U);
}

TYPED_TEST(PageTableTest, AllOfItCanBeMadeCleanOrDirty) {
  const std::uint64_t last = PageTable<TypeParam>::apertures().back().last.value - (k4K - 1);
  ASSERT_TRUE(this->map(0, {{{k1G}, k4K}}));
  ASSERT_TRUE(this->map(last, {{{k1G}, k4K}}));
  ASSERT_TRUE(this->map(k4K, {{{k1G}, k4K}}, false));
  const IovaRange ends[] = {{{0}, {2 * k4K - 1}}, {{last}, {last + (k4K - 1)}}};
  for (const bool state : {false, true}) {
    this->table.set_dirty(state);
    std::vector<IovaRange> dirty;
    for (const IovaRange& end : ends) this->table.find_dirty(end, dirty);
    EXPECT_EQ(dirty.size(), state ? 2U : 0U);
  }
}

TYPED_TEST(PageTableTest, ReadOnlyLeavesRefuseWrites) {
  ASSERT_TRUE(this->map(0, {{{k1G}, k4K}}, false));
  EXPECT_TRUE(this->walk(0, false));
  EXPECT_FALSE(this->walk(0, true));
}

TYPED_TEST(PageTableTest, UnmapTakesAwayExactlyItsRange) {
  ASSERT_TRUE(this->map(0, {{{k1G}, 4 * k4K}}));
  this->unmap(k4K, 2 * k4K);
  EXPECT_TRUE(this->walk(0));
  EXPECT_FALSE(this->walk(k4K));
  EXPECT_FALSE(this->walk(2 * k4K));
  EXPECT_TRUE(this->walk(3 * k4K));
  ASSERT_TRUE(this->removed.listed());
  ASSERT_EQ(this->removed.addresses().size(), 2U);
  EXPECT_EQ(this->removed.addresses()[1], 2 * k4K);
}

TYPED_TEST(PageTableTest, ATableThatWasInUseHoldsNothingOfThatWhenItIsUsedAgain) {
  TablePool reused(this->card, 1);
  auto other = PageTable<TypeParam>::create(reused);
  ASSERT_TRUE(other);
  const std::vector<card::BusExtent> full{{{k1G + k4K}, k2M}}, few{{{k4K}, 3 * k4K}};
  ASSERT_TRUE(other->map({0}, k2M, ExtentCursor(full, 0), true, PageTable<TypeParam>::page_sizes()));
  other->unmap({{0}, {k2M - 1}}, this->removed, this->quarantine);
  EXPECT_EQ(reused.size(), 0U);
  this->quarantine.free();
  EXPECT_EQ(reused.size(), 1U);
  auto& context = *(reinterpret_cast<std::uint64_t*>(this->directory_->bytes().data()) + 4 * kDevice +
                    (TypeParam::kStage == 2 ? 1 : 3));
  context = static_cast<std::uint64_t>(TypeParam::kMode) << 60 | other->root().value >> 12;
  ASSERT_TRUE(other->map({5 * k4K}, 3 * k4K, ExtentCursor(few, 0), true, PageTable<TypeParam>::page_sizes()));
  EXPECT_EQ(reused.size(), 0U);
  for (std::uint64_t page = 0; page < 512; ++page) {
    const std::optional<std::uint64_t> wanted = page >= 5 && page < 8 ? std::optional((page - 4) * k4K) : std::nullopt;
    EXPECT_EQ(this->walk(page * k4K), wanted) << page;
  }
}

TYPED_TEST(PageTableTest, EmptyTablesGoToTheQuarantineAndNoFurther) {
  ASSERT_TRUE(this->map(0, {{{k1G}, k4K}}));
  EXPECT_EQ(this->card.buffers, this->base_buffers + TypeParam::kLevels - 1);
  this->unmap(0, k4K);
  EXPECT_FALSE(this->removed.listed());  // non-leaf entries went too
  EXPECT_EQ(this->card.buffers, this->base_buffers + TypeParam::kLevels - 1);
  this->quarantine.free();
  EXPECT_EQ(this->card.buffers, this->base_buffers);
}

TYPED_TEST(PageTableTest, AMapThatRunsOutOfMemoryChangesNothing) {
  ASSERT_TRUE(this->map(0, {{{k1G}, k4K}}));
  const auto before = this->card.buffers;
  this->card.allocations_left = TypeParam::kLevels - 2;
  const auto failed = this->map(k4K, {{{k1G}, 511 * k4K}, {{3 * k1G + k4K}, k1G}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().number, ENOMEM);
  EXPECT_EQ(this->card.buffers, before);
  EXPECT_FALSE(this->walk(k4K));
}

// Random maps and unmaps against a list of what each page should be.
TYPED_TEST(PageTableTest, RandomMapsAndUnmapsMatchAPlainList) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  constexpr std::uint64_t kPages = 2048;
  const std::uint64_t base = PageTable<TypeParam>::kLow.last.value + 1 - kPages * k4K;
  std::vector<std::uint64_t> expected(kPages);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> mapped;
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t first = random() % kPages;
    const std::uint64_t count = 1 + random() % std::min<std::uint64_t>(kPages - first, 700);
    const bool free = std::all_of(expected.begin() + static_cast<long>(first),
                                  expected.begin() + static_cast<long>(first + count), [](auto e) { return e == 0; });
    if (free) {
      std::vector<card::BusExtent> extents;
      for (std::uint64_t page = 0; page < count;) {
        const std::uint64_t run = 1 + random() % (count - page);
        const std::uint64_t skew = random() % 2 ? (base + (first + page) * k4K) % k2M : random() % 16 * k4K;
        const std::uint64_t bus = (1 + random() % 1000) * k2M + skew;
        extents.push_back({{bus}, run * k4K});
        for (std::uint64_t i = 0; i < run; ++i) expected[first + page + i] = bus + i * k4K;
        page += run;
      }
      ASSERT_TRUE(
          this->map(base + first * k4K, extents, true, PageTable<TypeParam>::page_sizes() | (random() % 2 ? k64K : 0)));
      mapped.emplace_back(first, count);
    } else if (!mapped.empty()) {
      const std::size_t victim = random() % mapped.size();
      const auto [at, length] = mapped[victim];
      mapped.erase(mapped.begin() + static_cast<long>(victim));
      this->unmap(base + at * k4K, length * k4K);
      std::fill_n(expected.begin() + static_cast<long>(at), length, 0);
    }
    for (std::uint64_t page = 0; page < kPages; ++page) {
      const auto found = this->walk(base + page * k4K);
      ASSERT_EQ(found.value_or(0), expected[page]) << "round " << round << " page " << page;
    }
  }
  for (const auto& [at, length] : mapped) this->unmap(base + at * k4K, length * k4K);
  this->quarantine.free();
  EXPECT_EQ(this->card.buffers, this->base_buffers);
}

}  // namespace
}  // namespace aperture::riscv
