// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Data Structures", sections "MSI address mask and pattern" and "Process to translate addresses
// of MSIs" (its step numbers are below). RISC-V Advanced Interrupt Architecture, chapter "IOMMU Support for MSIs to
// Virtual Machines".
//
// Decided here: a notice MSI that memory refuses is reported as "IOMMU MSI write access fault" with its address.
#include "tb/model/model.hpp"

namespace aperture::tb::model {
namespace {

constexpr unsigned kMrifMode = 1, kBasicTranslateMode = 3;

}  // namespace

bool Model::is_virtual_interrupt_file(const DeviceContext& dc, std::uint64_t gpa) {
  return (gpa >> 12 & ~dc.msi_mask) == (dc.msi_pattern & ~dc.msi_mask);
}

Outcome<Translation> Model::translate_msi(const Context& context, std::uint64_t gpa) {
  const DeviceContext& dc = context.dc;
  // 5
  const std::uint64_t file = extract(gpa >> 12, dc.msi_mask);
  // 6
  const std::uint64_t m = dc.msi_ppn << 12;
  // 7, 8
  std::array<std::uint64_t, 2> msipte{};
  ++walk_reads_;
  const Reply reply = load(m | file * 16, msipte, reg_.be);
  if (reply == Reply::kError) return stop(Cause::kMsiPteLoadAccessFault);
  if (reply == Reply::kPoison) return stop(Cause::kMsiPtDataCorruption);
  // 9
  if (!bit(msipte[0], 0)) return stop(Cause::kMsiPteNotValid);
  // 10, 11, 12
  const bool custom = bit(msipte[0], 63);
  const std::uint64_t mode = bits(msipte[0], 2, 1);
  if (custom || (mode != kMrifMode && mode != kBasicTranslateMode)) return stop(Cause::kMsiPteMisconfigured);

  Translation result{.size = kPageSize, .granted = {.r = true, .w = true}};
  if (mode == kBasicTranslateMode) {
    // 13
    if ((msipte[0] & (field_mask(9, 3) | field_mask(62, 54))) != 0) return stop(Cause::kMsiPteMisconfigured);
    result.msi = AccessResult::Msi::kFlat;
    result.pa = bits(msipte[0], 53, 10) << 12 | bits(gpa, 11, 0);
  } else {
    // 14
    if (!cap_.msi_mrif()) return stop(Cause::kMsiPteMisconfigured);
    if ((msipte[0] & (field_mask(6, 3) | field_mask(62, 54))) != 0) return stop(Cause::kMsiPteMisconfigured);
    if ((msipte[1] & (field_mask(59, 54) | field_mask(63, 61))) != 0) return stop(Cause::kMsiPteMisconfigured);
    result.msi = AccessResult::Msi::kMrif;
    result.pa = bits(msipte[0], 53, 7) * 512;
    result.notice = bits(msipte[1], 53, 10) << 12;
    result.nid = static_cast<std::uint32_t>(bits(msipte[1], 60, 60) << 10 | bits(msipte[1], 9, 0));
  }
  // 15
  const Request& request = context.request;
  if (request.type != AccessType::kAts && request.original == Original::kExecute) {
    return stop(Cause::kInstructionAccessFault);
  }
  result.granted = result.granted & request.offered();
  return result;
}

/// AIA, section "MSI PTE, MRIF mode": the access that reached a page whose interrupt file is in memory.
AccessResult Model::access_mrif(const DeviceAccess& access, const Translation& translation, const Request& request) {
  AccessResult result{.ok = true, .pa = translation.pa, .pbmt = translation.pbmt, .msi = translation.msi};
  result.nid = translation.nid;
  result.notice = translation.notice;
  const std::uint64_t offset = bits(access.iova, 11, 0);
  if (access.length != 4 || offset % 4 != 0) return {};
  if (!access.write) {
    result.data.assign(4, std::byte{0});
    return result;
  }
  if (!access.data || offset == 4) return {};
  std::uint32_t d = 0;
  for (unsigned i = 0; i < 4; ++i) d |= std::to_integer<std::uint32_t>((*access.data)[i]) << 8 * i;
  if (offset != 0 || d >> 11 != 0) return result;  // accepted but discarded
  if (const std::optional<Cause> cause = set_pending(translation.pa, d)) {
    report({*cause, 0, translation.dtf}, request);
    return {};
  }
  send_msi(translation.notice, translation.nid);
  return result;
}

/// AIA, section "Format of a memory-resident interrupt file": little-endian always.
std::optional<Cause> Model::set_pending(std::uint64_t mrif, std::uint32_t identity) {
  const std::uint64_t address = mrif + identity / 64 * 16;
  std::uint64_t pending = 0;
  const Reply reply = load(address, std::span(&pending, 1), false);
  if (reply == Reply::kPoison) return Cause::kMrifDataCorruption;
  if (reply == Reply::kError) return Cause::kMrifAccessFault;
  pending |= std::uint64_t{1} << identity % 64;
  if (!store(address, std::span<const std::uint64_t>(&pending, 1), false)) return Cause::kMrifAccessFault;
  return std::nullopt;
}

}  // namespace aperture::tb::model
