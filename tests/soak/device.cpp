// SPDX-License-Identifier: Apache-2.0
#include "soak/device.hpp"

#include <map>
#include <set>

namespace aperture::soak {
namespace {

namespace cap = regs::iommu::capabilities_f;
namespace tc = regs::dc::tc;

constexpr std::uint64_t kEns = 2, kSum = 4;

std::uint64_t broken_pointer(Random& random, std::uint64_t value) {
  return value ^ random.pick({1ULL, 1ULL << 1, 1ULL << 9, 1ULL << 54, 1ULL << 63});
}

std::uint64_t fsc_of(const Space* space) {
  return space == nullptr ? 0 : space->mode << 60 | space->table->root() >> 12;
}

/// Bits of the index at a level, 0 the last.
std::array<unsigned, 3> device_index_bits(bool extended) {
  return extended ? std::array<unsigned, 3>{6, 9, 9} : std::array<unsigned, 3>{7, 9, 8};
}

constexpr std::array<unsigned, 3> kProcessIndexBits{8, 9, 3};

/// Walks directories of 8-byte entries down to the leaf, making them on the way.
class Directory {
 public:
  Directory(std::uint64_t root, unsigned levels, std::array<unsigned, 3> bits, unsigned leaf_size, bool big_endian)
      : root_(root), levels_(levels), bits_(bits), leaf_size_(leaf_size), big_endian_(big_endian) {}

  std::uint64_t leaf(Random& random, Places& places, std::uint32_t id, std::vector<Action>& out) {
    std::uint64_t table = root_;
    for (unsigned level = levels_ - 1; level != 0; --level) {
      const std::uint64_t entry = table + 8ULL * index(id, level);
      std::uint64_t& next = tables_[entry];
      if (next == 0) {
        next = places.frames();
        std::uint64_t value = 1 | (next >> 12) << 10;
        if (random.chance(5)) value = broken_pointer(random, value);
        out.push_back(write64(entry, value, big_endian_));
      }
      table = next;
    }
    return table + std::uint64_t{leaf_size_} * index(id, 0);
  }

 private:
  std::uint32_t index(std::uint32_t id, unsigned level) const {
    unsigned shift = 0;
    for (unsigned at = 0; at < level; ++at) shift += bits_[at];
    return id >> shift & ((1U << bits_[level]) - 1);
  }

