// SPDX-License-Identifier: Apache-2.0
#include "soak/guest.hpp"

#include <algorithm>
#include <bit>

namespace aperture::soak {
namespace {

namespace cap = regs::iommu::capabilities_f;

constexpr std::uint64_t kLeaf = 0xdf;  ///< V, R, W, X, U, A, D
constexpr unsigned kSmall = 21;
constexpr std::uint64_t kModeBare = 0;

std::uint64_t with_ppn(std::uint64_t flags, std::uint64_t address) { return flags | (address >> 12) << 10; }

std::vector<std::uint64_t> first_stage_modes(const Features& f, bool sxl) {
  std::vector<std::uint64_t> modes;
  if (sxl) {
    if (f.has(cap::sv32)) modes.push_back(8);
    return modes;
  }
  if (f.has(cap::sv39)) modes.push_back(8);
  if (f.has(cap::sv48)) modes.push_back(9);
  if (f.has(cap::sv57)) modes.push_back(10);
  return modes;
}

std::vector<std::uint64_t> second_stage_modes(const Features& f) {
  std::vector<std::uint64_t> modes;
  if (f.gxl) return {8};
  if (f.has(cap::sv39x4)) modes.push_back(8);
  if (f.has(cap::sv48x4)) modes.push_back(9);
  if (f.has(cap::sv57x4)) modes.push_back(10);
  return modes;
}

/// Guest physical memory has the structures where physical memory has them; some pages may be less than that.
void map_structures(Random& random, PageTable& table, std::vector<Action>& out) {
  const Format& f = table.format();
  const std::uint64_t size = std::uint64_t{1} << f.page_bits(1);
  const bool pages = random.chance(35);
  if (!pages && f.levels > 2 && random.chance(50)) {
    table.map(Places::kFirst, 2, with_ppn(kLeaf, Places::kFirst), out);
    return;
  }
  for (std::uint64_t at = 0; at < std::uint64_t{1} << (kSmall + 2); at += size) {
    if (!pages || at != 0) table.map(Places::kFirst + at, 1, with_ppn(kLeaf, Places::kFirst + at), out);
  }
  for (std::uint64_t at = 0; pages && at < std::uint64_t{1} << kSmall; at += 4096) {
    std::uint64_t leaf = with_ppn(kLeaf, Places::kFirst + at);
    if (random.chance(4)) leaf &= ~random.pick({1ULL, 4ULL, 6ULL, 16ULL, 64ULL, 128ULL});
    table.map(Places::kFirst + at, 0, leaf, out);
  }
}

void add_second_stage(Random& random, const Features& features, Places& places, Guest& guest,
                      std::vector<Action>& out) {
  const Format format = second_stage(guest.mode, features.gxl);
  guest.second = std::make_unique<PageTable>(format, features, features.be, false, places, [&random](unsigned bits) {
    return Places::leaf_target(random, bits, 56);
  });
  map_structures(random, *guest.second, out);
  guest.second->populate(random, static_cast<unsigned>(random.within(4, 14)), out);
}

void add_spaces(Random& random, const Features& features, Places& places, Guest& guest, std::vector<Action>& out) {
  std::vector<std::uint64_t> modes = first_stage_modes(features, guest.sxl);
  if (modes.empty()) return;
  const std::uint64_t count = random.within(1, 3);
  guest.global = count == 1;
  for (std::uint64_t i = 0; i < count; ++i) {
    Space space;
    space.mode = random.pick(modes);
    space.pscid = static_cast<std::uint32_t>(i == 0 ? random.below(4) * 0x1000 : 5 + i);
    Guest* owner = &guest;
    const auto target = [&random, owner](unsigned bits) {
      if (owner->second == nullptr) return Places::leaf_target(random, bits, 56);
      const std::uint64_t size = std::uint64_t{1} << bits;
      const std::uint64_t gpa = owner->address(random) & ~(size - 1);
      const bool clear = gpa > Places::kLast || gpa + (size - 1) < Places::kFirst;
      return clear ? gpa : Places::leaf_target(random, bits, owner->second->format().width());
    };
    space.table = std::make_unique<PageTable>(first_stage(space.mode, guest.sxl), features, guest.sbe, guest.global,
                                              places, target);
    space.table->populate(random, static_cast<unsigned>(random.within(3, 12)), out);
    guest.spaces.push_back(std::move(space));
  }
}

void add_msi_table(Random& random, const Features& features, Places& places, Guest& guest, std::vector<Action>& out) {
  // One to five bits of the page number choose the entry.
  for (std::uint64_t n = random.within(1, 5); n != 0; --n) guest.msi_mask |= 1ULL << random.below(6);
  guest.msi_pattern = random.pick({0x10000ULL, 0x300ULL, 0xfee00ULL});
  guest.msi_entries = 1U << std::popcount(guest.msi_mask);
  guest.msi_table = places.frames();
  for (unsigned i = 0; i < guest.msi_entries; ++i) write_msi_entry(random, features, places, guest, i, out);
}

}  // namespace

std::uint64_t Guest::iohgatp() const {
  if (mode == kModeBare) return 0;
  return mode << 60 | std::uint64_t{gscid} << 44 | second->root() >> 12;
}

std::uint64_t Guest::msi_page(Random& random) const {
  const std::uint64_t page = (msi_pattern & ~msi_mask) | (random.bits() & msi_mask);
  return page << 12;
}

std::uint64_t Guest::address(Random& random) const {
  if (msi_entries != 0 && random.chance(25)) return msi_page(random) + (random.chance(70) ? 0 : random.below(4096));
  if (second != nullptr) return second->address(random);
  return Places::leaf_target(random, 12, random.chance(50) ? 34 : 56) + random.below(4096);
}

void write_msi_entry(Random& random, const Features& features, Places& places, const Guest& guest, unsigned index,
                     std::vector<Action>& out) {
  std::uint64_t first = 0;
  std::uint64_t second = random.chance(80) ? 0 : random.bits();
  if (features.has(cap::msi_mrif) && random.chance(40)) {
    const std::uint64_t file = places.frames() + 512 * random.below(8);
    const std::uint64_t notice = Places::leaf_target(random, 12, 56);
    const std::uint64_t nid = random.below(2048);
    first = 1 | 1 << 1 | (file >> 9) << 7;
    second = (nid & 0x3ff) | (notice >> 12) << 10 | (nid >> 10) << 60;
  } else {
    first = 1 | 3 << 1 | (Places::leaf_target(random, 12, 56) >> 12) << 10;
  }
  if (random.chance(10)) {
    first ^= random.pick({1ULL, 2ULL, 1ULL << 3, 1ULL << 6, 1ULL << 54, 1ULL << 63, 1ULL << 62});
  }
  if (random.chance(3)) second |= random.pick({1ULL << 54, 1ULL << 61, 1ULL << 63});
  const std::uint64_t entry = guest.msi_table + 16ULL * index;
  out.push_back(write64(entry, first, features.be));
  out.push_back(write64(entry + 8, second, features.be));
}

std::vector<std::unique_ptr<Guest>> random_guests(Random& random, const Features& features, Places& places,
                                                  std::vector<Action>& out) {
  std::vector<std::unique_ptr<Guest>> guests;
  std::vector<std::uint64_t> second = second_stage_modes(features);
  const std::uint64_t count = second.empty() ? 1 : random.within(1, 3);
  for (std::uint64_t i = 0; i < count; ++i) {
    auto guest = std::make_unique<Guest>();
    guest->gscid = static_cast<std::uint32_t>(i == 0 ? random.below(2) * 0xffff : i);
    const bool sxl_writable =
        features.straps.fctl_gxl_writable && (features.has(cap::sv32x4) || features.has(cap::sv32));
    guest->sxl = features.gxl || (sxl_writable && features.has(cap::sv32) && random.chance(35));
    const bool be_free = features.has(cap::end) && features.straps.fctl_be_writable;
    guest->sbe = be_free ? random.chance(50) : features.be;
    // The host has no second stage.
    guest->mode = i == 0 || second.empty() ? kModeBare : random.pick(second);
    if (features.gxl && i != 0) guest->mode = 8;
    if (features.extended() && guest->mode != kModeBare) add_msi_table(random, features, places, *guest, out);
    if (guest->mode != kModeBare) add_second_stage(random, features, places, *guest, out);
    add_spaces(random, features, places, *guest, out);
    guests.push_back(std::move(guest));
  }
  return guests;
}

}  // namespace aperture::soak
