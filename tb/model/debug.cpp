// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Debug support".
//
// Decided here: the fields of tr_response beside `fault` are 0 with a fault. NW = 0 asks as a write does (a PTE that
// allows writes allows reads); A and D bits are set as for an access.
#include "tb/model/model.hpp"

namespace aperture::tb::model {

void Model::translate_for_debug() {
  const std::uint64_t ctl = reg_.tr_req_ctl;
  const bool exe = bit(ctl, 2);
  const bool nw = bit(ctl, 3);
  Request request{
      .device_id = static_cast<std::uint32_t>(bits(ctl, 63, 40)), .counted = false, .iova = reg_.tr_req_iova};
  if (bit(ctl, 32)) {
    request.process_id = static_cast<std::uint32_t>(bits(ctl, 31, 12));
    request.privileged = bit(ctl, 1);
  }
  if (!nw) {
    request.original = Original::kWrite;
    request.wanted.w = true;
  } else if (exe) {
    request.original = Original::kExecute;
    request.wanted.x = true;
  } else {
    request.wanted.r = true;
  }
  Outcome<Translation> result = translate(request);
  if (result && result->msi == AccessResult::Msi::kMrif) {
    result = std::unexpected(Fault{Cause::kTransactionTypeDisallowed, 0, result->dtf});
  }
  if (!result) {
    report(result.error(), request);
    reg_.tr_response = 1;
    return;
  }
  // "Translation-response": the size is in the PPN, ones up to a 0 at half of its pages.
  const std::uint64_t pages = result->size / kPageSize;
  std::uint64_t ppn = bits(result->pa, 55, 12);
  if (pages > 1) ppn = (ppn & ~(pages - 1)) | (pages / 2 - 1);
  reg_.tr_response = place(result->pbmt, 8, 7) | place(pages > 1, 9, 9) | place(ppn, 53, 10);
}

}  // namespace aperture::tb::model
