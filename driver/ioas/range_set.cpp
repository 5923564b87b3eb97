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
  ranges_.push_back(range);
  normalise();
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
