// SPDX-License-Identifier: Apache-2.0
#pragma once

// Memory as the card's masters see it: sparse over 56 bits, with buffers of the driver and pinned user pages placed in
// it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/types.hpp"
#include "card/card.hpp"
#include "tb/memory/target.hpp"

namespace aperture::tb {

enum class MemoryFault : std::uint8_t {
  kNone,
  kError,  ///< reads and writes answer SLVERR; nothing is written
  kPoison  ///< reads answer data marked as poison
};

class Memory final : public MemoryTarget {
 public:
  static constexpr unsigned kAddressBits = 56;
  /// Addresses below are never handed out: tests and traces place their own structures there (or anywhere, by chance
  /// collision only).
  static constexpr std::uint64_t kFirstHandedOut = std::uint64_t{1} << 32;

  explicit Memory(std::uint64_t seed);
  /// Places of what is handed out from now on. Frames given back before may be handed out again.
  void seed(std::uint64_t seed) {
    random_.seed(seed);
    retired_.clear();
  }

  // For tests and tools. Memory never written reads as zero; faults do not apply; addresses wrap at 56 bits.
  void read(std::uint64_t address, std::span<std::byte> out) const;
  void write(std::uint64_t address, std::span<const std::byte> data);
  std::uint64_t read64(std::uint64_t address) const;
  void write64(std::uint64_t address, std::uint64_t value);
  std::uint32_t read32(std::uint64_t address) const;
  void write32(std::uint64_t address, std::uint32_t value);

  /// How accesses of the card that touch a byte of [first, first + size) are answered; kNone takes earlier ones back.
  void fault(std::uint64_t first, std::uint64_t size, MemoryFault kind);
  void clear_faults() { faults_.clear(); }
  /// Forgets all that was written outside of buffers and pinned pages.
  void clear();

  // What the card does; answered at once.
  MemoryAnswer perform_read(std::uint64_t, std::uint64_t address, std::span<std::byte> out) override {
    return card_read(address, out);
  }
  MemoryAnswer perform_write(std::uint64_t, std::uint64_t address, std::span<const std::byte> data,
                             std::uint32_t strobes) override {
    return card_write(address, data, strobes);
  }
  MemoryAnswer perform_exchange(std::uint64_t, std::uint64_t address, std::span<const std::byte> expected,
                                std::span<const std::byte> data, bool& held) override {
    return card_exchange(address, expected, data, held);
  }
  MemoryAnswer card_read(std::uint64_t address, std::span<std::byte> out);
  MemoryAnswer card_write(std::uint64_t address, std::span<const std::byte> data, std::uint32_t strobes);
  MemoryAnswer card_exchange(std::uint64_t address, std::span<const std::byte> expected,
                             std::span<const std::byte> data, bool& held);
  /// Accesses of the card to frames whose buffer is gone or whose page was unpinned; they are answered SLVERR.
  std::uint64_t stale_accesses() const { return stale_accesses_; }

  // What the driver gets. Addresses lie below 2^bits.
  void set_space(unsigned bits) { space_bits_ = bits; }
  unsigned space() const { return space_bits_; }
  /// Pinned frames come in runs of `frames` (a power of two) that are consecutive on the bus.
  void set_frame_run(unsigned frames) { frame_run_ = frames; }
  Result<std::unique_ptr<card::DmaBuffer>> allocate(std::uint64_t size, std::uint64_t alignment);
  Result<std::unique_ptr<card::PinnedMemory>> pin(std::byte* first, std::uint64_t size, bool writable);

 private:
  class Buffer;
  class Pinned;
  struct Frame {
    std::byte* bytes{};
    std::unique_ptr<std::byte[]> own{};
    bool writable = true;
  };

  std::byte* find(std::uint64_t address) const;
  std::byte* find_or_make(std::uint64_t address);
  MemoryFault fault_at(std::uint64_t address, std::size_t size) const;
  /// kOk and `bytes`, where the card may write; memory is made only for a write that `touches` any.
  MemoryAnswer writable(std::uint64_t address, std::size_t size, bool touches, std::byte*& bytes);
  /// First frame of `count` free ones in a row, a multiple of `align` frames; 0: none.
  std::uint64_t place(std::uint64_t count, std::uint64_t align);
  void insert(std::uint64_t frame, std::byte* bytes, bool writable);
  void retire(std::uint64_t frame);

  std::unordered_map<std::uint64_t, Frame> frames_;
  std::unordered_set<std::uint64_t> retired_;
  struct Faulty {
    std::uint64_t first, last;
    MemoryFault kind;
  };
  std::vector<Faulty> faults_;
  std::mt19937_64 random_;
  unsigned space_bits_ = kAddressBits;
  unsigned frame_run_ = 1;
  std::uint64_t stale_accesses_ = 0;
};

}  // namespace aperture::tb
