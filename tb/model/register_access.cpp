// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Memory-mapped register interface": reads and writes of each register, in the order of the
// layout.
//
// Decided here, beyond what is agreed for all cards:
// - A 4-byte write of the high half of ddtp is kept aside: reads show the value in force until the low half is written.
//   An 8-byte write that is ignored leaves the half kept aside as it was.
// - A write of a table mode while a table mode is in force is ignored, the same mode included.
// - iocountinh has bits for the counters that exist. msi_cfg_tbl has entries for the vectors that exist.
// - A write of fence_w_ip clears it whatever fctl.WSI says.
#include <algorithm>

#include "tb/model/model.hpp"

namespace aperture::tb::model {
namespace {

constexpr std::uint64_t kPpnField = field_mask(53, 10);
constexpr std::uint64_t kTrReqCtlFields = field_mask(3, 1) | field_mask(32, 12) | field_mask(63, 40);

bool in_array(std::uint32_t offset, std::uint32_t first) { return offset >= first && offset < first + 31 * 8; }
unsigned array_index(std::uint32_t offset, std::uint32_t first) { return (offset - first) / 8 + 1; }

}  // namespace

/// Whether an 8-byte register is at `offset`; optional ones that are absent count, and read as 0.
bool Model::has_doubleword(std::uint32_t offset) const {
  if (offset >= kMsiCfgTbl && offset < kMsiCfgTbl + 256) return offset % 16 == 0;
  if (in_array(offset, kIohpmctr1) || in_array(offset, kIohpmevt1)) return true;
  switch (offset) {
    case kCapabilities:
    case kDdtp:
    case kCqb:
    case kFqb:
    case kPqb:
    case kIohpmcycles:
    case kTrReqIova:
    case kTrReqCtl:
    case kTrResponse:
    case kIcvec:
      return true;
    default:
      return false;
  }
}

std::uint64_t Model::read_register(std::uint32_t offset, unsigned size) {
  const std::uint32_t aligned = offset & ~7U;
  if (has_doubleword(aligned)) {
    const std::uint64_t value = read64(aligned);
    if (size == 8) return offset == aligned ? value : 0;
    return size == 4 ? bits(value >> (offset & 4) * 8, 31, 0) : 0;
  }
  return size == 4 ? read32(offset) : 0;
}

void Model::write_register(std::uint32_t offset, unsigned size, std::uint64_t value) {
  const std::uint32_t aligned = offset & ~7U;
  if (has_doubleword(aligned)) {
    if (size == 8 && offset == aligned) write64(aligned, value, true);
    if (size == 4) {
      const bool high = offset != aligned;
      const std::uint64_t old = aligned == kDdtp ? std::uint64_t{reg_.ddtp_high} << 32 : read64(aligned);
      const std::uint64_t merged = high ? (old & ones(32)) | value << 32 : (old & ~ones(32)) | (value & ones(32));
      write64(aligned, merged, !high);
    }
  } else if (size == 4) {
    write32(offset, static_cast<std::uint32_t>(value));
  }
  update_interrupts();
  run_commands();
}

std::uint64_t Model::read64(std::uint32_t offset) const {
  if (offset >= kMsiCfgTbl && offset < kMsiCfgTbl + 256) {
    return cap_.igs() == Capabilities::Igs::kWsi ? 0 : reg_.msi_cfg_tbl[(offset - kMsiCfgTbl) / 16].address;
  }
  if (in_array(offset, kIohpmctr1)) return reg_.iohpmctr[array_index(offset, kIohpmctr1)];
  if (in_array(offset, kIohpmevt1)) return reg_.iohpmevt[array_index(offset, kIohpmevt1)];
  switch (offset) {
    case kCapabilities:
      return cap_.raw;
    case kDdtp:
      return reg_.ddtp();
    case kCqb:
      return reg_.cq.base();
    case kFqb:
      return reg_.fq.base();
    case kPqb:
      return reg_.pq.base();
    case kIohpmcycles:
      return reg_.iohpmcycles;
    case kTrReqIova:
      return reg_.tr_req_iova;
    case kTrReqCtl:
      return reg_.tr_req_ctl;
    case kTrResponse:
      return reg_.tr_response;
    case kIcvec:
      return reg_.icvec;
    default:
      return 0;
  }
}

std::uint32_t Model::read32(std::uint32_t offset) const {
  if (offset >= kMsiCfgTbl && offset < kMsiCfgTbl + 256) {
    const Vector& vector = reg_.msi_cfg_tbl[(offset - kMsiCfgTbl) / 16];
    return offset % 16 == 8 ? vector.data : static_cast<std::uint32_t>(vector.masked);
  }
  switch (offset) {
    case kFctl:
      return (reg_.be ? 1U : 0U) | (reg_.wsi ? 2U : 0U) | (reg_.gxl ? 4U : 0U);
    case kCqh:
      return reg_.cq.head;
    case kCqt:
      return reg_.cq.tail;
    case kFqh:
      return reg_.fq.head;
    case kFqt:
      return reg_.fq.tail;
    case kPqh:
      return reg_.pq.head;
    case kPqt:
      return reg_.pq.tail;
    case kCqcsr:
      return reg_.cq.csr();
    case kFqcsr:
      return reg_.fq.csr();
    case kPqcsr:
      return reg_.pq.csr();
    case kIpsr:
      return reg_.ipsr;
    case kIocountovf: {
      std::uint32_t overflows = bit(reg_.iohpmcycles, 63) ? 1 : 0;
      for (unsigned i = 1; i < 32; ++i) overflows |= (bit(reg_.iohpmevt[i], 63) ? 1U : 0U) << i;
      return overflows;
    }
    case kIocountinh:
      return reg_.iocountinh;
    case kIommuQosid:
      return reg_.iommu_qosid;
    default:
      return 0;
  }
}

/// `low_half`: the low half is among the bytes written, which is what ddtp and tr_req_ctl act upon.
void Model::write64(std::uint32_t offset, std::uint64_t value, bool low_half) {
  if (offset >= kMsiCfgTbl && offset < kMsiCfgTbl + 256) {
    const unsigned index = (offset - kMsiCfgTbl) / 16;
    if (cap_.igs() == Capabilities::Igs::kWsi || index >> straps_.vectors_log2 != 0) return;
    reg_.msi_cfg_tbl[index].address = value & field_mask(55, 2);
    return;
  }
  if (in_array(offset, kIohpmctr1)) {
    const unsigned index = array_index(offset, kIohpmctr1);
    if (cap_.hpm() && index <= straps_.hpm_counters) reg_.iohpmctr[index] = value & ones(straps_.hpm_counter_bits);
    return;
  }
  if (in_array(offset, kIohpmevt1)) return write_event_selector(array_index(offset, kIohpmevt1), value);
  switch (offset) {
    case kDdtp:
      return write_ddtp(value, low_half);
    case kCqb:
      return write_base(reg_.cq, value);
    case kFqb:
      return write_base(reg_.fq, value);
    case kPqb:
      if (cap_.ats()) write_base(reg_.pq, value);
      return;
    case kIohpmcycles:
      if (cap_.hpm()) reg_.iohpmcycles = value;
      return;
    case kTrReqIova:
      if (cap_.dbg()) reg_.tr_req_iova = value & field_mask(63, 12);
      return;
    case kTrReqCtl:
      if (!cap_.dbg()) return;
      reg_.tr_req_ctl = value & kTrReqCtlFields;
      if (low_half && bit(value, 0)) translate_for_debug();
      return;
    case kIcvec:
      for (unsigned i = 0; i < 4; ++i) {
        const unsigned low = 4 * i;
        const std::uint64_t vector = bits(value, low + 3, low) & ones(straps_.vectors_log2);
        reg_.icvec = static_cast<std::uint32_t>((reg_.icvec & ~field_mask(low + 3, low)) | vector << low);
      }
      return;
    default:
      return;
  }
}

void Model::write32(std::uint32_t offset, std::uint32_t value) {
  if (offset >= kMsiCfgTbl && offset < kMsiCfgTbl + 256) {
    const unsigned index = (offset - kMsiCfgTbl) / 16;
    if (cap_.igs() == Capabilities::Igs::kWsi || index >> straps_.vectors_log2 != 0) return;
    return write_vector(reg_.msi_cfg_tbl[index], offset, value);
  }
  switch (offset) {
    case kFctl:
      return write_fctl(value);
    case kCqt:
      reg_.cq.tail = value & reg_.cq.index_mask();
      return;
    case kFqh:
      reg_.fq.head = value & reg_.fq.index_mask();
      return;
    case kPqh:
      if (cap_.ats()) reg_.pq.head = value & reg_.pq.index_mask();
      return;
    case kCqcsr:
      return write_csr(reg_.cq, value, kMemoryFaultBit | kCommandTimeoutBit | kCommandIllegalBit | kFenceWaitBit);
    case kFqcsr:
      return write_csr(reg_.fq, value, kMemoryFaultBit | kOverflowBit);
    case kPqcsr:
      if (cap_.ats()) write_csr(reg_.pq, value, kMemoryFaultBit | kOverflowBit);
      return;
    case kIpsr:
      reg_.ipsr &= ~value;
      return;
    case kIocountinh:
      if (cap_.hpm()) reg_.iocountinh = value & static_cast<std::uint32_t>(ones(straps_.hpm_counters + 1U));
      return;
    case kIommuQosid:
      if (!cap_.qosid()) return;
      reg_.iommu_qosid = static_cast<std::uint32_t>(value & (ones(straps_.rcid_bits) | ones(straps_.mcid_bits) << 16));
      return;
    default:
      return;
  }
}

// "Features-control register"
void Model::write_fctl(std::uint32_t value) {
  if (reg_.iommu_mode != kOff || reg_.cq.enabled || reg_.fq.enabled || reg_.pq.enabled) return;
  if (be_writable()) reg_.be = bit(value, 0);
  if (cap_.igs() == Capabilities::Igs::kBoth) reg_.wsi = bit(value, 1);
  if (gxl_writable()) reg_.gxl = bit(value, 2);
}

// "Device-directory-table pointer"
void Model::write_ddtp(std::uint64_t value, bool low_half) {
  if (!low_half) {
    reg_.ddtp_high = static_cast<std::uint32_t>(value >> 32);
    return;
  }
  const auto mode = static_cast<unsigned>(bits(value, 3, 0));
  const bool there = mode <= kBare || mode - kBare <= straps_.ddt_levels_max;
  if (!there || (reg_.iommu_mode >= k1Lvl && mode >= k1Lvl)) return;
  reg_.iommu_mode = mode;
  reg_.ddt_ppn = bits(value, 53, 10);
  reg_.ddtp_high = static_cast<std::uint32_t>((value & kPpnField) >> 32);
}

// "Command-queue base", "Fault queue base", "Page-request-queue base"
void Model::write_base(Queue& queue, std::uint64_t value) {
  if (queue.enabled) return;
  queue.ppn = bits(value, 53, 10);
  queue.log2_minus_1 = std::min(static_cast<unsigned>(bits(value, 4, 0)), straps_.queue_log2_max - 1U);
  queue.tail = 0;
  if (&queue != &reg_.cq) queue.head = 0;
}

// "Command-queue CSR", "Fault queue CSR", "Page-request-queue CSR"
void Model::write_csr(Queue& queue, std::uint32_t value, std::uint32_t clearable) {
  const bool enabled = bit(value, 0);
  queue.status &= ~(value & clearable);
  queue.interrupts = bit(value, 1);
  if (enabled && !queue.enabled) {
    queue.status = 0;
    if (&queue == &reg_.cq) {
      queue.head = 0;
      invalidation_timed_out_ = false;
    } else {
      queue.tail = 0;
    }
  }
  queue.enabled = enabled;
}

// "Performance-monitoring event selectors"
void Model::write_event_selector(unsigned index, std::uint64_t value) {
  if (!cap_.hpm() || index > straps_.hpm_counters) return;
  if (bits(value, 14, 0) > straps_.hpm_event_max) value &= ~field_mask(14, 0);
  reg_.iohpmevt[index] = value;
}

// "MSI configuration table": data and vector control
void Model::write_vector(Vector& vector, std::uint32_t offset, std::uint32_t value) {
  if (offset % 16 == 8) {
    vector.data = value;
    return;
  }
  vector.masked = bit(value, 0);
  if (!vector.masked && vector.pending) send_vector(vector);
}

}  // namespace aperture::tb::model
