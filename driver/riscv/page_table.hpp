// SPDX-License-Identifier: Apache-2.0
#pragma once

// Page tables of both stages: the algorithm once, compiled for each format.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"
#include "card/card.hpp"
#include "regs/registers.hpp"
#include "riscv/table.hpp"

namespace aperture::riscv {

struct Sv39 {
  static constexpr unsigned kLevels = 3;
  static constexpr unsigned kStage = 1;
  static constexpr auto kMode = regs::SatpMode::kSv39;
  static constexpr const char* kName = "Sv39";
};
struct Sv48 {
  static constexpr unsigned kLevels = 4;
  static constexpr unsigned kStage = 1;
  static constexpr auto kMode = regs::SatpMode::kSv48;
  static constexpr const char* kName = "Sv48";
};
struct Sv57 {
  static constexpr unsigned kLevels = 5;
  static constexpr unsigned kStage = 1;
  static constexpr auto kMode = regs::SatpMode::kSv57;
  static constexpr const char* kName = "Sv57";
};
struct Sv39x4 {
  static constexpr unsigned kLevels = 3;
  static constexpr unsigned kStage = 2;
  static constexpr auto kMode = regs::HgatpMode::kSv39x4;
  static constexpr const char* kName = "Sv39x4";
};
struct Sv48x4 {
  static constexpr unsigned kLevels = 4;
  static constexpr unsigned kStage = 2;
  static constexpr auto kMode = regs::HgatpMode::kSv48x4;
  static constexpr const char* kName = "Sv48x4";
};
struct Sv57x4 {
  static constexpr unsigned kLevels = 5;
  static constexpr unsigned kStage = 2;
  static constexpr auto kMode = regs::HgatpMode::kSv57x4;
  static constexpr const char* kName = "Sv57x4";
};

/// Bytes of a leaf at `level`, 0 being the lowest.
constexpr std::uint64_t leaf_size(unsigned level) { return kPageSize << (9 * level); }
/// Svnapot's only size: 16 entries of the lowest level as one leaf.
inline constexpr std::uint64_t kNapotSize = 16 * kPageSize;

/// A place in a list of bus extents.
class ExtentCursor {
 public:
  /// `offset` bytes into `extents`, which cover more than that.
  ExtentCursor(std::span<const card::BusExtent> extents, std::uint64_t offset) : extents_(extents) { advance(offset); }
  BusAddress address() const { return extents_.front().address + offset_; }
  /// Bytes that follow without a gap on the bus.
  std::uint64_t run() const { return extents_.front().length - offset_; }
  void advance(std::uint64_t bytes) {
    offset_ += bytes;
    while (!extents_.empty() && offset_ >= extents_.front().length) {
      offset_ -= extents_.front().length;
      extents_ = extents_.subspan(1);
    }
  }

 private:
  std::span<const card::BusExtent> extents_;
  std::uint64_t offset_{};
};

/// What an unmap took away, for the invalidation that has to follow. Never allocates.
class Removed {
 public:
  static constexpr unsigned kAddresses = 32;
  void leaf(std::uint64_t iova) {
    if (count_ < kAddresses) addresses_[count_] = iova;
    ++count_;
  }
  void table() { tables_ = true; }
  bool any() const { return count_ > 0 || tables_; }
  /// One invalidation for each of `addresses()` is enough; otherwise the whole address space has to be invalidated.
  bool listed() const { return count_ <= kAddresses && !tables_; }
  std::span<const std::uint64_t> addresses() const { return std::span(addresses_).first(std::min(count_, kAddresses)); }
  void clear() { *this = Removed{}; }

 private:
  std::array<std::uint64_t, kAddresses> addresses_{};
  unsigned count_{};
  bool tables_{};
};

/// Not thread-safe. The card may read the tables at any time; it never sees a half-made entry.
template <typename Format>
class PageTable {
 public:
  /// Sizes of leaves that the format has, without Svnapot.
  static constexpr std::uint64_t page_sizes() {
    std::uint64_t sizes = 0;
    for (unsigned level = 0; level < Format::kLevels; ++level) sizes |= leaf_size(level);
    return sizes;
  }
  /// A second stage translates two bits more, by a root of four pages.
  static constexpr bool kSecond = Format::kStage == 2;
  static constexpr unsigned kVaBits = 12 + 9 * Format::kLevels + (kSecond ? 2 : 0);
  /// A first stage has the two halves that sign extension leaves, a second stage all.
  static constexpr IovaRange kLow{Iova{0}, Iova{(std::uint64_t{1} << (kSecond ? kVaBits : kVaBits - 1)) - 1}};
  static constexpr IovaRange kHigh{Iova{~std::uint64_t{0} << (kVaBits - 1)}, Iova{~std::uint64_t{0}}};
  static std::vector<IovaRange> apertures() { return kSecond ? std::vector{kLow} : std::vector{kLow, kHigh}; }

