// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "regs/registers.hpp"
#include "selftest/words.hpp"

namespace aperture::sw::selftest {

class World;

/// A format of page tables.
struct Format {
  const char* name;
  regs::Field capability;
  std::uint64_t mode;  ///< in iosatp or iohgatp
  unsigned levels;
  unsigned index_bits;  ///< of each level; the root of a second stage has two more
  unsigned entry;       ///< bytes
  bool second;          ///< stage
  /// Bytes of a leaf at `level`, 0 being the lowest.
  std::uint64_t leaf(unsigned level) const { return std::uint64_t{4096} << (level * index_bits); }
  /// Bits of an address that it translates.
  unsigned bits() const { return 12 + levels * index_bits + (second ? 2 : 0); }
};

inline constexpr Format kSv32{"Sv32", regs::iommu::capabilities_f::sv32, 8, 2, 10, 4, false};
inline constexpr Format kSv39{"Sv39", regs::iommu::capabilities_f::sv39, 8, 3, 9, 8, false};
inline constexpr Format kSv48{"Sv48", regs::iommu::capabilities_f::sv48, 9, 4, 9, 8, false};
inline constexpr Format kSv57{"Sv57", regs::iommu::capabilities_f::sv57, 10, 5, 9, 8, false};
inline constexpr Format kSv32x4{"Sv32x4", regs::iommu::capabilities_f::sv32x4, 8, 2, 10, 4, true};
inline constexpr Format kSv39x4{"Sv39x4", regs::iommu::capabilities_f::sv39x4, 8, 3, 9, 8, true};
inline constexpr Format kSv48x4{"Sv48x4", regs::iommu::capabilities_f::sv48x4, 9, 4, 9, 8, true};
inline constexpr Format kSv57x4{"Sv57x4", regs::iommu::capabilities_f::sv57x4, 10, 5, 9, 8, true};

/// The smallest 64-bit format of a stage that the card has; null: none.
const Format* first_stage(const Bench& bench);
const Format* second_stage(const Bench& bench);

namespace pte {
inline constexpr std::uint64_t kV = regs::pte::e::v.mask(), kR = regs::pte::e::r.mask(), kW = regs::pte::e::w.mask(),
                               kX = regs::pte::e::x.mask(), kU = regs::pte::e::u.mask(), kA = regs::pte::e::a.mask(),
                               kD = regs::pte::e::d.mask();
inline constexpr std::uint64_t kReadOnly = kV | kR | kU | kA;
inline constexpr std::uint64_t kReadWrite = kReadOnly | kW | kD;
/// Where an entry leads.
constexpr std::uint64_t to(std::uint64_t address) { return address >> 12 << regs::pte::e::ppn.lsb; }
}  // namespace pte

/// A page table written by hand, entry by entry, with no code of the driver's. The step's world frees it.
class Tree {
 public:
  /// `behind`: the second stage that the tables' own addresses go through.
  Tree(World& world, const Format& format, Tree* behind = nullptr, bool big_endian = false);

  const Format& format() const { return format_; }
  /// The root's page number: a guest's where a second stage lies behind.
  std::uint64_t root() const { return root_page_; }
  /// Mode and root, as iosatp has them, and iohgatp beside the GSCID.
  std::uint64_t pointer() const { return format_.mode << 60 | root_page_; }

  /// A leaf over `from` (the part of an address below its size is left out on both sides).
  void map(std::uint64_t from, std::uint64_t to, std::uint64_t bits = pte::kReadWrite, unsigned level = 0);
  std::uint64_t entry(std::uint64_t address, unsigned level = 0);
  void set_entry(std::uint64_t address, unsigned level, std::uint64_t value);
  /// Sets bits of the lowest entry at one stroke, of a format with entries of 8 bytes in this machine's byte order.
  void set_bits(std::uint64_t address, std::uint64_t bits);
  /// Of a second stage: maps a page of the bus at the next guest physical address, and gives that.
  std::uint64_t give(std::uint64_t bus_address);

 private:
  Words& page();
  Words& table(std::uint64_t address, unsigned level);
  std::uint64_t index(std::uint64_t address, unsigned level) const;
  std::uint64_t get(const Words& table, std::uint64_t index) const;
  void set(Words& table, std::uint64_t index, std::uint64_t value) const;
  std::uint64_t seen(const Words& table);

  World& world_;
  const Format& format_;
  Tree* behind_;
  bool big_endian_;
  Words* root_;
  std::uint64_t root_page_;
  std::map<std::pair<unsigned, std::uint64_t>, Words*> tables_;
  std::uint64_t next_guest_page_{0x1000'0000};
};

}  // namespace aperture::sw::selftest
