// SPDX-License-Identifier: Apache-2.0
#include "ioas/range_set.hpp"

#include <algorithm>

namespace aperture::ioas {

RangeSet::RangeSet(std::span<const IovaRange> ranges) : ranges_(ranges.begin(), ranges.end()) { normalise(); }

void RangeSet::normalise() {
  std::ranges::sort(ranges_);
  std::size_t kept = 0;
  for (const IovaRange& range : ranges_) {
    if (kept > 0) {
      IovaRange& last = ranges_[kept - 1];
      if (last.last.value == kMax || range.first <= last.last + 1) {
        last.last = std::max(last.last, range.last);
        continue;
      }
    }
    ranges_[kept++] = range;
  }
  ranges_.resize(kept);
}

void RangeSet::add(IovaRange range) {
  const auto touches = [](const IovaRange& before, const IovaRange& after) {
    return after.first <= before.last || after.first - before.last == 1;
  };
  const auto first = std::ranges::partition_point(
      ranges_, [&](const IovaRange& one) { return one.first < range.first && !touches(one, range); });
  auto last = first;
  for (; last != ranges_.end() && (last->first <= range.first || touches(range, *last)); ++last) {
    range = {std::min(range.first, last->first), std::max(range.last, last->last)};
  }
  if (first == last) {
    ranges_.insert(first, range);
  } else {
    *first = range;
    ranges_.erase(first + 1, last);
  }
}

void RangeSet::add(const RangeSet& other) {
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
  normalise();
}

void RangeSet::subtract(IovaRange range) { subtract(RangeSet(std::span(&range, 1))); }

void RangeSet::subtract(const RangeSet& other) { *this = intersect(other.complement()); }

RangeSet RangeSet::complement() const {
  RangeSet out;
  std::uint64_t next = 0;
  for (const IovaRange& range : ranges_) {
    if (range.first.value > next) out.ranges_.push_back({{next}, range.first - 1});
    if (range.last.value == kMax) return out;
    next = range.last.value + 1;
  }
  out.ranges_.push_back({{next}, {kMax}});
  return out;
}

RangeSet RangeSet::intersect(const RangeSet& other) const {
  RangeSet out;
  auto a = ranges_.begin();
  auto b = other.ranges_.begin();
  while (a != ranges_.end() && b != other.ranges_.end()) {
    if (a->overlaps(*b)) out.ranges_.push_back({std::max(a->first, b->first), std::min(a->last, b->last)});
    if (a->last < b->last) {
      ++a;
    } else {
      ++b;
    }
  }
  return out;
}

std::vector<IovaRange>::const_iterator RangeSet::from(Iova iova) const {
  return std::ranges::lower_bound(ranges_, iova, {}, &IovaRange::last);
}

bool RangeSet::overlaps(IovaRange range) const {
  const auto it = from(range.first);
  return it != ranges_.end() && it->overlaps(range);
}

bool RangeSet::contains(IovaRange range) const {
  const auto it = from(range.first);
  return it != ranges_.end() && it->contains(range);
}

}  // namespace aperture::ioas