  /// An empty table. ENOMEM.
  static Result<PageTable> create(TablePool& pool);

  BusAddress root() const { return root_->address(); }

  /// Maps [iova, iova + length) to the bytes from `from` on, with the largest leaves of `sizes` (a mask that includes 4
  /// KiB; 64 KiB means Svnapot) that the alignment of both addresses allows. All of it lies in one aperture, is aligned
  /// to 4 KiB and not mapped. Writable implies readable: the encoding has no other way. `clean`: writable leaves begin
  /// without D, which the hardware then sets. ENOMEM: nothing has changed.
  Result<> map(Iova iova, std::uint64_t length, ExtentCursor from, bool writable, std::uint64_t sizes,
               bool clean = false);

  /// Takes away every leaf in `range`, which lies in one aperture and cuts no leaf in two, in one walk. Tables that
  /// become empty go to `quarantine`. Never fails, never allocates.
  void unmap(IovaRange range, Removed& removed, Quarantine& quarantine) noexcept;

  /// Sets or clears D in every writable leaf; after clearing, everything has to be invalidated. Never fails.
  void set_dirty(bool dirty) noexcept;
  /// Adds every leaf of `range`, which lies in one aperture, that has D: also those that reach beyond it.
  void find_dirty(IovaRange range, std::vector<IovaRange>& dirty) const;
  /// Clears D in every leaf that reaches beyond neither `range` nor `within`. Never fails.
  void clean(IovaRange range, IovaRange within, Removed& cleaned) noexcept;
  /// Hands over the whole tree; this object is unusable afterwards.
  std::unique_ptr<Table> release() noexcept { return std::move(root_); }

 private:
  struct Fill {
    std::uint64_t iova;
    std::uint64_t left;
    ExtentCursor from;
    std::uint64_t bits;
    std::uint64_t sizes;
    std::size_t missing;         ///< tables that a dry run found lacking, ...
    std::size_t missing_leaves;  ///< ... and those of leaves
    Quarantine& spare;           ///< where a real run takes them from
    Quarantine& spare_leaves;
    void advance(std::uint64_t bytes) {
      iova += bytes;
      left -= bytes;
      from.advance(bytes);
    }
    bool fits(std::uint64_t size) const {
      return (sizes & size) != 0 && left >= size && from.run() >= size &&
             ((iova | from.address().value) & (size - 1)) == 0;
    }
  };

  static constexpr unsigned words(unsigned level) {
    return kSecond && level + 1 == Format::kLevels ? 4 * Table::kWords : Table::kWords;
  }
  static unsigned index_of(std::uint64_t iova, unsigned level) {
    return static_cast<unsigned>(iova >> (12 + 9 * level)) % words(level);
  }
  /// The first address of the table that has `iova` at `level`.
  static std::uint64_t base_of(std::uint64_t iova, unsigned level) {
    return iova & ~(leaf_size(level) * words(level) - 1);
  }
  PageTable(TablePool& pool, std::unique_ptr<Table> root) : pool_(&pool), root_(std::move(root)) {}
  template <bool kDry>
  static void fill(Fill& at, Table* table, unsigned level);
  static void fill_leaves(Fill& at, Table& table, unsigned index);
  static std::unique_ptr<Table> spare_leaves(Fill& at);
  static void drop(std::unique_ptr<Table> table, unsigned level, Quarantine& quarantine) noexcept;
  static void clear(Table& table, unsigned level, std::uint64_t first, std::uint64_t last, Removed& removed,
                    Quarantine& quarantine) noexcept;

  /// Gives each leaf in [first, last] to `visit` as (table, index, entries, first address, size).
  template <typename Visit>
  static void each_leaf(Table& table, unsigned level, std::uint64_t first, std::uint64_t last, Visit&& visit);
  TablePool* pool_;
  std::unique_ptr<Table> root_;
};

extern template class PageTable<Sv39>;
extern template class PageTable<Sv48>;
extern template class PageTable<Sv57>;
extern template class PageTable<Sv39x4>;
extern template class PageTable<Sv48x4>;
extern template class PageTable<Sv57x4>;

}  // namespace aperture::riscv
