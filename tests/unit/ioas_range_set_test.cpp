// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bitset>

#include "ioas/range_set.hpp"

namespace aperture::ioas {
namespace {

/// The same set over 64 points at the bottom and 64 at the top of the space, one bit each: brute force.
struct Points {
  std::bitset<128> bits;
  static std::uint64_t address(std::size_t bit) { return bit < 64 ? bit : kMax - (127 - bit); }
};

std::vector<IovaRange> arbitrary_ranges() {
  const auto points = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 128), rc::gen::inRange(0, 128)));
  std::vector<IovaRange> out;
  for (auto [a, b] : points) {
    if (a > b) std::swap(a, b);
    out.push_back({{Points::address(static_cast<std::size_t>(a))}, {Points::address(static_cast<std::size_t>(b))}});
  }
  return out;
}

std::bitset<128> brute(const std::vector<IovaRange>& ranges) {
  std::bitset<128> out;
  for (std::size_t bit = 0; bit < 128; ++bit) {
    for (const IovaRange& r : ranges) out[bit] = out[bit] || r.contains(Iova{Points::address(bit)});
  }
  return out;
}

void expect_normal(const RangeSet& set) {
  for (std::size_t i = 1; i < set.ranges().size(); ++i) {
    RC_ASSERT(set.ranges()[i - 1].last.value + 1 < set.ranges()[i].first.value);
  }
}

RC_GTEST_PROP(RangeSet, AlgebraEqualsBruteForce, ()) {
  const auto left = arbitrary_ranges();
  const auto right = arbitrary_ranges();
  const RangeSet a(left);
  const RangeSet b(right);
  RangeSet sum = a;
  sum.add(b);
  RangeSet difference = a;
  difference.subtract(b);
  RC_ASSERT(brute(sum.ranges()) == (brute(left) | brute(right)));
  RC_ASSERT(brute(difference.ranges()) == (brute(left) & ~brute(right)));
  RC_ASSERT(brute(a.intersect(b).ranges()) == (brute(left) & brute(right)));
  RC_ASSERT(brute(a.complement().ranges()) == ~brute(left));
  RC_ASSERT(a.complement().complement() == a);
  for (const RangeSet& set : {a, sum, difference, a.intersect(b), a.complement()}) expect_normal(set);
}

RC_GTEST_PROP(RangeSet, RangesAddedOneByOneAreTheSameSet, ()) {
  const auto ranges = arbitrary_ranges();
  RangeSet set;
  for (const IovaRange& range : ranges) {
    set.add(range);
    expect_normal(set);
  }
  RC_ASSERT(set == RangeSet(ranges));
}

RC_GTEST_PROP(RangeSet, QueriesEqualBruteForce, ()) {
  const auto ranges = arbitrary_ranges();
  const RangeSet set(ranges);
  auto low = *rc::gen::inRange<std::size_t>(0, 64);
  auto high = *rc::gen::inRange<std::size_t>(0, 64);
  if (low > high) std::swap(low, high);
  const auto points = brute(ranges);
  bool any = false;
  bool all = true;
  for (std::size_t bit = low; bit <= high; ++bit) {
    any = any || points[bit];
    all = all && points[bit];
  }
  RC_ASSERT(set.overlaps({{low}, {high}}) == any);
  RC_ASSERT(set.contains({{low}, {high}}) == all);
}

TEST(RangeSet, ComplementOfNothingIsTheWholeSpace) {
  EXPECT_EQ(RangeSet().complement().ranges(), std::vector{kAll});
  EXPECT_TRUE(RangeSet().complement().complement().empty());
}

TEST(RangeSet, TouchingRangesBecomeOne) {
  RangeSet set;
  set.add({{0x1000}, {0x1fff}});
  set.add({{0x2000}, {0x2fff}});
  EXPECT_EQ(set.ranges(), (std::vector<IovaRange>{{{0x1000}, {0x2fff}}}));
}

}  // namespace
}  // namespace aperture::ioas
