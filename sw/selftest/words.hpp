// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "card/card.hpp"
#include "selftest/bench.hpp"

namespace aperture::sw::selftest {

/// Memory that the card reaches, as 64-bit words (or 32-bit ones) in the byte order that the IOMMU is to find. Zeroed,
/// at a multiple of its size where that is a power of two of pages.
class Words {
 public:
  /// Throws Trouble.
  Words(card::Card& card, std::uint64_t size, bool big_endian)
      : buffer_(must(card.memory().allocate(size, std::bit_ceil(size)))), big_endian_(big_endian) {}

  std::uint64_t address() const { return buffer_->address().value; }
  std::uint64_t page() const { return address() >> 12; }
  std::span<std::byte> bytes() const { return buffer_->bytes(); }

  std::uint64_t get(std::uint64_t index) const {
    return ordered(reference<std::uint64_t>(index).load(std::memory_order_acquire));
  }
  void set(std::uint64_t index, std::uint64_t value) {
    reference<std::uint64_t>(index).store(ordered(value), std::memory_order_release);
  }
  void set_bits(std::uint64_t index, std::uint64_t bits) {
    reference<std::uint64_t>(index).fetch_or(ordered(bits), std::memory_order_acq_rel);
  }
  std::uint32_t get_half(std::uint64_t index) const {
    return ordered(reference<std::uint32_t>(index).load(std::memory_order_acquire));
  }
  void set_half(std::uint64_t index, std::uint32_t value) {
    reference<std::uint32_t>(index).store(ordered(value), std::memory_order_release);
  }

 private:
  template <typename T>
  T ordered(T value) const {
    return big_endian_ ? std::byteswap(value) : value;
  }
  template <typename T>
  std::atomic_ref<T> reference(std::uint64_t index) const {
    return std::atomic_ref<T>(reinterpret_cast<T*>(buffer_->bytes().data())[index]);
  }

  std::unique_ptr<card::DmaBuffer> buffer_;
  bool big_endian_;
};

}  // namespace aperture::sw::selftest
