// SPDX-License-Identifier: Apache-2.0
#include "soak/places.hpp"

#include <bit>

namespace aperture::soak {
namespace {

constexpr std::uint64_t kFrame = 4096;
constexpr std::uint64_t kNowhere = Places::kFirst + (std::uint64_t{512} << 20);

}  // namespace

std::uint64_t Places::frames(unsigned count) {
  const std::uint64_t align = kFrame * std::bit_ceil(count);
  const std::uint64_t first = (next_ + align - 1) / align * align;
  next_ = first + kFrame * count;
  return first;
}

std::uint64_t Places::nowhere(Random& random) {
  if (random.chance(30)) return random.bits() % (std::uint64_t{1} << 55) / kFrame * kFrame | std::uint64_t{1} << 55;
  return kNowhere + random.below(1U << 16) * kFrame;
}

std::uint64_t Places::leaf_target(Random& random, unsigned bits, unsigned width) {
  const std::uint64_t size = std::uint64_t{1} << bits;
  const std::uint64_t space = std::uint64_t{1} << width;
  for (int i = 0; i < 100; ++i) {
    // Few different places, so that accesses meet.
    const std::uint64_t wide = random.chance(60) ? std::uint64_t{16} << 30 : space;
    const std::uint64_t address = random.bits() % (wide < 2 * size ? space : wide) & ~(size - 1);
    if (address > kLast || address + (size - 1) < kFirst) return address;
  }
  // A leaf as large as what there is: beyond it.
  return size * random.within(1, 3);
}

}  // namespace aperture::soak
