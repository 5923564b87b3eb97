// SPDX-License-Identifier: Apache-2.0
#pragma once

// The functional model of the IOMMU with structures that a test puts together bit by bit, as the specification draws
// them.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "tb/model/model.hpp"

namespace aperture::tb::test {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

// Flags of a PTE.
constexpr std::uint64_t V = bit(0), R = bit(1), W = bit(2), X = bit(3), U = bit(4), G = bit(5), A = bit(6), D = bit(7);
constexpr std::uint64_t kN = bit(63), kNc = bit(61), kIo = bit(62);
constexpr std::uint64_t kUserPage = V | R | W | X | U | A | D;

// DC.tc
constexpr std::uint64_t kEnAts = bit(1), kEnPri = bit(2), kT2gpa = bit(3), kDtf = bit(4), kPdtv = bit(5),
                        kPrpr = bit(6), kGade = bit(7), kSade = bit(8), kDpe = bit(9), kSbe = bit(10), kSxl = bit(11);

/// iosatp, iohgatp, pdtp or msiptp.
constexpr std::uint64_t pointer(unsigned mode, std::uint64_t address) {
  return std::uint64_t{mode} << 60 | address >> 12;
}

struct Dc {
  std::uint64_t tc = 0;  ///< V is added
  std::uint64_t iohgatp = 0, ta = 0, fsc = 0;
  std::uint64_t msiptp = 0, msi_addr_mask = 0, msi_addr_pattern = 0, reserved = 0;
};

struct Record {
  unsigned cause = 0;
  std::uint32_t pid = 0;
  bool pv = false, priv = false;
  unsigned ttyp = 0;
  std::uint32_t did = 0;
  std::uint64_t iotval = 0, iotval2 = 0;
};

class ModelTest : public ::testing::Test {
 protected:
  // Where things are. Pages of tables come from kTables on.
  static constexpr std::uint64_t kDdt = 0x10000, kCq = 0x20000, kFq = 0x30000, kPq = 0x40000, kTables = 0x100000;
  static constexpr std::uint32_t kDevice = 5;

  ModelTest() { reset(); }

  void reset() {
    ASSERT_TRUE(model.reset(straps));
    next_table = kTables;
    big_endian = false;
  }
  /// Resets with bits of `capabilities` cleared.
  void without(std::uint64_t capabilities) {
    straps.capabilities &= ~capabilities;
    reset();
  }

  // Registers
  void write32(std::uint32_t offset, std::uint32_t value) { model.write_register(offset, 4, value); }
  void write64(std::uint32_t offset, std::uint64_t value) { model.write_register(offset, 8, value); }
  std::uint32_t read32(std::uint32_t offset) { return static_cast<std::uint32_t>(model.read_register(offset, 4)); }
  std::uint64_t read64(std::uint32_t offset) { return model.read_register(offset, 8); }

  // Memory; doublewords in the byte order of `big_endian`
  void poke(std::uint64_t address, std::uint64_t value, unsigned size = 8);
  std::uint64_t peek(std::uint64_t address, unsigned size = 8);
  std::uint64_t table(std::uint64_t size = 4096);
  /// One level below `ddtp`: 1LVL, so that devices below 64 (extended) or 128 (base) have a DC.
  void put(std::uint32_t device, const Dc& dc);
  void use_ddt(unsigned mode = 2) { write64(16, kDdt >> 12 << 10 | mode); }
  void configure(const Dc& dc) {
    put(kDevice, dc);
    use_ddt();
  }
  /// A leaf with `flags` for `address` at `level` of the tables at `root`; tables on the way are made. Address of the
  /// PTE. `top_bits`: more index bits at the root (2 for a second stage).
  std::uint64_t map(std::uint64_t root, unsigned levels, std::uint64_t address, std::uint64_t to, std::uint64_t flags,
                    unsigned level = 0, unsigned top_bits = 0);
  std::uint64_t map_second(std::uint64_t root, std::uint64_t address, std::uint64_t to, std::uint64_t flags = kUserPage,
                           unsigned level = 0) {
    return map(root, 3, address, to, flags, level, 2);
  }

  // Queues
  void enable_fault_queue(bool interrupts = false, unsigned log2 = 4) {
    write64(40, kFq >> 12 << 10 | (log2 - 1));
    write32(76, interrupts ? 3 : 1);
  }
  void enable_page_requests(bool interrupts = false, unsigned log2 = 4) {
    write64(56, kPq >> 12 << 10 | (log2 - 1));
    write32(80, interrupts ? 3 : 1);
  }
  void enable_commands(bool interrupts = false) {
    write64(24, kCq >> 12 << 10 | 3);
    write32(72, interrupts ? 3 : 1);
  }
  /// Queues one command and lets the IOMMU have it; the command queue has 16 entries.
  void command(std::uint64_t low, std::uint64_t high) {
    const std::uint32_t tail = read32(36);
    poke(kCq + tail * 16, low);
    poke(kCq + tail * 16 + 8, high);
    write32(36, tail + 1);
  }
  /// Takes the records out of the fault queue.
  std::vector<Record> records();
  /// The only record; a failure and an empty one otherwise.
  Record record();

  // Transactions of kDevice
  AccessResult read(std::uint64_t iova, unsigned length = 8) {
    return access({.device_id = kDevice, .iova = iova, .length = length});
  }
  AccessResult write(std::uint64_t iova, std::uint64_t value, unsigned length = 8);
  AccessResult execute(std::uint64_t iova) { return access({.device_id = kDevice, .exec = true, .iova = iova}); }
  AccessResult access(const DeviceAccess& access) {
    auto result = model.access(access);
    EXPECT_TRUE(result);
    return result.value_or(AccessResult{});
  }
  AtsResult ats(std::uint64_t iova, bool write, bool exec = false,
                std::optional<std::uint32_t> process_id = std::nullopt, bool privileged = false) {
    auto result = model.ats({.device_id = kDevice,
                             .process_id = process_id,
                             .privileged = privileged,
                             .exec = exec,
                             .write = write,
                             .type = AccessType::kAts,
                             .iova = iova});
    EXPECT_TRUE(result);
    return result.value_or(AtsResult{});
  }

  Straps straps{};
  model::Model model{};
  std::uint64_t next_table = kTables;
  bool big_endian = false;
};

}  // namespace aperture::tb::test
