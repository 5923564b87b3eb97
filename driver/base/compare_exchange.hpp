// SPDX-License-Identifier: Apache-2.0
#pragma once

// One indivisible compare and exchange on bytes that other threads and processes may write meanwhile.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace aperture {

template <typename Word>
bool compare_exchange_word(std::byte* at, std::span<const std::byte> expected, std::span<const std::byte> desired) {
  Word from, to;
  std::memcpy(&from, expected.data(), sizeof from);
  std::memcpy(&to, desired.data(), sizeof to);
  return std::atomic_ref<Word>(*reinterpret_cast<Word*>(at)).compare_exchange_strong(from, to);
}

/// Stores `desired` at `at` if `expected` is there; whether it was. Both have 1, 2, 4 or 8 bytes, `at` is aligned to
/// as many.
inline bool compare_exchange(std::byte* at, std::span<const std::byte> expected, std::span<const std::byte> desired) {
  switch (expected.size()) {
    case 1:
      return compare_exchange_word<std::uint8_t>(at, expected, desired);
    case 2:
      return compare_exchange_word<std::uint16_t>(at, expected, desired);
    case 4:
      return compare_exchange_word<std::uint32_t>(at, expected, desired);
    default:
      return compare_exchange_word<std::uint64_t>(at, expected, desired);
  }
}

}  // namespace aperture
