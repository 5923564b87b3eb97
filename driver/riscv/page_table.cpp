// SPDX-License-Identifier: Apache-2.0
#include "riscv/page_table.hpp"

namespace aperture::riscv {
namespace {

namespace pte = regs::pte::e;

constexpr std::uint64_t kPointer = pte::v.mask();

std::uint64_t leaf_bits(bool writable, bool clean) {
  std::uint64_t bits = pte::v.mask() | pte::r.mask() | pte::u.mask() | pte::a.mask();
  if (writable) bits |= pte::w.mask();
  if (writable && !clean) bits |= pte::d.mask();
  return bits;
}

std::uint64_t with_address(std::uint64_t bits, std::uint64_t address) { return pte::ppn.set(bits, address >> 12); }

}  // namespace

template <typename Format>
Result<PageTable<Format>> PageTable<Format>::create(TablePool& pool) {
  auto root = Table::allocate(pool.memory(), words(Format::kLevels - 1));
  if (!root) return std::unexpected(std::move(root.error()));
  return PageTable(pool, std::move(*root));
}

template <typename Format>
void PageTable<Format>::fill_leaves(Fill& at, Table& table, unsigned index) {
  constexpr std::uint64_t kNextPage = pte::ppn.set(0, 1);
  constexpr auto kNapotPages = static_cast<unsigned>(kNapotSize / kPageSize);
  while (index < Table::kWords && at.left > 0) {
    std::uint64_t entry = with_address(at.bits, at.from.address().value);
    unsigned count = kNapotPages;
    if (at.fits(kNapotSize)) {
      entry |= pte::n.mask() | pte::ppn.set(0, kNapotPages / 2);
      table.store_run(index, count, entry, 0);
    } else {
      // As far as the bus addresses go on, and no further than the next place for a larger leaf.
      std::uint64_t bytes = std::min({at.left, at.from.run(), (Table::kWords - index) * kPageSize});
      if ((at.sizes & kNapotSize) != 0) bytes = std::min(bytes, kNapotSize - (at.iova & (kNapotSize - 1)));
      count = static_cast<unsigned>(bytes / kPageSize);
      table.store_run(index, count, entry, kNextPage);
    }
    table.live += count;
    index += count;
    at.advance(count * kPageSize);
  }
}

template <typename Format>
std::unique_ptr<Table> PageTable<Format>::spare_leaves(Fill& at) {
  auto table = at.spare_leaves.take();
  if (table->live > 0) {
    const unsigned index = index_of(at.iova, 0);
    const std::uint64_t room = Table::kWords - index;
    table->clear_beside(index, static_cast<unsigned>(std::min(room, at.left / kPageSize)));
    table->live = 0;
  }
  return table;
}

template <typename Format>
template <bool kDry>
void PageTable<Format>::fill(Fill& at, Table* table, unsigned level) {
  const std::uint64_t size = leaf_size(level);
  if (level == 0) {
    const unsigned index = index_of(at.iova, 0);
    if constexpr (kDry) {
      at.advance(std::min(at.left, (Table::kWords - index) * kPageSize));
    } else {
      fill_leaves(at, *table, index);
    }
    return;
  }
  for (unsigned index = index_of(at.iova, level); index < words(level) && at.left > 0; ++index) {
    if (at.fits(size)) {
      if constexpr (!kDry) {
        table->store(index, with_address(at.bits, at.from.address().value));
        ++table->live;
      }
      at.advance(size);
    } else if constexpr (kDry) {
      Table* child = table ? table->children[index].get() : nullptr;
      if (!child) ++(level == 1 ? at.missing_leaves : at.missing);
      fill<true>(at, child, level - 1);
    } else {
      std::unique_ptr<Table>& child = table->children[index];
      const bool added = !child;
      if (added) child = level == 1 ? spare_leaves(at) : at.spare.take();
      fill<false>(at, child.get(), level - 1);
      if (added) {  // linked when it is complete
        table->store(index, with_address(kPointer, child->address().value));
        ++table->live;
      }
    }
  }
}

template <typename Format>
Result<> PageTable<Format>::map(Iova iova, std::uint64_t length, ExtentCursor from, bool writable, std::uint64_t sizes,
                                bool clean) {
  Quarantine spare, spare_leaves;
  Fill dry{iova.value, length, from, 0, sizes, 0, 0, spare, spare_leaves};
  fill<true>(dry, root_.get(), Format::kLevels - 1);
  for (; dry.missing > 0; --dry.missing) {
    auto table = Table::allocate(pool_->memory());
    if (!table) return std::unexpected(std::move(table.error()));
    spare.add(std::move(*table));
  }
  for (; dry.missing_leaves > 0; --dry.missing_leaves) {
    auto table = pool_->take();
    if (!table) return std::unexpected(std::move(table.error()));
    spare_leaves.add(std::move(*table));
  }
  Fill real{iova.value, length, from, leaf_bits(writable, clean), sizes, 0, 0, spare, spare_leaves};
  fill<false>(real, root_.get(), Format::kLevels - 1);
  return {};
}

template <typename Format>
void PageTable<Format>::drop(std::unique_ptr<Table> table, unsigned level, Quarantine& quarantine) noexcept {
  if (level > 0) {
    for (std::unique_ptr<Table>& child : table->children) {
      if (child) drop(std::move(child), level - 1, quarantine);
    }
  }
  quarantine.add(std::move(table));
}

template <typename Format>
void PageTable<Format>::clear(Table& table, unsigned level, std::uint64_t first, std::uint64_t last, Removed& removed,
                              Quarantine& quarantine) noexcept {
  const std::uint64_t size = leaf_size(level);
  const std::uint64_t base = base_of(first, level);
  for (unsigned index = index_of(first, level); index <= index_of(last, level); ++index) {
    const std::uint64_t begin = base + index * size;
    if (std::unique_ptr<Table>* const child = level > 0 ? &table.children[index] : nullptr; child && *child) {
      if (first <= begin && begin + (size - 1) <= last) {
        // Unlinked as a whole: nothing leads to its entries any more, so that they need not be cleared.
        removed.table();
        table.store(index, 0);
        drop(std::move(*child), level - 1, quarantine);
        --table.live;
        continue;
      }
      clear(**child, level - 1, std::max(first, begin), std::min(last, begin + (size - 1)), removed, quarantine);
      if ((*child)->live > 0) continue;
      removed.table();
      table.store(index, 0);
      quarantine.add(std::move(*child));
    } else if (table.load(index) != 0) {
      removed.leaf(begin);
      table.store(index, 0);
    } else {
      continue;
    }
    --table.live;
  }
}

template <typename Format>
void PageTable<Format>::unmap(IovaRange range, Removed& removed, Quarantine& quarantine) noexcept {
  clear(*root_, Format::kLevels - 1, range.first.value, range.last.value, removed, quarantine);
}

template <typename Format>
template <typename Visit>
void PageTable<Format>::each_leaf(Table& table, unsigned level, std::uint64_t first, std::uint64_t last,
                                  Visit&& visit) {
  constexpr auto kNapotPages = static_cast<unsigned>(kNapotSize / kPageSize);
  const std::uint64_t size = leaf_size(level);
  const std::uint64_t base = base_of(first, level);
  for (unsigned index = index_of(first, level); index <= index_of(last, level); ++index) {
    const std::uint64_t begin = base + index * size;
    if (Table* const child = level > 0 ? table.children[index].get() : nullptr) {
      each_leaf(*child, level - 1, std::max(first, begin), std::min(last, begin + (size - 1)), visit);
    } else if (const std::uint64_t entry = table.load(index); pte::n.get(entry) != 0) {
      const unsigned group = index & ~(kNapotPages - 1);
      visit(table, group, kNapotPages, begin & ~(kNapotSize - 1), kNapotSize);
      index = group + kNapotPages - 1;
    } else if (entry != 0) {
      visit(table, index, 1U, begin, size);
    }
  }
}

template <typename Format>
void PageTable<Format>::set_dirty(bool dirty) noexcept {
  for (const IovaRange& half : {kLow, kHigh}) {
    if (kSecond && half == kHigh) continue;
    each_leaf(*root_, Format::kLevels - 1, half.first.value, half.last.value,
              [dirty](Table& table, unsigned index, unsigned count, std::uint64_t, std::uint64_t) {
                if (pte::w.get(table.load(index)) == 0) return;
                for (unsigned i = index; i < index + count; ++i)
                  dirty ? table.set_bits(i, pte::d.mask()) : table.clear_bits(i, pte::d.mask());
              });
  }
}

template <typename Format>
void PageTable<Format>::find_dirty(IovaRange range, std::vector<IovaRange>& dirty) const {
  each_leaf(*root_, Format::kLevels - 1, range.first.value, range.last.value,
            [&dirty](const Table& table, unsigned index, unsigned count, std::uint64_t begin, std::uint64_t size) {
              std::uint64_t any = 0;
              for (unsigned i = index; i < index + count; ++i) any |= table.load(i);
              if (pte::d.get(any) != 0) dirty.push_back({{begin}, {begin + (size - 1)}});
            });
}

template <typename Format>
void PageTable<Format>::clean(IovaRange range, IovaRange within, Removed& cleaned) noexcept {
  each_leaf(*root_, Format::kLevels - 1, range.first.value, range.last.value,
            [&](Table& table, unsigned index, unsigned count, std::uint64_t begin, std::uint64_t size) {
              const IovaRange leaf{{begin}, {begin + (size - 1)}};
              if (!range.contains(leaf) || !within.contains(leaf)) return;
              for (unsigned i = index; i < index + count; ++i) table.clear_bits(i, pte::d.mask());
              cleaned.leaf(begin);
            });
}

template class PageTable<Sv39>;
template class PageTable<Sv48>;
template class PageTable<Sv57>;
template class PageTable<Sv39x4>;
template class PageTable<Sv48x4>;
template class PageTable<Sv57x4>;

}  // namespace aperture::riscv
