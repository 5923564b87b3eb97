// SPDX-License-Identifier: Apache-2.0
#pragma once

// Random structures for the IOMMU in the bench's memory: device directory, device contexts, page tables; right, broken
// and half-broken; and edits of them with the invalidations that the specification asks for.

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "bench/oracle.hpp"
#include "tb/memory/memory.hpp"

namespace aperture::oracle {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t word() { return engine_(); }
  /// 0 to n - 1.
  std::uint64_t below(std::uint64_t n) { return engine_() % n; }
  bool percent(unsigned p) { return below(100) < p; }
  template <typename C>
  auto& of(C& container) {
    return container[below(container.size())];
  }

 private:
  std::mt19937_64 engine_;
};

/// 16 bytes of the command queue.
struct Command {
  std::uint64_t low, high;
};

struct WorldOptions {
  unsigned pas = 56;
  unsigned ddt_levels = 3;      ///< of the directory: 1 to 3
  unsigned most_levels = 5;     ///< of page tables: 0 (no Sv mode is supported), 3, 4, 5
  unsigned broken_percent = 5;  ///< chance of each entry to be wrong
  bool globals = false;         ///< G bits; then there is a single address space
  bool aliases = false;         ///< tables that are entered twice; then edits are followed by broad invalidations
};

class World {
 public:
  World(const WorldOptions& options, tb::Memory& memory, Random& random);

  std::uint64_t ddtp() const { return ddtp_; }
  /// A free 4 KiB page, or an aligned run of a power of two of them; from now on a structure.
  std::uint64_t allocate(unsigned pages = 1);
  /// Marks the page of an address as one that holds structures: the test neither fills it nor lets devices write it.
  void keep(std::uint64_t address) { kept_.insert(address >> 12); }
  bool kept(std::uint64_t address) const { return kept_.contains(address >> 12); }

  Request request();
  /// Changes something; appends what makes the IOMMU see it.
  void edit(std::vector<Command>& commands);

 private:
  struct Slot {
    std::uint64_t address;  ///< of the entry, of the first of 16 for Svnapot
    std::uint64_t va;
    unsigned level;
    bool napot;
    std::uint64_t child;  ///< address of the next table, 0: a leaf
    bool faulty = false;  ///< memory answers error or poison
  };
  struct Space {
    unsigned levels;
    std::uint64_t root;
    std::uint64_t pscid;
    std::map<std::uint64_t, Slot> slots;  ///< by address
    std::vector<std::uint64_t> bases;     ///< around which addresses are chosen
    std::vector<std::uint64_t> leaves;    ///< keys of slots
  };
  struct Entry {
    std::uint64_t address;
    std::uint64_t next;
    bool faulty = false;
  };
  struct Device {
    std::uint32_t id;
    std::uint64_t address;
    std::size_t space;  ///< spaces_.size(): first stage Bare
    bool faulty = false;
  };

  void add_device();
  std::uint64_t directory_entry(std::uint64_t table, std::uint64_t index);
  void write_directory_entry(Entry& entry);
  void write_context(Device& device);
  void break_context(std::uint64_t (&dc)[4], Device& device);
  void add_space();
  void map(Space& space);
  void write_slot(Slot& slot, bool may_break);
  std::uint64_t leaf(unsigned level, bool napot);
  std::uint64_t break_leaf(std::uint64_t pte, Slot& slot);
  std::uint64_t break_pointer(std::uint64_t pte, Slot& slot);
  void fault(std::uint64_t address, std::uint64_t size, bool& faulty);
  void repair(std::uint64_t address, std::uint64_t size, bool& faulty);
  void edit_slot(std::vector<Command>& commands);
  void invalidate(std::vector<Command>& commands, const Space& space, std::optional<std::uint64_t> va, bool narrow);
  void invalidate_context(std::vector<Command>& commands, std::optional<std::uint32_t> device);
  std::uint64_t page_in_space(std::uint64_t pages = 1);
  std::uint64_t beyond(std::uint64_t entry, unsigned lsb);
  std::uint64_t canonical(std::uint64_t va, unsigned levels) const;
  std::uint64_t flip(std::uint64_t word, unsigned high, unsigned low) {
    return word ^ 1ULL << (low + random_.below(high - low + 1));
  }

  WorldOptions options_;
  tb::Memory& memory_;
  Random& random_;
  std::uint64_t ddtp_ = 0;
  std::set<std::uint64_t> kept_;
  std::map<std::uint64_t, Entry> directory_;
  std::vector<Device> devices_;
  std::vector<Space> spaces_;
  std::uint64_t next_pscid_;
  Request last_{};
};

}  // namespace aperture::oracle
