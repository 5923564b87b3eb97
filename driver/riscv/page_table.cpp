// SPDX-License-Identifier: Apache-2.0
#include "riscv/page_table.hpp"

namespace aperture::riscv {
namespace {

namespace pte = regs::pte::e;

constexpr std::uint64_t kPointer = pte::v.mask();

std::uint64_t leaf_bits(bool writable) {
  std::uint64_t bits = pte::v.mask() | pte::r.mask() | pte::u.mask() | pte::a.mask();
  if (writable) bits |= pte::w.mask() | pte::d.mask();
  return bits;
}

std::uint64_t with_address(std::uint64_t bits, std::uint64_t address) { return pte::ppn.set(bits, address >> 12); }

unsigned index_of(std::uint64_t iova, unsigned level) {
  return static_cast<unsigned>(iova >> (12 + 9 * level)) % Table::kWords;
}

}  // namespace

template <typename Format>
Result<PageTable<Format>> PageTable<Format>::create(card::DmaMemory& memory) {
  auto root = Table::allocate(memory);
  if (!root) return std::unexpected(std::move(root.error()));
  return PageTable(memory, std::move(*root));
}

template <typename Format>
template <bool kDry>
void PageTable<Format>::fill(Fill& at, Table* table, unsigned level) {
  const std::uint64_t size = leaf_size(level);
  for (unsigned index = index_of(at.iova, level); index < Table::kWords && at.left > 0; ++index) {
    if (level == 0) {
      if constexpr (kDry) {
        at.advance(std::min(at.left, (Table::kWords - index) * kPageSize));
        return;
      } else if (at.fits(kNapotSize)) {
        const std::uint64_t entry = with_address(at.bits, at.from.address().value) | pte::n.mask() |
                                    pte::ppn.set(0, kNapotSize / kPageSize / 2);
        for (unsigned i = 0; i < 16; ++i) table->store(index + i, entry);
        table->live += 16;
        index += 15;
        at.advance(kNapotSize);
      } else {
        table->store(index, with_address(at.bits, at.from.address().value));
        ++table->live;
        at.advance(size);
      }
    } else if (at.fits(size)) {
      if constexpr (!kDry) {
        table->store(index, with_address(at.bits, at.from.address().value));
        ++table->live;
      }
      at.advance(size);
    } else if constexpr (kDry) {
      Table* child = table ? table->children[index].get() : nullptr;
      if (!child) ++at.missing;
      fill<true>(at, child, level - 1);
    } else {
      std::unique_ptr<Table>& child = table->children[index];
      const bool added = !child;
      if (added) child = at.spare.take();
      fill<false>(at, child.get(), level - 1);
      if (added) {  // linked when it is complete
        table->store(index, with_address(kPointer, child->address().value));
        ++table->live;
      }
    }
  }
}

template <typename Format>
Result<> PageTable<Format>::map(Iova iova, std::uint64_t length, ExtentCursor from, bool writable,
                                std::uint64_t sizes) {
  Quarantine spare;
  Fill dry{iova.value, length, from, 0, sizes, 0, spare};
  fill<true>(dry, root_.get(), Format::kLevels - 1);
  for (; dry.missing > 0; --dry.missing) {
    auto table = Table::allocate(*memory_);
    if (!table) return std::unexpected(std::move(table.error()));
    spare.add(std::move(*table));
  }
  Fill real{iova.value, length, from, leaf_bits(writable), sizes, 0, spare};
  fill<false>(real, root_.get(), Format::kLevels - 1);
  return {};
}

template <typename Format>
void PageTable<Format>::clear(Table& table, unsigned level, std::uint64_t first, std::uint64_t last, Removed& removed,
                              Quarantine& quarantine) noexcept {
  const std::uint64_t size = leaf_size(level);
  const std::uint64_t base = first & ~(leaf_size(level + 1) - 1);
  for (unsigned index = index_of(first, level); index <= index_of(last, level); ++index) {
    const std::uint64_t begin = base + index * size;
    if (std::unique_ptr<Table>& child = table.children[index]) {
      clear(*child, level - 1, std::max(first, begin), std::min(last, begin + (size - 1)), removed, quarantine);
      if (child->live > 0) continue;
      removed.table();
      table.store(index, 0);
      quarantine.add(std::move(child));
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

template class PageTable<Sv39>;
template class PageTable<Sv48>;
template class PageTable<Sv57>;

}  // namespace aperture::riscv
