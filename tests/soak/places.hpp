// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "soak/random.hpp"

namespace aperture::soak {

/// Where things lie. Structures lie in [2 GiB, 3 GiB) of physical memory, and guest physical memory has them at the
/// same addresses; no leaf of a table and no request leads there otherwise, so that devices never write to a structure.
class Places {
 public:
  static constexpr std::uint64_t kFirst = std::uint64_t{2} << 30;
  static constexpr std::uint64_t kLast = (std::uint64_t{3} << 30) - 1;

  /// `count` fresh frames, aligned to `count` rounded up to a power of two; zero.
  std::uint64_t frames(unsigned count = 1);
  /// The first frame that is not a queue's: those are the first three.
  static constexpr std::uint64_t first_table() { return kFirst + 3 * 4096; }
  /// A frame that nobody writes to, with whatever lies behind it: zero, or beyond the physical address width.
  static std::uint64_t nowhere(Random& random);

  /// Whether a device may be sent there.
  static bool free(std::uint64_t address) { return address < kFirst || address > kLast; }
  /// A physical address for a leaf of 2^`bits` bytes, aligned to that, which does not reach into the structures.
  static std::uint64_t leaf_target(Random& random, unsigned bits, unsigned width);

 private:
  std::uint64_t next_ = kFirst;
};

}  // namespace aperture::soak
