// SPDX-License-Identifier: Apache-2.0
#pragma once

// RISC-V IOMMU, chapter "Memory-mapped register interface": where registers are and what they hold.

#include <array>
#include <cstdint>

#include "tb/model/bits.hpp"

namespace aperture::tb::model {

// "Register layout"
inline constexpr std::uint32_t kCapabilities = 0;
inline constexpr std::uint32_t kFctl = 8;
inline constexpr std::uint32_t kDdtp = 16;
inline constexpr std::uint32_t kCqb = 24;
inline constexpr std::uint32_t kCqh = 32;
inline constexpr std::uint32_t kCqt = 36;
inline constexpr std::uint32_t kFqb = 40;
inline constexpr std::uint32_t kFqh = 48;
inline constexpr std::uint32_t kFqt = 52;
inline constexpr std::uint32_t kPqb = 56;
inline constexpr std::uint32_t kPqh = 64;
inline constexpr std::uint32_t kPqt = 68;
inline constexpr std::uint32_t kCqcsr = 72;
inline constexpr std::uint32_t kFqcsr = 76;
inline constexpr std::uint32_t kPqcsr = 80;
inline constexpr std::uint32_t kIpsr = 84;
inline constexpr std::uint32_t kIocountovf = 88;
inline constexpr std::uint32_t kIocountinh = 92;
inline constexpr std::uint32_t kIohpmcycles = 96;
inline constexpr std::uint32_t kIohpmctr1 = 104;  ///< 31 of them
inline constexpr std::uint32_t kIohpmevt1 = 352;  ///< 31 of them
inline constexpr std::uint32_t kTrReqIova = 600;
inline constexpr std::uint32_t kTrReqCtl = 608;
inline constexpr std::uint32_t kTrResponse = 616;
inline constexpr std::uint32_t kIommuQosid = 624;
inline constexpr std::uint32_t kIcvec = 760;
inline constexpr std::uint32_t kMsiCfgTbl = 768;  ///< 16 entries of 16 bytes

/// "IOMMU capabilities"
struct Capabilities {
  enum class Igs : std::uint8_t { kMsi, kWsi, kBoth };
  std::uint64_t raw = 0;

  bool sv32() const { return bit(raw, 8); }
  bool sv39() const { return bit(raw, 9); }
  bool sv48() const { return bit(raw, 10); }
  bool sv57() const { return bit(raw, 11); }
  bool svrsw60t59b() const { return bit(raw, 14); }
  bool svpbmt() const { return bit(raw, 15); }
  bool sv32x4() const { return bit(raw, 16); }
  bool sv39x4() const { return bit(raw, 17); }
  bool sv48x4() const { return bit(raw, 18); }
  bool sv57x4() const { return bit(raw, 19); }
  bool msi_flat() const { return bit(raw, 22); }
  bool msi_mrif() const { return bit(raw, 23); }
  bool amo_hwad() const { return bit(raw, 24); }
  bool ats() const { return bit(raw, 25); }
  bool t2gpa() const { return bit(raw, 26); }
  bool end() const { return bit(raw, 27); }
  Igs igs() const { return static_cast<Igs>(bits(raw, 29, 28)); }
  bool hpm() const { return bit(raw, 30); }
  bool dbg() const { return bit(raw, 31); }
  unsigned pas() const { return static_cast<unsigned>(bits(raw, 37, 32)); }
  bool pd8() const { return bit(raw, 38); }
  bool pd17() const { return bit(raw, 39); }
  bool pd20() const { return bit(raw, 40); }
  bool qosid() const { return bit(raw, 41); }
  bool nl() const { return bit(raw, 42); }
  bool s() const { return bit(raw, 43); }
};

/// ddtp.iommu_mode
inline constexpr unsigned kOff = 0;
inline constexpr unsigned kBare = 1;
inline constexpr unsigned k1Lvl = 2;
inline constexpr unsigned k2Lvl = 3;
inline constexpr unsigned k3Lvl = 4;

// Status bits of cqcsr, fqcsr and pqcsr.
inline constexpr std::uint32_t kMemoryFaultBit = 1U << 8;     ///< cqmf, fqmf, pqmf
inline constexpr std::uint32_t kOverflowBit = 1U << 9;        ///< fqof, pqof
inline constexpr std::uint32_t kCommandTimeoutBit = 1U << 9;  ///< cmd_to
inline constexpr std::uint32_t kCommandIllegalBit = 1U << 10;
inline constexpr std::uint32_t kFenceWaitBit = 1U << 11;  ///< fence_w_ip

/// Bits of ipsr, and positions of the causes' fields in icvec.
enum class Interrupt : std::uint8_t { kCommandQueue, kFaultQueue, kPerformance, kPageRequest };

/// xqb, xqh, xqt and xqcsr of one queue.
struct Queue {
  std::uint64_t ppn = 0;
  unsigned log2_minus_1 = 0;
  std::uint32_t head = 0;
  std::uint32_t tail = 0;
  bool enabled = false;  ///< xqen; xqon follows at once and busy is never seen
  bool interrupts = false;
  std::uint32_t status = 0;  ///< RW1C bits of xqcsr, in place

  std::uint32_t index_mask() const { return static_cast<std::uint32_t>(ones(log2_minus_1 + 1)); }
  std::uint32_t next(std::uint32_t index) const { return (index + 1) & index_mask(); }
  bool full() const { return next(tail) == head; }
  std::uint64_t base() const { return ppn << 10 | log2_minus_1; }
  std::uint32_t csr() const { return (enabled ? 1U << 16 | 1U : 0U) | (interrupts ? 2U : 0U) | status; }
};

struct Vector {
  std::uint64_t address = 0;
  std::uint32_t data = 0;
  bool masked = false;
  bool pending = false;  ///< a message waits for the mask to go
};

struct Registers {
  bool be = false, wsi = false, gxl = false;  ///< fctl
  unsigned iommu_mode = kOff;
  std::uint64_t ddt_ppn = 0;
  std::uint32_t ddtp_high = 0;  ///< high half as written last, for the write of the low half that acts
  Queue cq, fq, pq;
  std::uint32_t ipsr = 0;
  std::uint32_t iocountinh = 0;
  std::uint64_t iohpmcycles = 0;
  std::array<std::uint64_t, 32> iohpmctr{};  ///< index 0 is not used
  std::array<std::uint64_t, 32> iohpmevt{};
  std::uint64_t tr_req_iova = 0, tr_req_ctl = 0, tr_response = 0;
  std::uint32_t iommu_qosid = 0;
  std::uint32_t icvec = 0;
  std::array<Vector, 16> msi_cfg_tbl{};

  std::uint64_t ddtp() const { return ddt_ppn << 10 | iommu_mode; }
};

}  // namespace aperture::tb::model
