// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tables of 64-bit words in DMA memory, as trees: page tables and directories are built of these.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"
#include "card/card.hpp"

namespace aperture::riscv {

static_assert(std::endian::native == std::endian::little, "tables are little-endian (fctl.BE = 0)");

class TablePool;

/// One table, of 4 KiB but for the roots of second stages, and the tables below it. The card may read it at any time,
/// and set A and D: single words change by store-release or atomic operations.
class Table {
 public:
  static constexpr unsigned kWords = 512;

  /// Zeroed, at a multiple of its size. ENOMEM.
  static Result<std::unique_ptr<Table>> allocate(card::DmaMemory& memory, unsigned words = kWords) {
    return allocate(memory, words, words);
  }
  /// Of leaves alone: none of its entries points to a further table.
  static Result<std::unique_ptr<Table>> allocate_leaves(card::DmaMemory& memory) { return allocate(memory, kWords, 0); }

  BusAddress address() const { return buffer_->address(); }
  std::uint64_t ppn() const { return address().value >> 12; }
  std::uint64_t load(unsigned index) const {
    return std::atomic_ref<std::uint64_t>(words_[index]).load(std::memory_order_acquire);
  }
  void store(unsigned index, std::uint64_t value) {
    std::atomic_ref<std::uint64_t>(words_[index]).store(value, std::memory_order_release);
  }
  void set_bits(unsigned index, std::uint64_t mask) {
    std::atomic_ref<std::uint64_t>(words_[index]).fetch_or(mask, std::memory_order_acq_rel);
  }
  void clear_bits(unsigned index, std::uint64_t mask) {
    std::atomic_ref<std::uint64_t>(words_[index]).fetch_and(~mask, std::memory_order_acq_rel);
  }

  /// `count` words from `index` on: `value`, `value` + `step`, ...
  void store_run(unsigned index, unsigned count, std::uint64_t value, std::uint64_t step) {
    // The compiler does not unroll loops of such stores.
    for (; count >= 4; count -= 4, index += 4, value += 4 * step) {
      store(index, value);
      store(index + 1, value + step);
      store(index + 2, value + 2 * step);
      store(index + 3, value + 3 * step);
    }
    for (; count > 0; --count, ++index, value += step) store(index, value);
  }

  /// Zeroes every word but `count` from `index` on, of a table that the card does not know.
  void clear_beside(unsigned index, unsigned count) {
    std::fill(words_, words_ + index, 0);
    std::fill(words_ + index + count, words_ + kWords, 0);
  }

  std::vector<std::unique_ptr<Table>> children;  ///< of the entries that point to a further table
  unsigned live{};                               ///< entries in use
  std::unique_ptr<Table> next;                   ///< in a Quarantine or a TablePool
  TablePool* home{};                             ///< where it goes instead of being freed

 private:
  Table(std::unique_ptr<card::DmaBuffer> buffer, unsigned children_count)
      : children(children_count),
        buffer_(std::move(buffer)),
        words_(reinterpret_cast<std::uint64_t*>(buffer_->bytes().data())) {}
  static Result<std::unique_ptr<Table>> allocate(card::DmaMemory& memory, unsigned words, unsigned children_count) {
    auto buffer = memory.allocate(std::uint64_t{8} * words, std::uint64_t{8} * words);
    if (!buffer) return std::unexpected(std::move(buffer.error()));
    return std::unique_ptr<Table>(new Table(std::move(*buffer), children_count));
  }

  std::unique_ptr<card::DmaBuffer> buffer_;
  std::uint64_t* words_;
};

/// Tables of leaves, and those that were in use before: to make one takes longer than to fill it. Outlives its tables.
class TablePool {
 public:
  static constexpr unsigned kMost = 1024;  ///< 4 MiB

  /// Keeps at most that many tables.
  explicit TablePool(card::DmaMemory& memory, unsigned most = kMost) : memory_(memory), most_(most) {}
  TablePool(const TablePool&) = delete;
  TablePool& operator=(const TablePool&) = delete;
  ~TablePool() {
    while (head_) head_ = std::move(head_->next);
  }

  card::DmaMemory& memory() const { return memory_; }
  unsigned size() const { return size_; }
  /// One that the card does not know: zero if `live` is 0, else with what it once held. ENOMEM.
  Result<std::unique_ptr<Table>> take() {
    if (!head_) {
      auto made = Table::allocate_leaves(memory_);
      if (made) (*made)->home = this;
      return made;
    }
    auto table = std::move(head_);
    head_ = std::move(table->next);
    --size_;
    return table;
  }
  /// One that the card has forgotten.
  void give(std::unique_ptr<Table> table) noexcept {
    if (size_ >= most_) return;
    table->next = std::move(head_);
    head_ = std::move(table);
    ++size_;
  }

 private:
  card::DmaMemory& memory_;
  unsigned most_;
  std::unique_ptr<Table> head_;
  unsigned size_{};
};

/// Tables that the card may still be reading. Putting one in never allocates.
class Quarantine {
 public:
  Quarantine() = default;
  Quarantine(Quarantine&&) = default;
  Quarantine& operator=(Quarantine&& other) noexcept {
    free();
    head_ = std::move(other.head_);
    return *this;
  }
  ~Quarantine() { free(); }

  bool empty() const { return head_ == nullptr; }
  void add(std::unique_ptr<Table> table) noexcept {
    table->next = std::move(head_);
    head_ = std::move(table);
  }
  /// Takes over all of `other`.
  void add(Quarantine& other) noexcept {
    while (other.head_) add(other.take());
  }
  std::unique_ptr<Table> take() noexcept {
    auto table = std::move(head_);
    if (table) head_ = std::move(table->next);
    return table;
  }
  /// After a fence, or a reset of the card.
  void free() noexcept {
    while (auto table = take())
      if (TablePool* home = table->home) home->give(std::move(table));
  }

 private:
  std::unique_ptr<Table> head_;
};

}  // namespace aperture::riscv
