// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Data Structures", sections "Process to locate the Device-context" and "Device-context
// configuration checks".
#include "tb/model/model.hpp"

namespace aperture::tb::model {
namespace {

// Doublewords of a DC.
enum { kTc, kIohgatp, kTa, kFsc, kMsiptp, kMsiAddrMask, kMsiAddrPattern, kReservedWord };

/// Bits of the widest guest physical address, MGPAW: that of the widest second stage, without one that of physical
/// addresses.
unsigned guest_address_bits(const Capabilities& cap) {
  if (cap.sv57x4()) return 59;
  if (cap.sv48x4()) return 50;
  if (cap.sv39x4()) return 41;
  if (cap.sv32x4()) return 34;
  return cap.pas();
}

std::uint64_t mode_of(std::uint64_t pointer) { return bits(pointer, 63, 60); }

DeviceContext decode(std::span<const std::uint64_t> dc) {
  DeviceContext d;
  d.en_ats = bit(dc[kTc], 1);
  d.en_pri = bit(dc[kTc], 2);
  d.t2gpa = bit(dc[kTc], 3);
  d.dtf = bit(dc[kTc], 4);
  d.pdtv = bit(dc[kTc], 5);
  d.prpr = bit(dc[kTc], 6);
  d.gade = bit(dc[kTc], 7);
  d.sade = bit(dc[kTc], 8);
  d.dpe = bit(dc[kTc], 9);
  d.sbe = bit(dc[kTc], 10);
  d.sxl = bit(dc[kTc], 11);
  d.iohgatp = dc[kIohgatp];
  d.ta = dc[kTa];
  d.fsc = dc[kFsc];
  if (dc.size() == 8) {
    d.msi_flat = mode_of(dc[kMsiptp]) == 1;
    d.msi_ppn = bits(dc[kMsiptp], 43, 0);
    d.msi_mask = bits(dc[kMsiAddrMask], 51, 0);
    d.msi_pattern = bits(dc[kMsiAddrPattern], 51, 0);
  }
  return d;
}

}  // namespace

/// Steps 3 to 6 of "Process to translate an IOVA".
Outcome<DeviceContext> Model::locate_device_context(std::uint32_t device_id, bool counted) {
  // 3, 4
  const bool extended = cap_.msi_flat();
  const std::array<std::uint64_t, 3> ddi =
      extended ? std::array<std::uint64_t, 3>{bits(device_id, 5, 0), bits(device_id, 14, 6), bits(device_id, 23, 15)}
               : std::array<std::uint64_t, 3>{bits(device_id, 6, 0), bits(device_id, 15, 7), bits(device_id, 23, 16)};
  // 5
  if (reg_.iommu_mode == k2Lvl && ddi[2] != 0) return stop(Cause::kTransactionTypeDisallowed);
  if (reg_.iommu_mode == k1Lvl && (ddi[2] != 0 || ddi[1] != 0)) return stop(Cause::kTransactionTypeDisallowed);

  // 6: "Process to locate the Device-context"
  std::uint64_t a = reg_.ddt_ppn << 12;
  for (unsigned i = reg_.iommu_mode - k1Lvl; i > 0; --i) {
    std::uint64_t ddte = 0;
    ++walk_reads_;
    if (counted) count(Event::kDdtWalk, {.device_id = device_id});
    const Reply reply = load(a + ddi[i] * 8, std::span(&ddte, 1), reg_.be);
    if (reply == Reply::kError) return stop(Cause::kDdtLoadAccessFault);
    if (reply == Reply::kPoison) return stop(Cause::kDdtDataCorruption);
    if (!bit(ddte, 0)) return stop(Cause::kDdtNotValid);
    if ((ddte & (field_mask(9, 1) | field_mask(63, 54))) != 0) return stop(Cause::kDdtMisconfigured);
    a = bits(ddte, 53, 10) << 12;
  }
  std::array<std::uint64_t, 8> words{};
  const auto dc = std::span(words).first(extended ? 8 : 4);
  ++walk_reads_;
  if (counted) count(Event::kDdtWalk, {.device_id = device_id});
  const Reply reply = load(a + ddi[0] * dc.size() * 8, dc, reg_.be);
  if (reply == Reply::kError) return stop(Cause::kDdtLoadAccessFault);
  if (reply == Reply::kPoison) return stop(Cause::kDdtDataCorruption);
  if (!bit(dc[kTc], 0)) return stop(Cause::kDdtNotValid);
  if (misconfigured(dc)) return stop(Cause::kDdtMisconfigured);
  return decode(dc);
}

/// "Encodings of iosatp.MODE field", as far as `capabilities` has them.
bool Model::first_stage_mode_valid(std::uint64_t mode, bool sxl) const {
  switch (mode) {
    case 0:
      return true;
    case 8:
      return sxl ? cap_.sv32() : cap_.sv39();
    case 9:
      return !sxl && cap_.sv48();
    case 10:
      return !sxl && cap_.sv57();
    default:
      return false;
  }
}

/// "Device-context configuration checks", in the order of the text.
bool Model::misconfigured(std::span<const std::uint64_t> dc) const {
  const DeviceContext d = decode(dc);
  const std::uint64_t fsc_mode = mode_of(d.fsc);
  const std::uint64_t hgatp_mode = mode_of(d.iohgatp);

  // Bits that are reserved for future standard use.
  if ((dc[kTc] & (field_mask(23, 12) | field_mask(63, 32))) != 0) return true;
  if ((d.ta & (field_mask(11, 0) | field_mask(39, 32))) != 0) return true;
  if (!cap_.qosid() && bits(d.ta, 63, 40) != 0) return true;
  if ((d.fsc & field_mask(59, 44)) != 0) return true;
  if (dc.size() == 8) {
    if ((dc[kMsiptp] & field_mask(59, 44)) != 0) return true;
    const unsigned beyond = guest_address_bits(cap_) - 12;
    if (((dc[kMsiAddrMask] | dc[kMsiAddrPattern]) & field_mask(63, beyond)) != 0) return true;
    if (dc[kReservedWord] != 0) return true;
  }

  if (!cap_.ats() && (d.en_ats || d.en_pri || d.prpr)) return true;
  if (!d.en_ats && d.t2gpa) return true;
  if (!d.en_ats && d.en_pri) return true;
  if (!d.en_pri && d.prpr) return true;
  if (!cap_.t2gpa() && d.t2gpa) return true;
  if (d.t2gpa && hgatp_mode == 0) return true;
  if (d.pdtv) {
    const bool supported = fsc_mode == 0 || (fsc_mode == 1 && cap_.pd8()) || (fsc_mode == 2 && cap_.pd17()) ||
                           (fsc_mode == 3 && cap_.pd20());
    if (!supported) return true;
  }
  if (!d.pdtv && !first_stage_mode_valid(fsc_mode, d.sxl)) return true;
  if (!d.pdtv && d.dpe) return true;
  if (reg_.gxl) {
    if (hgatp_mode != 0 && !(hgatp_mode == 8 && cap_.sv32x4())) return true;
  } else {
    const bool supported = hgatp_mode == 0 || (hgatp_mode == 8 && cap_.sv39x4()) ||
                           (hgatp_mode == 9 && cap_.sv48x4()) || (hgatp_mode == 10 && cap_.sv57x4());
    if (!supported) return true;
  }
  if (dc.size() == 8 && mode_of(dc[kMsiptp]) > 1) return true;
  if (d.msi_flat && hgatp_mode == 0) return true;  // recommended
  if (hgatp_mode != 0 && bits(d.iohgatp, 1, 0) != 0) return true;
  if (!cap_.amo_hwad() && (d.sade || d.gade)) return true;
  if (!cap_.end() && reg_.be != d.sbe) return true;
  if (reg_.gxl ? !d.sxl : d.sxl && !gxl_writable()) return true;
  if (!be_writable() && d.sbe != reg_.be) return true;
  if (cap_.qosid()) {
    if (bits(d.ta, 51, 40) > ones(straps_.rcid_bits) || bits(d.ta, 63, 52) > ones(straps_.mcid_bits)) return true;
  }
  return false;
}

}  // namespace aperture::tb::model
