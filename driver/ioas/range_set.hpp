// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/types.hpp"

namespace aperture::ioas {

inline constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
inline constexpr IovaRange kAll{{0}, {kMax}};

/// A set of IOVAs, kept as ascending ranges that neither overlap nor touch.
class RangeSet {
 public:
  RangeSet() = default;
  explicit RangeSet(std::span<const IovaRange> ranges);

  void add(IovaRange range);
  void add(const RangeSet& other);
  void subtract(IovaRange range);
  void subtract(const RangeSet& other);
  RangeSet complement() const;
  RangeSet intersect(const RangeSet& other) const;

  /// Room for so many ranges, that later calls need not allocate.
  void make_room(std::size_t ranges) {
    if (ranges_.capacity() < ranges) ranges_.reserve(ranges * 2);
  }

  bool empty() const { return ranges_.empty(); }
  bool overlaps(IovaRange range) const;
  bool contains(IovaRange range) const;
  /// The first range that ends at or after `iova`.
  std::vector<IovaRange>::const_iterator from(Iova iova) const;
  const std::vector<IovaRange>& ranges() const { return ranges_; }
  bool operator==(const RangeSet&) const = default;

  /// Replaces the set by the union of what `fill` pushes into the vector. Allocates only if that is more ranges than
  /// there is room for.
  template <typename Fill>
  void rebuild(Fill&& fill) {
    ranges_.clear();
    fill(ranges_);
    normalise();
  }

 private:
  void normalise();
  std::vector<IovaRange> ranges_;
};

/// The smallest multiple of `alignment` (a power of two) at or above `value`; none if that is beyond 2^64 - 1.
constexpr bool align_up(std::uint64_t value, std::uint64_t alignment, std::uint64_t& out) {
  if (value > kMax - (alignment - 1)) return false;
  out = (value + (alignment - 1)) & ~(alignment - 1);
  return true;
}

}  // namespace aperture::ioas
