// SPDX-License-Identifier: Apache-2.0
#include "support/seed.hpp"

#include <cstdlib>

namespace aperture::test {

std::uint64_t seed() {
  static const std::uint64_t kSeed = [] {
    const char* text = std::getenv("APERTURE_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 0) : 1ULL;
  }();
  return kSeed;
}

}  // namespace aperture::test
