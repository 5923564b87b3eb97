// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "In-memory queue interface", section "Fault/Event-Queue".
//
// Decided here: while the queue is off, records are lost without a trace.
#include "tb/model/model.hpp"

namespace aperture::tb::model {
namespace {

/// "Fault record TTYP field encodings"
unsigned ttyp(const Request& request) {
  if (request.type == AccessType::kAts) return 8;
  const unsigned base = request.type == AccessType::kTranslated ? 4 : 0;
  switch (request.original) {
    case Original::kExecute:
      return base + 1;
    case Original::kWrite:
      return base + 3;
    case Original::kRead:
      break;
  }
  return base + 2;
}

}  // namespace

void Model::report(const Fault& fault, const Request& request) {
  if (fault.dtf && row(fault.cause).silenced_by_dtf) return;
  report({.cause = fault.cause,
          .ttyp = ttyp(request),
          .device_id = request.device_id,
          .process_id = request.process_id,
          .privileged = request.privileged,
          .iotval = request.iova,
          .iotval2 = fault.iotval2});
}

void Model::report(const Record& record) {
  Queue& fq = reg_.fq;
  if (!fq.enabled || (fq.status & (kMemoryFaultBit | kOverflowBit)) != 0) return;
  if (fq.full()) {
    fq.status |= kOverflowBit;
    update_interrupts();
    return;
  }
  const bool pv = record.process_id.has_value();
  const std::array<std::uint64_t, 4> words{place(static_cast<std::uint64_t>(record.cause), 11, 0) |
                                               place(record.process_id.value_or(0), 31, 12) | place(pv, 32, 32) |
                                               place(pv && record.privileged, 33, 33) | place(record.ttyp, 39, 34) |
                                               place(record.device_id, 63, 40),
                                           0, record.iotval, record.iotval2};
  if (!store((fq.ppn << 12) + std::uint64_t{fq.tail} * 32, words, reg_.be)) {
    fq.status |= kMemoryFaultBit;
    update_interrupts();
    return;
  }
  fq.tail = fq.next(fq.tail);
  if (fq.interrupts) raise(Interrupt::kFaultQueue);
}

}  // namespace aperture::tb::model
