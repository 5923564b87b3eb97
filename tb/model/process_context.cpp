// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Data Structures", sections "Process to locate the Process-context" and "Process-context
// configuration checks".
#include "tb/model/model.hpp"

namespace aperture::tb::model {

/// An entry's address. What happens to the second stage's tables on the way happens to the entry, but page faults.
Outcome<std::uint64_t> Model::directory_address(const Context& context, std::uint64_t gpa) {
  const Outcome<std::uint64_t> address = implicit_address(context, gpa, false);
  if (address) return address;
  const Cause cause = address.error().cause;
  if (cause == access_fault(context.request.original)) return stop(Cause::kPdtLoadAccessFault);
  if (cause == Cause::kPtDataCorruption) return stop(Cause::kPdtDataCorruption);
  return address;
}

Outcome<ProcessContext> Model::locate_process_context(const Context& context, std::uint32_t process_id) {
  const std::array<std::uint64_t, 3> pdi{bits(process_id, 7, 0), bits(process_id, 16, 8), bits(process_id, 19, 17)};
  const DeviceContext& dc = context.dc;
  // 1
  std::uint64_t a = bits(dc.fsc, 43, 0) << 12;
  const auto levels = static_cast<unsigned>(bits(dc.fsc, 63, 60));
  for (unsigned i = levels - 1; i > 0; --i) {
    // 2
    const Outcome<std::uint64_t> address = directory_address(context, a + pdi[i] * 8);
    if (!address) return std::unexpected(address.error());
    // 4 to 7
    std::uint64_t pdte = 0;
    ++walk_reads_;
    if (context.request.counted) count(Event::kPdtWalk, subject(context));
    const Reply reply = load(*address, std::span(&pdte, 1), dc.sbe);
    if (reply == Reply::kError) return stop(Cause::kPdtLoadAccessFault);
    if (reply == Reply::kPoison) return stop(Cause::kPdtDataCorruption);
    if (!bit(pdte, 0)) return stop(Cause::kPdtNotValid);
    if ((pdte & (field_mask(9, 1) | field_mask(63, 54))) != 0) return stop(Cause::kPdtMisconfigured);
    // 8
    a = bits(pdte, 53, 10) << 12;
  }
  // 9
  const Outcome<std::uint64_t> address = directory_address(context, a + pdi[0] * 16);
  if (!address) return std::unexpected(address.error());
  std::array<std::uint64_t, 2> pc{};
  ++walk_reads_;
  if (context.request.counted) count(Event::kPdtWalk, subject(context));
  const Reply reply = load(*address, pc, dc.sbe);
  if (reply == Reply::kError) return stop(Cause::kPdtLoadAccessFault);
  if (reply == Reply::kPoison) return stop(Cause::kPdtDataCorruption);
  // 10
  const std::uint64_t ta = pc[0];
  const std::uint64_t fsc = pc[1];
  if (!bit(ta, 0)) return stop(Cause::kPdtNotValid);
  // 11
  const bool reserved = (ta & (field_mask(11, 3) | field_mask(63, 32))) != 0 || (fsc & field_mask(59, 44)) != 0;
  if (reserved || !first_stage_mode_valid(bits(fsc, 63, 60), dc.sxl)) return stop(Cause::kPdtMisconfigured);
  return ProcessContext{bit(ta, 1), bit(ta, 2), static_cast<std::uint32_t>(bits(ta, 31, 12)), fsc};
}

}  // namespace aperture::tb::model
