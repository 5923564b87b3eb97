// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "soak/features.hpp"
#include "soak/places.hpp"
#include "soak/random.hpp"
#include "soak/step.hpp"

namespace aperture::soak {

/// How a table is built: privileged specification, chapter "Supervisor-Level ISA", Sv32 to Sv57, and its x4 forms.
struct Format {
  unsigned levels = 3;
  unsigned index_bits = 9;
  unsigned root_bits = 9;  ///< of the index into the root: two more in a second stage
  bool second_stage = false;

  bool sv32() const { return index_bits == 10; }
  unsigned pte_size() const { return sv32() ? 4 : 8; }
  unsigned page_bits(unsigned level) const { return 12 + index_bits * level; }
  /// Width of the address that is translated.
  unsigned width() const { return page_bits(levels - 1) + root_bits; }
  unsigned root_frames() const { return second_stage ? 4 : 1; }
};
Format first_stage(std::uint64_t mode, bool sxl);
Format second_stage(std::uint64_t mode, bool gxl);

/// A page table with leaves of all sizes, some of them broken.
class PageTable {
 public:
  /// Where leaves of 2^bits bytes lead.
  using Target = std::function<std::uint64_t(unsigned bits)>;

  PageTable(const Format& format, const Features& features, bool big_endian, bool global, Places& places,
            Target target);

  std::uint64_t root() const { return root_; }
  const Format& format() const { return format_; }

  /// An entry that is a leaf, or is not valid, or is broken.
  struct Slot {
    std::uint64_t va = 0;
    unsigned level = 0;
    bool napot = false;  ///< 16 entries
    std::vector<std::uint64_t> entries{};
    std::uint64_t value = 0;
  };
  const std::vector<Slot>& slots() const { return slots_; }

  /// Adds up to `count` leaves.
  void populate(Random& random, unsigned count, std::vector<Action>& out);
  /// A leaf with this very value at `va`, which is not among the slots.
  void map(std::uint64_t va, unsigned level, std::uint64_t value, std::vector<Action>& out);

  struct Change {
    std::uint64_t va = 0;
    bool leaves_only = true;  ///< no pointer came or went: IOTINVAL with an address covers it
  };
  /// Another leaf in the place of one.
  Change change_leaf(Random& random, std::vector<Action>& out);
  /// A pointer that leads nowhere, or leads on again.
  Change change_pointer(Random& random, std::vector<Action>& out);

  /// An address with something to find at it, or beside it.
  std::uint64_t address(Random& random) const;

 private:
  struct Pointer {
    std::uint64_t va = 0;
    std::uint64_t entry = 0;
    std::uint64_t value = 0;
    bool broken = false;
  };
  std::uint64_t index(std::uint64_t va, unsigned level) const;
  /// Address of the entry for `va` at `level`; tables are made on the way. 0: a leaf is in the way.
  std::uint64_t reach(Random* random, std::uint64_t va, unsigned level, std::vector<Action>& out);
  std::uint64_t random_va(Random& random) const;
  std::uint64_t random_leaf(Random& random, unsigned level, bool napot) const;
  std::uint64_t broken(Random& random, std::uint64_t leaf, unsigned level) const;
  void write(std::uint64_t entry, std::uint64_t value, std::vector<Action>& out) const;
  bool pointer_like(std::uint64_t value) const { return (value & 0xf) == 1; }

  Format format_;
  const Features& features_;
  bool big_endian_;
  bool global_;
  Places& places_;
  Target target_;
  std::uint64_t root_;
  std::map<std::pair<unsigned, std::uint64_t>, std::uint64_t> tables_;  ///< level and prefix of the VA: frame
  std::map<std::uint64_t, bool> used_;                                  ///< entry: is a leaf
  std::vector<Slot> slots_;
  std::vector<Pointer> pointers_;
};

}  // namespace aperture::soak
