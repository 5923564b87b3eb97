// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Data Structures", section "PCIe ATS translation request handling".
//
// Decided here:
// - W is granted only to a request that is not "no-write" (but an MRIF answers R = W = 1 to any).
// - Without hardware updates, D = 0 denies W like a missing W permission; A = 0 is a page fault.
// - A and D bits are set for what the answer grants, in both stages; nothing granted sets none.
// - A request that asks for several things at once faults as execute before write before read.
// - The size is that of the page tables, also if pages of virtual interrupt files lie in a larger page.
// - The answer for an MRIF has the IOVA's page as its address, PBMT 0. Where R = W = X = 0 so are all the rest but
// Priv.
#include "tb/model/model.hpp"

namespace aperture::tb::model {

/// First what would be granted, then the translation for exactly that, which sets A and D bits.
Outcome<Translation> Model::translate_ats(Request request) {
  request.probe = true;
  Outcome<Translation> probe = translate(request);
  if (!probe) return probe;
  // "The X permission is granted only if the R permission is also granted".
  probe->granted.x = probe->granted.x && probe->granted.r;
  if (!probe->granted.any()) return probe;
  request.probe = false;
  request.counted = false;
  request.wanted = probe->granted;
  return translate(request);
}

Result<AtsResult> Model::ats(const DeviceAccess& access) {
  if (access.type != AccessType::kAts) return fail(Code::kInvalid, EINVAL, "an ATS request has the type kAts");
  Request request{.device_id = access.device_id,
                  .process_id = access.process_id,
                  .privileged = access.privileged && access.process_id,
                  .type = AccessType::kAts,
                  .wanted = {.r = true, .w = access.write, .x = access.exec},
                  .iova = access.iova};
  if (access.write) request.original = Original::kWrite;
  if (access.exec) request.original = Original::kExecute;
  count(Event::kAtsRequest, {.device_id = access.device_id, .process_id = access.process_id});

  AtsResult result{.size = kPageSize, .priv = request.privileged};
  const Outcome<Translation> translation = translate_ats(request);
  if (!translation) {
    const Fault& fault = translation.error();
    result.status = row(fault.cause).ats;
    if (result.status != kSuccess) {
      report(fault, request);
      result = {.status = result.status};
    }
    return result;
  }
  if (!translation->granted.any()) return result;
  if (translation->msi == AccessResult::Msi::kMrif) {
    result.pa = access.iova & ~(kPageSize - 1);
    result.r = result.w = result.untranslated = true;
    return result;
  }
  const std::uint64_t address = translation->t2gpa ? translation->gpa : translation->pa;
  result.size = translation->size;
  result.pa = address & ~(translation->size - 1);
  result.r = translation->granted.r;
  result.w = translation->granted.w;
  result.x = translation->granted.x;
  result.global = translation->global && access.process_id && translation->msi == AccessResult::Msi::kNone;
  result.pbmt = translation->pbmt;
  return result;
}

}  // namespace aperture::tb::model
