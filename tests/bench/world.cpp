// SPDX-License-Identifier: Apache-2.0
#include "bench/world.hpp"

#include <array>

namespace aperture::oracle {
namespace {

constexpr std::uint64_t kV = 1, kR = 2, kW = 4, kX = 8, kU = 16, kG = 32, kA = 64, kD = 128, kN = 1ULL << 63;

constexpr std::uint64_t ppn_field(std::uint64_t address) { return address >> 12 << 10; }

}  // namespace

World::World(const WorldOptions& options, tb::Memory& memory, Random& random)
    : options_(options), memory_(memory), random_(random), next_pscid_(random.below(1 << 20)) {
  ddtp_ = (options.ddt_levels + 1) | ppn_field(allocate());
  if (options.most_levels != 0) {
    const std::size_t spaces = options.globals ? 1 : 1 + random.below(4);
    for (std::size_t i = 0; i < spaces; ++i) add_space();
  }
  for (std::uint64_t i = 2 + random.below(6); i != 0; --i) add_device();
}

std::uint64_t World::page_in_space(std::uint64_t pages) {
  const std::uint64_t all = 1ULL << (options_.pas - 12);
  return pages >= all ? 0 : random_.below(all / pages) * pages << 12;
}

std::uint64_t World::allocate(unsigned pages) {
  for (;;) {
    const std::uint64_t address = page_in_space(pages);
    bool free = address != 0;
    for (unsigned i = 0; i < pages; ++i) free &= !kept(address + i * 0x1000ULL);
    if (!free) continue;
    const std::array<std::byte, 4096> zero{};
    for (unsigned i = 0; i < pages; ++i) {
      keep(address + i * 0x1000ULL);
      memory_.write(address + i * 0x1000ULL, zero);
    }
    return address;
  }
}

/// The entry with a page number (from bit `lsb`) that needs more bits than there are.
std::uint64_t World::beyond(std::uint64_t entry, unsigned lsb) {
  if (options_.pas >= 56) return entry;
  return entry | 1ULL << (lsb + options_.pas - 12 + random_.below(56 - options_.pas));
}

void World::fault(std::uint64_t address, std::uint64_t size, bool& faulty) {
  memory_.fault(address, size, random_.percent(50) ? tb::MemoryFault::kError : tb::MemoryFault::kPoison);
  faulty = true;
}

void World::repair(std::uint64_t address, std::uint64_t size, bool& faulty) {
  if (faulty) memory_.fault(address, size, tb::MemoryFault::kNone);
  faulty = false;
}

// ---- directory

void World::add_device() {
  std::uint32_t id = static_cast<std::uint32_t>(random_.word());
  if (!devices_.empty() && random_.percent(60)) id = random_.of(devices_).id ^ (1U << random_.below(24));
  const std::array<std::uint32_t, 3> masks = {0x7f, 0xffff, 0xffffff};
  id &= masks[options_.ddt_levels - 1];
  for (const Device& d : devices_) {
    if (d.id == id) return;
  }
  std::uint64_t table = ddtp_ >> 10 << 12;
  if (options_.ddt_levels == 3) table = directory_entry(table, id >> 16);
  if (options_.ddt_levels >= 2) table = directory_entry(table, id >> 7 & 511);
  devices_.push_back({id, table + (id & 127) * 32, 0});
  write_context(devices_.back());
}

std::uint64_t World::directory_entry(std::uint64_t table, std::uint64_t index) {
  const std::uint64_t address = table + index * 8;
  auto [it, fresh] = directory_.try_emplace(address, Entry{address, 0});
  if (fresh) {
    it->second.next = allocate();
    write_directory_entry(it->second);
  }
  return it->second.next;
}

void World::write_directory_entry(Entry& entry) {
  repair(entry.address, 8, entry.faulty);
  std::uint64_t value = kV | ppn_field(entry.next);
  if (random_.percent(options_.broken_percent)) {
    switch (random_.below(5)) {
      case 0:
        value = random_.word() & ~kV;
        break;
      case 1:
        value = flip(value, 9, 1);
        break;
      case 2:
        value = flip(value, 63, 54);
        break;
      case 3:
        value = beyond(value, 10);
        break;
      default:
        fault(entry.address, 8, entry.faulty);
    }
  }
  memory_.write64(entry.address, value);
}

void World::write_context(Device& device) {
  repair(device.address, 32, device.faulty);
  device.space = random_.percent(15) ? spaces_.size() : random_.below(spaces_.size() + (spaces_.empty() ? 1 : 0));
  std::uint64_t dc[4] = {kV, 0, 0, 0};
  if (random_.percent(15)) dc[0] |= 1 << 4;  // DTF
  if (device.space == spaces_.size()) {
    dc[2] = random_.below(1 << 20) << 12;
    if (random_.percent(25)) dc[0] |= (random_.percent(50) ? 1 << 5 : 1 << 5 | 1 << 9);  // PDTV with DPE
    if (random_.percent(20)) dc[3] = random_.word() >> 20;                               // page number that is not used
  } else {
    const Space& space = spaces_[device.space];
    dc[2] = space.pscid << 12;
    dc[3] = (space.levels + 5ULL) << 60 | space.root >> 12;
  }
  if (random_.percent(10)) dc[1] = random_.word() >> 4;  // iohgatp: MODE Bare, the rest is not used
  if (random_.percent(options_.broken_percent * 2)) break_context(dc, device);
  for (unsigned i = 0; i < 4; ++i) memory_.write64(device.address + i * 8, dc[i]);
}

void World::break_context(std::uint64_t (&dc)[4], Device& device) {
  // An address space that is not the one its PSCID stands for gets a PSCID of its own.
  const auto other_space = [&] { dc[2] = (dc[2] & ~(0xfffffULL << 12)) | (next_pscid_++ & 0xfffff) << 12; };
  std::uint64_t kind = random_.below(14);
  // Global mappings are the same in all address spaces, so that there is no other one.
  if (options_.globals && device.space < spaces_.size() && (kind == 7 || kind == 8 || kind == 10 || kind == 11))
    kind = 6;
  switch (kind) {
    case 0:
      for (std::uint64_t& word : dc) word = random_.word();
      dc[0] &= ~kV;
      break;
    case 1:
    case 2:
      dc[0] = flip(dc[0], 11, 1);
      break;
    case 3:
      dc[0] = random_.percent(50) ? flip(dc[0], 23, 12) : flip(dc[0], 63, 32);
      break;
    case 4:
      dc[2] = random_.percent(50) ? flip(dc[2], 11, 0) : flip(dc[2], 39, 32);
      break;
    case 5:
      dc[2] = flip(dc[2], 63, 40);
      break;
    case 6:
      dc[3] = flip(dc[3], 59, 44);
      break;
    case 7:
    case 8:
      dc[3] = (dc[3] & ~(0xfULL << 60)) | random_.below(16) << 60;
      other_space();
      break;
    case 9:
      dc[1] = flip(dc[1] & ~(0xfULL << 60), 63, 60);
      break;
    case 10:
      dc[3] = beyond(dc[3], 0);
      other_space();
      break;
    case 11:
      dc[3] = (dc[3] & 0xfULL << 60) | page_in_space() >> 12;
      keep(dc[3] << 12 & 0xffffffffffffff);
      other_space();
      break;
    case 12:
      fault(device.address, 32, device.faulty);
      break;
    default:
      fault(device.address + random_.below(4) * 8, 8, device.faulty);
  }
}

// ---- page tables

std::uint64_t World::canonical(std::uint64_t va, unsigned levels) const {
  const unsigned width = 12 + 9 * levels;
  const std::uint64_t low = va & ((1ULL << width) - 1);
  return (va >> (width - 1) & 1) != 0 ? low | ~std::uint64_t{0} << width : low;
}

void World::add_space() {
  Space space{3 + static_cast<unsigned>(random_.below(options_.most_levels - 2)),
              allocate(),
              next_pscid_++ & 0xfffff,
              {},
              {},
              {}};
  for (std::uint64_t i = 1 + random_.below(3); i != 0; --i)
    space.bases.push_back(canonical(random_.word(), space.levels));
  if (random_.percent(30)) space.bases.push_back(random_.percent(50) ? 0 : ~std::uint64_t{0});
  for (std::uint64_t i = 3 + random_.below(20); i != 0; --i) map(space);
  spaces_.push_back(std::move(space));
}

/// Adds one leaf near one of the space's bases, where none is.
void World::map(Space& space) {
  std::uint64_t va = random_.of(space.bases) >> 12 << 12;
  for (std::uint64_t i = 1 + random_.below(3); i != 0; --i) {
    va ^= (1ULL << (12 + random_.below(random_.percent(60) ? 6 : 9 * space.levels)));
  }
  va = canonical(va, space.levels);
  unsigned level = 0;
  while (level + 1 < space.levels && random_.percent(30)) ++level;
  const bool napot = level == 0 && random_.percent(25);
  const std::uint64_t size = napot ? 0x10000 : 0x1000ULL << (9 * level);
  va &= ~(size - 1);

  std::uint64_t table = space.root;
  for (unsigned i = space.levels - 1; i != level; --i) {
    const std::uint64_t address = table + (va >> (12 + 9 * i) & 511) * 8;
    auto it = space.slots.find(address);
    if (it == space.slots.end()) {
      Slot slot{address, va >> (12 + 9 * i) << (12 + 9 * i), i, false, allocate()};
      it = space.slots.emplace(address, slot).first;
      write_slot(it->second, true);
    }
    if (it->second.child == 0) return;  // within a larger leaf
    table = it->second.child;
  }
  const std::uint64_t address = table + (va >> (12 + 9 * level) & 511) * 8;
  for (unsigned i = 0; i < (napot ? 16U : 1U); ++i) {
    // A slot of Svnapot is kept under its first entry.
    if (space.slots.contains(address + i * 8)) return;
    const auto group = space.slots.find((address + i * 8) & ~std::uint64_t{127});
    if (level == 0 && group != space.slots.end() && group->second.napot) return;
  }
  const auto it = space.slots.emplace(address, Slot{address, va, level, napot, 0}).first;
  space.leaves.push_back(address);
  write_slot(it->second, true);
}

void World::write_slot(Slot& slot, bool may_break) {
  const std::uint64_t size = slot.napot ? 128 : 8;
  repair(slot.address, size, slot.faulty);
  const bool broken = may_break && random_.percent(options_.broken_percent);
  std::uint64_t pte = 0;
  if (slot.child != 0) {
    pte = kV | ppn_field(slot.child) | random_.below(4) << 8 | (options_.globals && random_.percent(20) ? kG : 0);
    if (broken) pte = break_pointer(pte, slot);
  } else {
    pte = leaf(slot.level, slot.napot);
    if (broken) pte = break_leaf(pte, slot);
  }
  for (std::uint64_t i = 0; i < size; i += 8) memory_.write64(slot.address + i, pte);
}

std::uint64_t World::leaf(unsigned level, bool napot) {
  const std::array<std::uint64_t, 5> rights = {kR | kW | kX, kR | kW, kR, kR | kX, kX};
  std::uint64_t pte = kV | kU | kA | kD | random_.below(4) << 8;
  pte |= random_.percent(60) ? rights[0] : random_.of(rights);
  if (options_.globals && random_.percent(40)) pte |= kG;
  if (napot) return pte | kN | ppn_field(page_in_space(16)) | 8 << 10;
  return pte | ppn_field(page_in_space(1ULL << (9 * level)));
}

std::uint64_t World::break_leaf(std::uint64_t pte, Slot& slot) {
  switch (random_.below(16)) {
    case 0:
      return random_.word() & ~kV;
    case 1:
      return flip(pte, 60, 54);
    case 2:
      return flip(pte, 62, 61);
    case 3:
      return (pte | kN) ^ random_.below(16) << 10;
    case 4:
      return (pte | kW) & ~kR;
    case 5:
      return pte & ~kU;
    case 6:
      return pte & ~kA;
    case 7:
      return pte & ~kD;
    case 8:
      return pte & ~kR;
    case 9:
      return pte & ~kW;
    case 10:
      return slot.level != 0 ? flip(pte, 9 + 9 * slot.level, 10) : pte & ~kX;
    case 11:
      return beyond(pte, 10);
    case 12:
      return pte & ~(kR | kW | kX);
    case 13:
      return (random_.word() & ~kG) | kV;
    default:
      fault(slot.address + (slot.napot ? random_.below(16) * 8 : 0), 8, slot.faulty);
      return pte;
  }
}

std::uint64_t World::break_pointer(std::uint64_t pte, Slot& slot) {
  const std::array<std::uint64_t, 3> reserved = {kU, kA, kD};
  switch (random_.below(10)) {
    case 0:
      return random_.word() & ~kV;
    case 1:
      return flip(pte, 60, 54);
    case 2:
      return flip(pte, 63, 61);
    case 3:
    case 4:
      return pte | random_.of(reserved);
    case 5:
      return pte | kW;
    case 6:
      return beyond(pte, 10);
    case 7:
      return options_.aliases && !spaces_.empty() ? kV | ppn_field(random_.of(spaces_).root) : leaf(slot.level, false);
    case 8:
      return leaf(slot.level, false);
    default:
      fault(slot.address, 8, slot.faulty);
      return pte;
  }
}

// ---- edits

void World::invalidate(std::vector<Command>& commands, const Space& space, std::optional<std::uint64_t> va,
                       bool narrow) {
  // IOTINVAL.VMA: opcode 1, func3 0, AV bit 10, PSCID from bit 12, PSCV bit 32; ADDR[63:12] from bit 10 of the second.
  Command command{1, 0};
  if (random_.percent(30)) command.low |= random_.below(1 << 20) << 12;  // operands that do not count
  if (random_.percent(30)) command.high = random_.word() & 0xfffffffffffffULL << 10;
  const bool by_space = narrow && !options_.globals && random_.percent(60);
  if (by_space) command.low = (command.low & ~(0xfffffULL << 12)) | 1ULL << 32 | space.pscid << 12;
  if (narrow && va && random_.percent(70)) {
    command.low |= 1 << 10;
    command.high = *va >> 12 << 10;
  }
  commands.push_back(command);
}

void World::invalidate_context(std::vector<Command>& commands, std::optional<std::uint32_t> device) {
  // IODIR.INVAL_DDT: opcode 3, func3 0, DV bit 33, DID from bit 40.
  Command command{3, 0};
  if (device && random_.percent(70)) command.low |= 1ULL << 33 | std::uint64_t{*device} << 40;
  commands.push_back(command);
}

void World::edit_slot(std::vector<Command>& commands) {
  Space& space = random_.of(spaces_);
  if (space.slots.empty()) return;
  auto it = space.slots.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(random_.below(space.slots.size())));
  if (random_.percent(80)) it = space.slots.find(random_.of(space.leaves));
  Slot& slot = it->second;
  const std::uint64_t old = memory_.read64(slot.address);
  const bool was_faulty = slot.faulty;
  write_slot(slot, random_.percent(70));
  // Entries whose V is 0 are not cached: they may become valid without a word.
  if ((old & kV) == 0 && !was_faulty && random_.percent(50)) return;
  const bool was_leaf = (old & (kR | kW | kX)) != 0;
  const std::uint64_t size = slot.napot ? 0x10000 : 0x1000ULL << (9 * slot.level);
  if (!was_leaf || options_.aliases) return invalidate(commands, space, {}, !options_.aliases);
  if (!slot.napot) return invalidate(commands, space, slot.va + random_.below(size / 4096) * 4096, true);
  // Each of the 16 entries is one that may have been read.
  if (random_.percent(50)) return invalidate(commands, space, {}, true);
  for (std::uint64_t i = 0; i < size; i += 4096) invalidate(commands, space, slot.va + i, true);
}

