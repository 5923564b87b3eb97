// SPDX-License-Identifier: Apache-2.0
#include "riscv/fault_queue.hpp"

#include <fmt/format.h>

namespace aperture::riscv {
namespace {

namespace csr = regs::iommu::fqcsr_f;
constexpr std::uint64_t kErrors = csr::fqmf.mask() | csr::fqof.mask();
constexpr RecordQueueRegisters kRegisters{
    .queue = {"fault queue", regs::iommu::fqb, regs::iommu::fqh, regs::iommu::fqcsr, csr::fqen.mask() | csr::fie.mask(),
              kErrors, csr::fqon.mask(), csr::busy.mask(), regs::fault::kSize},
    .tail = regs::iommu::fqt,
    .pending = regs::iommu::ipsr_f::fip.mask(),
    .vector = regs::iommu::icvec_f::fiv,
    .overflow = csr::fqof.mask(),
    .memory_fault = csr::fqmf.mask(),
    .record = "a fault record",
    .absence = "it is not started"};

}  // namespace

Fault Fault::decode(std::span<const std::uint64_t> words) {
  namespace w0 = regs::fault::w0;
  const std::uint64_t first = words[w0::kWord];
  Fault fault;
  fault.cause = static_cast<regs::Cause>(w0::cause.get(first));
  fault.ttyp = static_cast<regs::Ttyp>(w0::ttyp.get(first));
  fault.device_id = static_cast<std::uint32_t>(w0::did.get(first));
  if (w0::pv.get(first) != 0) fault.process_id = static_cast<std::uint32_t>(w0::pid.get(first));
  fault.privileged = w0::priv.get(first) != 0;
  fault.iotval = words[regs::fault::iotval::kWord];
  fault.iotval2 = words[regs::fault::iotval2::kWord];
  return fault;
}

std::string to_text(const Fault& fault) {
  std::string text = fmt::format("{} ({}): device {:#x}", regs::to_string(fault.cause),
                                 static_cast<unsigned>(fault.cause), fault.device_id);
  if (fault.process_id)
    text += fmt::format(", process {:#x}{}", *fault.process_id, fault.privileged ? " privileged" : "");
  text += fmt::format(", {}, IOVA {:#x}", regs::to_string(fault.ttyp), fault.iotval);
  if (fault.iotval2 != 0) text += fmt::format(", iotval2 {:#x}", fault.iotval2);
  return text;
}

FaultQueue::FaultQueue(card::Card& card, std::recursive_mutex& mutex) : RecordQueue(card, mutex, kRegisters) {}

Drained FaultQueue::drain() {
  Drained drained;
  const auto errors =
      RecordQueue::drain([&](std::span<const std::uint64_t> words) { drained.faults.push_back(Fault::decode(words)); });
  drained.overflow = errors.overflow;
  drained.memory_fault = errors.memory_fault;
  return drained;
}

}  // namespace aperture::riscv
