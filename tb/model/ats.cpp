// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Data Structures", section "PCIe ATS translation request handling".
//
// Decided here:
// - W is what the page tables say, with D = 1, also in the answer to a "no-write" request.
// - A leaf that does not allow reads stops the translation: there is nothing left to grant, X needs R.
// - Without hardware updates, A = 0 is a page fault, and so is D = 0 of a leaf that allows the write asked for: the
// translation is not complete, and nothing is granted.
// - Each stage sets D if W is asked for and its own leaf allows it, whatever the other stage says.
// - A request that asks for several things at once faults as write before execute before read; execute counts with a
// PASID.
// - The size is that of the page tables, also if pages of virtual interrupt files lie in a larger page.
// - The answer for an MRIF has the IOVA's page as its address and PBMT 0. Where R = W = X = 0 only Priv may be set.
#include "tb/model/model.hpp"

namespace aperture::tb::model {

Result<AtsResult> Model::ats(const DeviceAccess& access) {
  if (access.type != AccessType::kAts) return fail(Code::kInvalid, EINVAL, "an ATS request has the type kAts");
  Request request{.device_id = access.device_id,
                  .process_id = access.process_id,
                  .privileged = access.privileged && access.process_id,
                  .type = AccessType::kAts,
                  .wanted = {.r = true, .w = access.write, .x = access.exec},
                  .iova = access.iova};
  if (access.exec && access.process_id) request.original = Original::kExecute;
  if (access.write) request.original = Original::kWrite;
  count(Event::kAtsRequest, {.device_id = access.device_id, .process_id = access.process_id});

  AtsResult result{.size = kPageSize, .priv = request.privileged};
  const Outcome<Translation> translation = translate(request);
  if (!translation) {
    const Fault& fault = translation.error();
    result.status = row(fault.cause).ats;
    if (result.status != kSuccess) {
      report(fault, request);
      result = {.status = result.status};
    }
    return result;
  }
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
