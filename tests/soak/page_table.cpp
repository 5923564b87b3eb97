// SPDX-License-Identifier: Apache-2.0
#include "soak/page_table.hpp"

namespace aperture::soak {
namespace {

namespace cap = regs::iommu::capabilities_f;
namespace e = regs::pte::e;

constexpr std::uint64_t kV = 1, kR = 2, kW = 4, kX = 8, kU = 16, kG = 32, kA = 64, kD = 128;
constexpr std::uint64_t kN = std::uint64_t{1} << 63;
constexpr unsigned kPbmtLsb = 61;
constexpr unsigned kNapotPages = 16;
constexpr std::uint64_t kNapotPpn = 8;

std::uint64_t with_ppn(std::uint64_t flags, std::uint64_t address) { return flags | (address >> 12) << 10; }

}  // namespace

Format first_stage(std::uint64_t mode, bool sxl) {
  if (sxl) return {2, 10, 10, false};
  return {static_cast<unsigned>(mode - 5), 9, 9, false};
}

Format second_stage(std::uint64_t mode, bool gxl) {
  if (gxl) return {2, 10, 12, true};
  return {static_cast<unsigned>(mode - 5), 9, 11, true};
}

PageTable::PageTable(const Format& format, const Features& features, bool big_endian, bool global, Places& places,
                     Target target)
    : format_(format),
      features_(features),
      big_endian_(big_endian),
      global_(global),
      places_(places),
      target_(std::move(target)),
      root_(places.frames(format.root_frames())) {}

std::uint64_t PageTable::index(std::uint64_t va, unsigned level) const {
  const unsigned bits = level + 1 == format_.levels ? format_.root_bits : format_.index_bits;
  return va >> format_.page_bits(level) & ((std::uint64_t{1} << bits) - 1);
}

void PageTable::write(std::uint64_t entry, std::uint64_t value, std::vector<Action>& out) const {
  out.push_back(format_.sv32() ? write32(entry, static_cast<std::uint32_t>(value), big_endian_)
                               : write64(entry, value, big_endian_));
}

std::uint64_t PageTable::reach(Random* random, std::uint64_t va, unsigned level, std::vector<Action>& out) {
  std::uint64_t table = root_;
  for (unsigned at = format_.levels - 1;; --at) {
    const std::uint64_t entry = table + index(va, at) * format_.pte_size();
    if (at == level) return entry;
    const auto used = used_.find(entry);
    if (used != used_.end() && used->second) return 0;
    std::uint64_t& next = tables_[{at, va >> format_.page_bits(at) & ((std::uint64_t{1} << 52) - 1)}];
    if (next == 0) {
      next = places_.frames();
      std::uint64_t value = with_ppn(kV, next);
      if (random != nullptr && global_ && random->chance(10)) value |= kG;
      if (random != nullptr && random->chance(3)) value |= random->pick({kA, kD, kU, kN, std::uint64_t{1} << 54});
      if (format_.sv32()) value &= 0xffff'ffff;
      used_[entry] = false;
      pointers_.push_back({va, entry, value, false});
      write(entry, value, out);
    }
    table = next;
  }
}

std::uint64_t PageTable::random_va(Random& random) const {
  if (!slots_.empty() && random.chance(60)) {
    const Slot& near = slots_[random.below(slots_.size())];
    const unsigned level = static_cast<unsigned>(random.below(format_.levels));
    const std::uint64_t va = near.va + (random.within(0, 4) << format_.page_bits(level));
    return va & ~std::uint64_t{0xfff};
  }
  std::uint64_t va = random.bits() & ((std::uint64_t{1} << format_.width()) - 1) & ~std::uint64_t{0xfff};
  if (random.chance(40)) va &= (std::uint64_t{1} << 30) - 1;
  const bool negative = !format_.second_stage && !format_.sv32() && (va >> (format_.width() - 1) & 1) != 0;
  return negative ? va | ~std::uint64_t{0} << format_.width() : va;
}

std::uint64_t PageTable::broken(Random& random, std::uint64_t leaf, unsigned level) const {
  const bool small = format_.sv32();
  switch (random.below(small ? 4 : 8)) {
    case 0:
      return leaf & ~kV;
    case 1:
      return (leaf & ~kR) | kW;
    case 2:
      return level == 0 ? leaf & ~(kR | kW | kX) : leaf | 1U << 10;
    case 3:
      return 0;
    case 4:
      return leaf | std::uint64_t{1} << random.within(54, 58);
    case 5:
      return leaf | std::uint64_t{1} << random.within(59, 60);
    case 6:
      return leaf | random.within(1, 3) << kPbmtLsb;
    default:
      // Never a valid one: pages of their own, which 16 equal entries without N would be, have to be invalidated one by
      // one.
      return (leaf | kN) & ~(kNapotPpn << 10);
  }
}

std::uint64_t PageTable::random_leaf(Random& random, unsigned level, bool napot) const {
  std::uint64_t flags = kV | random.pick({kR, kR | kW, kR | kW, kR | kW, kR | kX, kX, kR | kW | kX, kR | kW | kX});
  if (random.chance(format_.second_stage ? 96 : 80)) flags |= kU;
  if (random.chance(85)) flags |= kA;
  if (random.chance(75)) flags |= kD;
  if (random.chance(20) && (global_ || format_.second_stage)) flags |= kG;
  flags |= random.below(4) << 8;
  std::uint64_t address = target_(napot ? 16 : format_.page_bits(level));
  if (format_.sv32()) address &= (std::uint64_t{1} << 34) - 1;
  std::uint64_t leaf = with_ppn(flags, address);
  if (napot) leaf |= kN | kNapotPpn << 10;
  if (features_.has(cap::svpbmt) && !format_.sv32() && random.chance(30)) leaf |= random.below(3) << kPbmtLsb;
  if (features_.has(cap::svrsw60t59b) && !format_.sv32() && random.chance(20)) leaf |= random.below(4) << 59;
  if (random.chance(12)) leaf = broken(random, leaf, level);
  return format_.sv32() ? leaf & 0xffff'ffff : leaf;
}

void PageTable::populate(Random& random, unsigned count, std::vector<Action>& out) {
  for (unsigned i = 0; i < count; ++i) {
    const unsigned level = random.chance(60) ? 0 : static_cast<unsigned>(random.below(format_.levels));
    Slot slot;
    slot.level = level;
    slot.napot = level == 0 && !format_.sv32() && random.chance(20);
    slot.va = random_va(random) & ~((std::uint64_t{1} << (slot.napot ? 16 : format_.page_bits(level))) - 1);
    const std::uint64_t last = slot.va + ((std::uint64_t{1} << format_.page_bits(level)) - 1);
    if (format_.second_stage && slot.va <= Places::kLast && last >= Places::kFirst) continue;
    bool free = true;
    const unsigned pages = slot.napot ? kNapotPages : 1;
    for (unsigned page = 0; page < pages && free; ++page) {
      const std::uint64_t entry = reach(&random, slot.va + page * 4096ULL, level, out);
      free = entry != 0 && !used_.contains(entry);
      slot.entries.push_back(entry);
    }
    if (!free) continue;
    slot.value = random_leaf(random, level, slot.napot);
    for (const std::uint64_t entry : slot.entries) {
      used_[entry] = true;
      write(entry, slot.value, out);
    }
    slots_.push_back(std::move(slot));
  }
}

void PageTable::map(std::uint64_t va, unsigned level, std::uint64_t value, std::vector<Action>& out) {
  const std::uint64_t entry = reach(nullptr, va, level, out);
  if (entry == 0) return;
  used_[entry] = true;
  write(entry, value, out);
}

PageTable::Change PageTable::change_leaf(Random& random, std::vector<Action>& out) {
  if (slots_.empty()) return {};
  Slot& slot = random.pick(slots_);
  Change change{slot.va, true};
  const std::uint64_t value = random.chance(20) ? 0 : random_leaf(random, slot.level, slot.napot);
  // A broken entry above the last level may look like a pointer.
  change.leaves_only = slot.level == 0 || (!pointer_like(slot.value) && !pointer_like(value));
  slot.value = value;
  for (const std::uint64_t entry : slot.entries) write(entry, value, out);
  change.va += random.below(slot.entries.size() * 4096);
  return change;
}

PageTable::Change PageTable::change_pointer(Random& random, std::vector<Action>& out) {
  if (pointers_.empty()) return {};
  Pointer& pointer = random.pick(pointers_);
  pointer.broken = !pointer.broken;
  const std::uint64_t other = random.chance(50) ? 0 : with_ppn(kV, Places::nowhere(random));
  write(pointer.entry, pointer.broken ? (format_.sv32() ? other & 0xffff'ffff : other) : pointer.value, out);
  return {pointer.va, false};
}

std::uint64_t PageTable::address(Random& random) const {
  if (slots_.empty() || random.chance(5)) return random_va(random);
  const Slot& slot = slots_[random.below(slots_.size())];
  const std::uint64_t size = std::uint64_t{1} << (slot.napot ? 16 : format_.page_bits(slot.level));
  std::uint64_t offset = random.chance(70) ? random.bits() % size : random.below(2) * (size - 1);
  if (random.chance(4)) offset += size;
  std::uint64_t va = slot.va + offset;
  if (random.chance(3)) va ^= std::uint64_t{1} << random.within(format_.width() - 1, 63);
  return va;
}

}  // namespace aperture::soak
