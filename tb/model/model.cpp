// SPDX-License-Identifier: Apache-2.0
// Reset, memory and time. RISC-V IOMMU, chapter "Memory-mapped register interface", section "Reset behavior".
//
// Decided here: what the text leaves UNSPECIFIED at reset is 0.
#include "tb/model/model.hpp"

#include <utility>

namespace aperture::tb::model {
namespace {

constexpr std::uint64_t kVersion = 0x10;
// "IOMMU capabilities": 13:12, 20, 55:44 reserved, 63:56 custom.
constexpr std::uint64_t kDefined = ~(field_mask(13, 12) | field_mask(20, 20) | field_mask(55, 44) | field_mask(63, 56));

Capabilities implemented(std::uint64_t strap) {
  std::uint64_t raw = (strap & kDefined & ~field_mask(7, 0)) | kVersion;
  if (bits(raw, 29, 28) == 3) raw &= ~field_mask(28, 28);
  if (bits(raw, 37, 32) > 56) raw = (raw & ~field_mask(37, 32)) | place(56, 37, 32);
  return {raw};
}

std::unexpected<Error> out_of_range(const char* strap, const char* range) {
  return fail(Code::kInvalid, EINVAL, std::string("strap ") + strap + " is not " + range);
}

}  // namespace

Model::Model() { static_cast<void>(reset(Straps{})); }

std::unique_ptr<BusCard> make_model() { return std::make_unique<Model>(); }

Result<void> Model::reset(const Straps& straps) {
  const Capabilities cap = implemented(straps.capabilities);
  if (cap.pas() == 0) return out_of_range("capabilities.PAS", "1 to 56");
  if (straps.fctl > 7) return out_of_range("fctl", "0 to 7");
  if (straps.ddt_levels_max > 3) return out_of_range("ddt_levels_max", "0 to 3");
  if (straps.device_id_mask > 0xffffff) return out_of_range("device_id_mask", "at most 24 bits");
  if (straps.vectors_log2 > 4) return out_of_range("vectors_log2", "0 to 4");
  if (straps.queue_log2_max < 1 || straps.queue_log2_max > 32) return out_of_range("queue_log2_max", "1 to 32");
  if (straps.rcid_bits > 12) return out_of_range("rcid_bits", "0 to 12");
  if (straps.mcid_bits > 12) return out_of_range("mcid_bits", "0 to 12");
  if (cap.hpm()) {
    if (straps.hpm_counters < 1 || straps.hpm_counters > 31) return out_of_range("hpm_counters", "1 to 31");
    if (straps.hpm_counter_bits < 32 || straps.hpm_counter_bits > 64) {
      return out_of_range("hpm_counter_bits", "32 to 64");
    }
  }
  straps_ = straps;
  cap_ = cap;
  reg_ = {};
  // The specification leaves it open; the card's counters stand until they are wanted.
  if (cap.hpm()) reg_.iocountinh = static_cast<std::uint32_t>(ones(straps.hpm_counters + 1U));
  reg_.be = bit(straps.fctl, 0);
  switch (cap.igs()) {
    case Capabilities::Igs::kMsi:
      reg_.wsi = false;
      break;
    case Capabilities::Igs::kWsi:
      reg_.wsi = true;
      break;
    case Capabilities::Igs::kBoth:
      reg_.wsi = bit(straps.fctl, 1);
      break;
  }
  reg_.gxl = bit(straps.fctl, 2);
  reg_.iommu_mode = straps.reset_bare ? kBare : kOff;
  memory_.clear();
  memory_.clear_faults();
  outbox_ = {};
  tags_ = {};
  invalidation_timed_out_ = false;
  cycle_ = 0;
  walk_reads_ = 0;
  return {};
}

void Model::write_memory(std::uint64_t address, std::span<const std::byte> data) { memory_.write(address, data); }

std::vector<std::byte> Model::read_memory(std::uint64_t address, std::size_t length) {
  std::vector<std::byte> data(length);
  memory_.read(address, data);
  return data;
}

void Model::set_fault(std::uint64_t address, std::uint64_t length, MemoryFault fault) {
  if (length != 0) memory_.fault(address, length, fault);
}

Settled Model::settle(std::uint64_t) { return {true, 0}; }

void Model::advance(std::uint64_t cycles) {
  cycle_ += cycles;
  count_cycles(cycles);
  expire_invalidations();
}

Messages Model::messages() {
  Messages sent = std::exchange(outbox_, {});
  if (reg_.wsi) {
    for (const Interrupt i :
         {Interrupt::kCommandQueue, Interrupt::kFaultQueue, Interrupt::kPerformance, Interrupt::kPageRequest}) {
      if (bit(reg_.ipsr, static_cast<unsigned>(i))) sent.wires |= 1U << vector_of(i);
    }
  }
  return sent;
}

}  // namespace aperture::tb::model
