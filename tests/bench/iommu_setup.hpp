// SPDX-License-Identifier: Apache-2.0
#pragma once

// The card's IOMMU as the specification describes it: registers through the seam, structures written straight to
// memory. No driver code, so that what is tested here is the hardware alone.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "regs/registers.hpp"
#include "tb/bench.hpp"

namespace aperture::test {

// Bits of a leaf.
inline constexpr std::uint64_t kV = regs::pte::e::v.mask();
inline constexpr std::uint64_t kR = regs::pte::e::r.mask();
inline constexpr std::uint64_t kW = regs::pte::e::w.mask();
inline constexpr std::uint64_t kX = regs::pte::e::x.mask();
inline constexpr std::uint64_t kU = regs::pte::e::u.mask();
inline constexpr std::uint64_t kG = regs::pte::e::g.mask();
inline constexpr std::uint64_t kA = regs::pte::e::a.mask();
inline constexpr std::uint64_t kD = regs::pte::e::d.mask();
inline constexpr std::uint64_t kReadOnly = kV | kR | kU | kA;
inline constexpr std::uint64_t kReadWrite = kReadOnly | kW | kD;

struct Command {
  std::uint64_t w0 = 0;
  std::uint64_t w1 = 0;
};

struct Iotinval {
  std::optional<std::uint64_t> address{};  ///< AV and ADDR
  std::optional<std::uint32_t> pscid{};    ///< PSCV and PSCID
};
Command iotinval_vma(const Iotinval& what = {});
Command iotinval_gvma();

struct Iofence {
  std::optional<std::uint64_t> address{};  ///< AV and ADDR
  std::uint32_t data = 0;
  bool wsi = false;
  bool reads = false;   ///< PR
  bool writes = false;  ///< PW
};
Command iofence(const Iofence& what = {});
/// Of one device, or of all.
Command inval_ddt(std::optional<std::uint32_t> device_id = {});
Command inval_pdt(std::uint32_t device_id, std::uint32_t process_id);

struct Fault {
  regs::Cause cause{};
  regs::Ttyp type{};
  std::uint32_t device_id = 0;
  std::optional<std::uint32_t> process_id{};
  bool privileged = false;
  std::uint64_t iotval = 0;
  std::uint64_t iotval2 = 0;
};

/// The four words of a base-format device context.
struct DeviceContext {
  std::uint64_t tc = regs::dc::tc::v.mask();
  std::uint64_t iohgatp = 0;
  std::uint64_t ta = 0;
  std::uint64_t fsc = 0;
};

class Iommu;

/// First-stage page table; tables are made where an entry below them is asked for.
class PageTable {
 public:
  PageTable(Iommu& iommu, regs::SatpMode mode);
  std::uint64_t root() const { return root_; }
  regs::SatpMode mode() const { return mode_; }
  unsigned top() const;
  /// Address of the entry for `iova` at `level` (0: 4 KiB leaves).
  std::uint64_t entry(std::uint64_t iova, unsigned level = 0);
  /// Writes a leaf; returns its address.
  std::uint64_t map(std::uint64_t iova, std::uint64_t page, std::uint64_t flags = kReadWrite, unsigned level = 0);
  /// The device context that translates through this table.
  DeviceContext context(std::uint32_t pscid = 0) const;

 private:
  Iommu* iommu_;
  regs::SatpMode mode_;
  std::uint64_t root_;
};

class Iommu {
 public:
  static constexpr std::uint64_t kFirstFrame = 0x1000'0000;

  explicit Iommu(tb::Bench& bench) : bench_(bench) {}
  tb::Bench& bench() { return bench_; }
  tb::Memory& memory() { return bench_.memory(); }

  // Registers, by one access of their own width.
  std::uint64_t read(const regs::Register& reg);
  void write(const regs::Register& reg, std::uint64_t value);
  std::uint64_t get(const regs::Register& reg, const regs::Field& field) { return field.get(read(reg)); }
  void write32(std::uint64_t offset, std::uint32_t value);
  void write64(std::uint64_t offset, std::uint64_t value);
  std::uint32_t read32(std::uint64_t offset);
  /// Polls until the field has the value; false after 10,000 reads.
  bool wait_for(const regs::Register& reg, const regs::Field& field, std::uint64_t value);

  /// Next `count` frames of memory, zero.
  std::uint64_t frame(unsigned count = 1);

  // Device directory: made for the levels of `mode`, then switched on.
  void switch_on(regs::IommuMode mode);
  void write_ddtp(regs::IommuMode mode, std::uint64_t root = 0);
  std::uint64_t root() const { return root_; }
  /// Where the context of a device lies; directory tables are made on the way.
  std::uint64_t context_address(std::uint32_t device_id);
  /// The directory entry at `level` (1 or 2) on the way there.
  std::uint64_t directory_entry(std::uint32_t device_id, unsigned level);
  void set_context(std::uint32_t device_id, const DeviceContext& context);

  // Command queue.
  void enable_command_queue(unsigned log2 = 6, bool interrupt = false);
  std::uint64_t command_queue() const { return cq_; }
  void submit(const Command& command);
  /// Waits until every command was carried out; false if the queue stalls.
  bool finish();
  bool run(const Command& command) {
    submit(command);
    return finish();
  }
  /// IOTINVAL.VMA of everything, IODIR.INVAL_DDT of everything, IOFENCE.C.
  bool flush();

  // Fault queue.
  void enable_fault_queue(unsigned log2 = 6, bool interrupt = false);
  std::uint64_t fault_queue() const { return fq_; }
  /// Takes all records once the card is idle.
  std::vector<Fault> faults();
  Fault fault_at(std::uint64_t index) const;

 private:
  tb::Bench& bench_;
  std::uint64_t next_frame_ = kFirstFrame;
  regs::IommuMode mode_ = regs::IommuMode::kOff;
  std::uint64_t root_ = 0;
  std::uint64_t cq_ = 0, cq_mask_ = 0, cq_tail_ = 0;
  std::uint64_t fq_ = 0, fq_mask_ = 0, fq_head_ = 0;
};

/// Capabilities of an IOMMU with first stages, base-format device contexts and nothing that is optional.
inline constexpr std::uint64_t kFirstStage =
    regs::iommu::capabilities_f::version.mask() | regs::iommu::capabilities_f::sv39.mask() |
    regs::iommu::capabilities_f::sv48.mask() | regs::iommu::capabilities_f::sv57.mask() |
    regs::iommu::capabilities_f::igs.mask() | regs::iommu::capabilities_f::pas.mask();

/// Straps of such an IOMMU.
tb::Straps first_stage();

/// The bench, powered on with the seed of this test program and first_stage().
tb::Bench& power_on(tb::Profile profile = tb::Profile::kIdeal, unsigned latency = 20, unsigned width = 64);

/// The usual start of a test: directory, command queue and fault queue on.
void start(Iommu& iommu, regs::IommuMode mode = regs::IommuMode::k1lvl);

}  // namespace aperture::test
