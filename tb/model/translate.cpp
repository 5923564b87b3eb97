// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Data Structures", section "Process to translate an IOVA"; its step numbers are below.
#include <algorithm>

#include "tb/model/model.hpp"

namespace aperture::tb::model {

Scheme Model::first_scheme(std::uint64_t fsc, bool sxl) {
  switch (bits(fsc, 63, 60)) {
    case 8:
      return sxl ? kSv32 : kSv39;
    case 9:
      return kSv48;
    case 10:
      return kSv57;
    default:
      return kBareScheme;
  }
}

Scheme Model::second_scheme(std::uint64_t iohgatp) const {
  switch (bits(iohgatp, 63, 60)) {
    case 8:
      return reg_.gxl ? kSv32 : kSv39;
    case 9:
      return kSv48;
    case 10:
      return kSv57;
    default:
      return kBareScheme;
  }
}

Outcome<Translation> Model::translate(const Request& request) {
  const bool untranslated = request.type == AccessType::kUntranslated;
  // 1
  if (reg_.iommu_mode == kOff) return stop(Cause::kAllInboundDisallowed);
  // 2
  if (reg_.iommu_mode == kBare) {
    if (!untranslated) return stop(Cause::kTransactionTypeDisallowed);
    return Translation{.gpa = request.iova, .pa = request.iova, .size = kPageSize, .granted = request.wanted};
  }
  // 3 to 6
  const Outcome<DeviceContext> dc = locate_device_context(request.device_id, request.counted);
  if (!dc) return std::unexpected(dc.error());

  Context context{.request = request, .dc = *dc};
  Outcome<Translation> result = translate_in(context);
  if (!result) {
    result.error().dtf = dc->dtf;
  } else {
    result->dtf = dc->dtf;
    result->t2gpa = dc->t2gpa;
  }
  return result;
}

/// With the device context found: steps 7 to 16.
Outcome<Translation> Model::translate_in(Context& context) {
  const Request& request = context.request;
  const DeviceContext& dc = context.dc;
  const bool untranslated = request.type == AccessType::kUntranslated;
  const bool translated = request.type == AccessType::kTranslated;
  const std::uint64_t pdtp_mode = bits(dc.fsc, 63, 60);
  // 7
  if (!untranslated && !dc.en_ats) return stop(Cause::kTransactionTypeDisallowed);
  if (request.process_id) {
    if (!dc.pdtv) return stop(Cause::kTransactionTypeDisallowed);
    if (pdtp_mode == 1 && *request.process_id > ones(8)) return stop(Cause::kTransactionTypeDisallowed);
    if (pdtp_mode == 2 && *request.process_id > ones(17)) return stop(Cause::kTransactionTypeDisallowed);
  }
  // 8
  if (translated && !dc.t2gpa) {
    return Translation{.gpa = request.iova, .pa = request.iova, .size = kPageSize, .granted = request.wanted};
  }
  context.second = {second_scheme(dc.iohgatp), bits(dc.iohgatp, 43, 0), true, dc.gade, reg_.be};
  if (!context.second.scheme.bare()) context.gscid = static_cast<std::uint32_t>(bits(dc.iohgatp, 59, 44));
  // 9: the first stage stays Bare
  if (translated) return translate_stages(context);
  // 10
  if (!dc.pdtv) {
    context.first = {first_scheme(dc.fsc, dc.sxl), bits(dc.fsc, 43, 0), false, dc.sade, dc.sbe};
    if (!context.first.scheme.bare()) context.pscid = static_cast<std::uint32_t>(bits(dc.ta, 31, 12));
    return translate_stages(context);
  }
  // 11, 12, 13
  if ((!request.process_id && !dc.dpe) || pdtp_mode == 0) return translate_stages(context);
  // 14
  const Outcome<ProcessContext> pc = locate_process_context(context, request.process_id.value_or(0));
  if (!pc) return std::unexpected(pc.error());
  // 15
  if (request.privileged && !pc->ens) return stop(Cause::kTransactionTypeDisallowed);
  // 16
  context.privileged = request.privileged;
  context.sum = pc->sum;
  context.first = {first_scheme(pc->fsc, dc.sxl), bits(pc->fsc, 43, 0), false, dc.sade, dc.sbe};
  if (!context.first.scheme.bare()) context.pscid = pc->pscid;
  return translate_stages(context);
}

/// Steps 17 to 20. Memory types merge as "Svpbmt" says for two-stage address translation.
Outcome<Translation> Model::translate_stages(Context& context) {
  const Request& request = context.request;
  const bool walks = !context.first.scheme.bare() || !context.second.scheme.bare();
  if (walks && request.counted) count(Event::kTlbMiss, subject(context));
  // 17
  const Outcome<Leaf> first = first_stage(context);
  if (!first) return std::unexpected(first.error());
  const std::uint64_t gpa = first->address;
  Outcome<Translation> result;
  if (context.dc.msi_flat && is_virtual_interrupt_file(context.dc, gpa)) {
    // 18
    result = translate_msi(context, gpa);
    if (!result) return result;
    result->granted = result->granted & first->granted;
  } else {
    // 19
    const Outcome<Leaf> second = second_stage(context, gpa, request.wanted, 0);
    if (!second) return std::unexpected(second.error());
    result = Translation{.pa = second->address, .granted = second->granted & first->granted, .pbmt = second->pbmt};
    if (first->size != 0 && second->size != 0) {
      result->size = std::min(first->size, second->size);
    } else {
      result->size = std::max({first->size, second->size, std::uint64_t{kPageSize}});
    }
  }
  // 20
  result->gpa = gpa;
  if (first->pbmt != 0) result->pbmt = first->pbmt;
  result->global = first->global;
  return result;
}

}  // namespace aperture::tb::model
