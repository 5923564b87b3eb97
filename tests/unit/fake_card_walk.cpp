// SPDX-License-Identifier: Apache-2.0
// How the card in memory translates.
#include <cstring>

#include "unit/fake_card.hpp"

namespace aperture::test {

namespace iommu = regs::iommu;

FakeCard::Walk FakeCard::translate(std::uint32_t device_id, std::uint64_t iova, bool write,
                                   std::optional<std::uint32_t> process_id) {
  const std::uint64_t ddtp = reg(iommu::ddtp);
  const unsigned mode = static_cast<unsigned>(ddtp & 15);
  if (mode == 0) return {.address = {}, .cause = 256};
  if (mode == 1) return {.address = iova};
  const unsigned bits[3] = {7, 9, 8};
  unsigned shift = mode == 2 ? 0 : mode == 3 ? 7 : 16;
  std::uint64_t table = (ddtp >> 10) << 12;
  for (unsigned level = mode - 2; level > 0; --level) {
    const std::uint64_t entry = load(table + 8 * ((device_id >> shift) & ((1U << bits[level]) - 1)));
    if ((entry & 1) == 0) return {.address = {}, .cause = 258};
    table = (entry >> 10) << 12;
    shift = level == 2 ? 7 : 0;
  }
  const std::uint64_t context = table + 32 * (device_id & 0x7f);
  const std::uint64_t tc = load(context);
  if ((tc & 1) == 0) return {.address = {}, .cause = 258};
  namespace dc = regs::dc::tc;
  const std::uint64_t second = load(context + 8);
  std::uint64_t first = load(context + 24);
  if (dc::pdtv.get(tc) != 0) {
    if (!process_id && dc::dpe.get(tc) == 0) {
      first = 0;
    } else {
      const std::uint32_t id = process_id.value_or(0);
      const unsigned width[4] = {0, 8, 17, 20};
      const auto levels = static_cast<unsigned>(first >> 60);
      if (id >> width[levels] != 0) return {.address = {}, .cause = 260};
      table = (first & ((1ULL << 44) - 1)) << 12;
      for (unsigned level = levels - 1; level > 0; --level) {
        const std::uint64_t entry = load(table + 8 * (level == 2 ? id >> 17 : (id >> 8) & 511));
        if ((entry & 1) == 0) return {.address = {}, .cause = 266};
        table = (entry >> 10) << 12;
      }
      const std::uint64_t place = table + 16 * (id & 255);
      if ((load(place) & 1) == 0) return {.address = {}, .cause = 266};
      first = load(place + 8);
    }
  } else if (process_id) {
    return {.address = {}, .cause = 260};
  }

  Walk walk{.address = iova};
  if (first >> 60 != 0) {
    walk = walk_table(first, iova, write, 0, dc::sade.get(tc) != 0, second);
    if (!walk.address) return walk;
  }
  if (second >> 60 == 0) return walk;
  const unsigned reads = walk.reads;
  walk = walk_table(second, *walk.address, write, 2, dc::gade.get(tc) != 0, 0);
  walk.reads += reads;
  return walk;
}

FakeCard::Walk FakeCard::walk_table(std::uint64_t root, std::uint64_t iova, bool write, unsigned more_bits,
                                    bool updates, std::uint64_t behind) {
  const unsigned levels = static_cast<unsigned>(root >> 60) - 5;
  const unsigned width = 12 + 9 * levels;
  Walk walk;
  walk.cause = (write ? 15 : 13) + (more_bits != 0 ? 8 : 0);
  const std::int64_t sign = static_cast<std::int64_t>(iova) >> (width - 1);
  if (more_bits == 0 ? sign != 0 && sign != -1 : iova >> (width + more_bits) != 0) return walk;
  std::uint64_t table = (root & ((1ULL << 44) - 1)) << 12;
  for (unsigned level = levels; level-- > 0;) {
    const unsigned low = 12 + 9 * level;
    const std::uint64_t index = iova >> low & ((level + 1 == levels ? 512ULL << more_bits : 512) - 1);
    std::uint64_t place = table + 8 * index;
    if (behind >> 60 != 0) {
      const Walk of_table = walk_table(behind, place, false, 2, false, 0);
      if (!of_table.address) return of_table;
      place = *of_table.address;
    }
    std::uint64_t entry = load(place);
    ++walk.reads;
    if ((entry & 1) == 0) return walk;
    const std::uint64_t base = ((entry >> 10) & ((1ULL << 44) - 1)) << 12;
    if ((entry & 0xe) == 0) {
      table = base;
      continue;
    }
    if (updates && (entry & 1) != 0 && (!write || (entry & 4) != 0)) {
      entry |= write ? 0xc0 : 0x40;
      std::memcpy(at(place), &entry, 8);
    }
    const bool napot = entry >> 63 != 0;
    const std::uint64_t span = napot ? 0x1'0000 : 1ULL << low;
    const std::uint64_t physical = napot ? base & ~0x8000ULL : base;
    const std::uint64_t needed = write ? 0xd7 : 0x53;  // V R U A, and W D
    if ((napot && (level != 0 || (base & 0xf000) != 0x8000)) || (physical & (span - 1)) != 0 ||
        (entry & needed) != needed)
      return walk;
    walk.address = physical | (iova & (span - 1));
    walk.leaf = span;
    walk.entry = entry;
    return walk;
  }
  return walk;
}

}  // namespace aperture::test