  std::uint64_t root_;
  unsigned levels_;
  std::array<unsigned, 3> bits_;
  unsigned leaf_size_;
  bool big_endian_;
  std::map<std::uint64_t, std::uint64_t> tables_;
};

void add_processes(Random& random, const Features& features, Places& places, Device& device, std::vector<Action>& out) {
  std::vector<std::uint64_t> modes{0};
  if (features.has(cap::pd8)) modes.push_back(1);
  if (features.has(cap::pd17)) modes.push_back(2);
  if (features.has(cap::pd20)) modes.push_back(3);
  ProcessDirectory pd;
  pd.mode = random.chance(90) ? modes.back() : random.pick(modes);
  if (modes.size() > 2 && random.chance(50)) pd.mode = random.pick(modes);
  pd.root = places.frames();
  if (pd.mode != 0) {
    Directory directory(pd.root, static_cast<unsigned>(pd.mode), kProcessIndexBits, 16, device.guest->sbe);
    const unsigned bits = pd.mode == 1 ? 8 : pd.mode == 2 ? 17 : 20;
    for (int i = 0; i < 4; ++i) {
      const auto id = i == 0 ? 0U : static_cast<std::uint32_t>(random.below(1U << bits));
      pd.processes.push_back({id, directory.leaf(random, places, id, out)});
      device.processes = pd;
      write_process(random, device, pd.processes.back(), out);
    }
  }
  device.processes = pd;
}

std::uint64_t random_tc(Random& random, const Features& features, const Device& device) {
  std::uint64_t word = tc::v.mask();
  if (device.ats) {
    word |= tc::en_ats.mask();
    if (random.chance(70)) word |= tc::en_pri.mask();
    if ((word & tc::en_pri.mask()) != 0 && random.chance(50)) word |= tc::prpr.mask();
    if (features.has(cap::t2gpa) && device.guest->mode != 0 && random.chance(40)) word |= tc::t2gpa.mask();
  }
  // The text does not say whether faults of debug requests are recorded in spite of DTF.
  if (random.chance(10)) word |= tc::dtf.mask();
  if (device.processes) word |= tc::pdtv.mask();
  if (device.processes && random.chance(40)) word |= tc::dpe.mask();
  if (features.has(cap::amo_hwad))
    word |= (random.chance(50) ? tc::sade.mask() : 0) | (random.chance(50) ? tc::gade.mask() : 0);
  if (device.guest->sbe) word |= tc::sbe.mask();
  if (device.guest->sxl) word |= tc::sxl.mask();
  if (random.chance(10)) word |= random.below(256) << 24;
  return word;
}

}  // namespace

std::array<std::uint64_t, 8> random_context(Random& random, const Features& features, const Device& device) {
  std::array<std::uint64_t, 8> words{};
  const Guest& guest = *device.guest;
  words[0] = random_tc(random, features, device);
  words[1] = guest.iohgatp();
  words[2] = device.space == nullptr ? random.below(2) << 12 : std::uint64_t{device.space->pscid} << 12;
  if (features.has(cap::qosid)) {
    words[2] |= random.bits() % (1ULL << features.straps.rcid_bits) << 40;
    words[2] |= random.bits() % (1ULL << features.straps.mcid_bits) << 52;
  }
  words[3] = device.processes ? device.processes->mode << 60 | device.processes->root >> 12 : fsc_of(device.space);
  if (features.extended() && guest.msi_entries != 0 && random.chance(90)) {
    words[4] = std::uint64_t{1} << 60 | guest.msi_table >> 12;
    words[5] = guest.msi_mask;
    words[6] = guest.msi_pattern;
  }
  if (random.chance(8)) {
    // One bit wrong somewhere, which is a misconfiguration more often than not. What stays is what decides where tables
    // lie and how they are read: a PSCID stands for one table.
    const std::uint64_t bit = random.bits();
    switch (random.below(features.extended() ? 6 : 3)) {
      case 0:
        words[0] ^= (1ULL << bit % 64) & ~(tc::sbe.mask() | tc::sxl.mask());
        break;
      case 1:
        words[2] ^= 1ULL << bit % 12;
        break;
      case 2:
        words[3] ^= bit % 8 == 0 ? 1ULL << 62 : 1ULL << (44 + bit % 16);
        break;
      case 3:
        words[4] ^= 1ULL << (44 + bit % 20);
        break;
      case 4:
        words[5 + bit % 2] ^= 1ULL << (52 + bit / 2 % 12);
        break;
      default:
        words[7] ^= 1ULL << bit % 64;
        break;
    }
  }
  return words;
}

void write_context(const Features& features, std::uint64_t address, const std::array<std::uint64_t, 8>& words,
                   std::vector<Action>& out) {
  for (unsigned i = 0; i < features.device_context_size() / 8; ++i) {
    out.push_back(write64(address + 8ULL * i, words[i], features.be));
  }
}

void write_process(Random& random, const Device& device, const ProcessDirectory::Process& process,
                   std::vector<Action>& out) {
  const Guest& guest = *device.guest;
  const Space* space =
      guest.spaces.empty() || random.chance(15) ? nullptr : &guest.spaces[random.below(guest.spaces.size())];
  std::uint64_t ta = 1 | (random.chance(60) ? kEns : 0) | (random.chance(50) ? kSum : 0);
  if (space != nullptr) ta |= std::uint64_t{space->pscid} << 12;
  std::uint64_t fsc = fsc_of(space);
  if (random.chance(8)) ta ^= random.pick({1ULL, 1ULL << 3, 1ULL << 11, 1ULL << 32, 1ULL << 63});
  if (random.chance(4)) fsc ^= random.pick({1ULL << 44, 1ULL << 59, 1ULL << 62});
  out.push_back(write64(process.entry, ta, guest.sbe));
  out.push_back(write64(process.entry + 8, fsc, guest.sbe));
}

DeviceDirectory random_directory(Random& random, const Features& features, Places& places,
                                 const std::vector<std::unique_ptr<Guest>>& guests, std::vector<Action>& out) {
  DeviceDirectory directory;
  directory.levels = static_cast<unsigned>(random.within(1, features.straps.ddt_levels_max));
  directory.root = places.frames();
  const auto bits = device_index_bits(features.extended());
  Directory entries(directory.root, directory.levels, bits, features.device_context_size(), features.be);
  unsigned width = 0;
  for (unsigned level = 0; level < directory.levels; ++level) width += bits[level];
  std::set<std::uint32_t> ids;
  const bool processes = features.has(cap::pd8) || features.has(cap::pd17) || features.has(cap::pd20);
  for (std::uint64_t i = random.within(3, 7); i != 0; --i) {
    Device device;
    device.device_id = static_cast<std::uint32_t>(random.chance(60) ? random.below(32) : random.below(1U << width));
    // Wider ones cannot be named in commands, so that nothing could be said about their contexts.
    device.device_id &= features.straps.device_id_mask;
    if (!ids.insert(device.device_id).second) continue;
    device.guest = guests[random.below(guests.size())].get();
    device.context = entries.leaf(random, places, device.device_id, out);
    device.ats = features.has(cap::ats) && random.chance(60);
    if (processes && random.chance(45)) {
      add_processes(random, features, places, device, out);
    } else if (!device.guest->spaces.empty() && random.chance(85)) {
      device.space = &device.guest->spaces[random.below(device.guest->spaces.size())];
    }
    write_context(features, device.context, random_context(random, features, device), out);
    directory.devices.push_back(std::move(device));
  }
  return directory;
}

}  // namespace aperture::soak
