// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Data Structures", section "PCIe ATS Page Request handling", and chapter "In-memory queue
// interface", section "Page-Request-Queue".
//
// Decided here:
// - A device_id wider than the mode supports (cause 260) is answered Invalid Request, corrupted data in the DDT (268)
//   Response Failure, as the other faults of their kind.
// - A "Stop Marker" has L = 1 and R = W = 0, with a PASID or without.
// - With pqmf and pqof both 1 the answer is Response Failure.
// - iotval is the message code that PCIe gives to "Page Request", 4.
#include "tb/model/model.hpp"

namespace aperture::tb::model {
namespace {

constexpr unsigned kPageRequestCode = 4;  // of the PCIe message

// Response codes as PCIe numbers them.
constexpr unsigned kResponseSuccess = 0;
constexpr unsigned kInvalidRequest = 1;
constexpr unsigned kResponseFailure = 15;

}  // namespace

/// The status of the response, if the request could not be queued.
std::optional<unsigned> Model::queue_page_request(const PageRequest& request) {
  Queue& pq = reg_.pq;
  if (!pq.enabled || (pq.status & kMemoryFaultBit) != 0) return kResponseFailure;
  if ((pq.status & kOverflowBit) != 0) return kResponseSuccess;
  if (pq.full()) {
    pq.status |= kOverflowBit;
    update_interrupts();
    return kResponseSuccess;
  }
  const bool pv = request.process_id.has_value();
  const std::array<std::uint64_t, 2> words{place(request.process_id.value_or(0), 31, 12) | place(pv, 32, 32) |
                                               place(pv && request.privileged, 33, 33) |
                                               place(pv && request.exec, 34, 34) | place(request.device_id, 63, 40),
                                           request.payload};
  if (!store((pq.ppn << 12) + std::uint64_t{pq.tail} * 16, words, reg_.be)) {
    pq.status |= kMemoryFaultBit;
    update_interrupts();
    return kResponseFailure;
  }
  pq.tail = pq.next(pq.tail);
  if (pq.interrupts) raise(Interrupt::kPageRequest);
  return std::nullopt;
}

Result<std::optional<unsigned>> Model::page_request(const PageRequest& request) {
  const auto locate = [&]() -> Outcome<DeviceContext> {
    if (reg_.iommu_mode == kOff) return stop(Cause::kAllInboundDisallowed);
    if (reg_.iommu_mode == kBare) return stop(Cause::kTransactionTypeDisallowed);
    return locate_device_context(request.device_id, true);
  };
  const Outcome<DeviceContext> dc = locate();

  std::optional<Fault> fault;
  if (!dc) {
    fault = dc.error();
  } else if (!dc->en_ats || !dc->en_pri) {
    fault = Fault{Cause::kTransactionTypeDisallowed, 0, dc->dtf};
  }
  std::optional<unsigned> status;
  if (!fault) {
    status = queue_page_request(request);
  } else {
    status = fault->cause == Cause::kTransactionTypeDisallowed ? kInvalidRequest : kResponseFailure;
    if (!fault->dtf || !row(fault->cause).silenced_by_dtf) {
      report({.cause = fault->cause,
              .ttyp = 9,
              .device_id = request.device_id,
              .process_id = request.process_id,
              .privileged = request.privileged,
              .iotval = kPageRequestCode});
    }
  }
  if (!status) return std::nullopt;

  const bool r = bit(request.payload, 0);
  const bool w = bit(request.payload, 1);
  const bool last = bit(request.payload, 2);
  const bool stop_marker = last && !r && !w;
  if (!last || stop_marker) return std::nullopt;
  const bool prpr = dc && dc->prpr;
  const bool with_pasid = *status == kResponseFailure || prpr;
  outbox_.group_responses.push_back({request.device_id, with_pasid ? request.process_id : std::nullopt,
                                     place(bits(request.payload, 11, 3), 40, 32) | place(*status, 47, 44)});
  return status;
}

}  // namespace aperture::tb::model
