// SPDX-License-Identifier: Apache-2.0
#include "ioas/text.hpp"

#include <array>
#include <charconv>

namespace aperture::ioas {

std::string hex(std::uint64_t value) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return "0x" + std::string(digits.data(), end);
}

std::string text(IovaRange range) { return "[" + hex(range.first.value) + "-" + hex(range.last.value) + "]"; }

std::string size_text(IovaRange range) {
  if (range.extent() == ~std::uint64_t{0}) return "16 EiB";
  std::uint64_t size = range.extent() + 1;
  static constexpr std::array<const char*, 7> kUnits{" bytes", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  std::size_t unit = 0;
  while (unit + 1 < kUnits.size() && size % 1024 == 0) {
    size /= 1024;
    ++unit;
  }
  return std::to_string(size) + kUnits[unit];
}

}  // namespace aperture::ioas