void World::edit(std::vector<Command>& commands) {
  const std::uint64_t kind = random_.below(10);
  if (kind < 6 && !spaces_.empty()) return edit_slot(commands);
  if (kind == 6 && !spaces_.empty()) return map(random_.of(spaces_));
  if (kind == 7 && !directory_.empty()) {
    auto it = directory_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random_.below(directory_.size())));
    write_directory_entry(it->second);
    return invalidate_context(commands, {});
  }
  if (kind == 8) return add_device();  // where V was 0
  Device& device = random_.of(devices_);
  const bool was_valid = (memory_.read64(device.address) & kV) != 0 || device.faulty;
  write_context(device);
  if (was_valid || random_.percent(50)) invalidate_context(commands, device.id);
}

// ---- requests

Request World::request() {
  if (last_.device_id != 0 && random_.percent(30)) {
    // Near the last one, so that caches are used.
    Request again = last_;
    again.iova = (again.iova & ~std::uint64_t{0xfff}) | random_.below(4096);
    if (random_.percent(30)) again.iova ^= 1ULL << (12 + random_.below(10));
    again.write = random_.percent(45);
    again.exec = random_.percent(15);
    return again;
  }
  Request r;
  const Device& device = random_.of(devices_);
  r.device_id = device.id;
  if (random_.percent(4)) r.device_id ^= 1U << random_.below(24);
  if (random_.percent(6)) r.process_id = static_cast<std::uint32_t>(random_.below(1 << 20));
  r.privileged = random_.percent(15);
  r.exec = random_.percent(15);
  r.write = random_.percent(45);
  r.translated = random_.percent(3);
  if (device.space < spaces_.size() && !spaces_[device.space].leaves.empty() && random_.percent(95)) {
    const Space& space = spaces_[device.space];
    const Slot& slot = space.slots.at(space.leaves[random_.below(space.leaves.size())]);
    const std::uint64_t size = slot.napot ? 0x10000 : 0x1000ULL << (9 * slot.level);
    r.iova = slot.va + random_.below(size);
    if (random_.percent(5)) r.iova ^= 1ULL << (12 + 9 * space.levels - 1 + random_.below(65 - 12 - 9 * space.levels));
    if (random_.percent(8)) r.iova = canonical(r.iova ^ 1ULL << (12 + random_.below(9 * space.levels)), space.levels);
  } else {
    r.iova = random_.word() >> (random_.percent(80) ? 64 - options_.pas : random_.below(64));
  }
  last_ = r;
  return r;
}

}  // namespace aperture::oracle
