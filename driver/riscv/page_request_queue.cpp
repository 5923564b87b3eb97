// SPDX-License-Identifier: Apache-2.0
#include "riscv/page_request_queue.hpp"

#include <fmt/format.h>

namespace aperture::riscv {
namespace {

namespace csr = regs::iommu::pqcsr_f;
constexpr std::uint64_t kErrors = csr::pqmf.mask() | csr::pqof.mask();
constexpr RecordQueueRegisters kRegisters{.queue = {"page-request queue", regs::iommu::pqb, regs::iommu::pqh,
                                                    regs::iommu::pqcsr, csr::pqen.mask() | csr::pie.mask(), kErrors,
                                                    csr::pqon.mask(), csr::busy.mask(), regs::page_request::kSize},
                                          .tail = regs::iommu::pqt,
                                          .pending = regs::iommu::ipsr_f::pip.mask(),
                                          .vector = regs::iommu::icvec_f::piv,
                                          .overflow = csr::pqof.mask(),
                                          .memory_fault = csr::pqmf.mask(),
                                          .record = "a page request",
                                          .absence = "capabilities.ATS"};

}  // namespace

PageRequest PageRequest::decode(std::span<const std::uint64_t> words) {
  namespace w0 = regs::page_request::w0;
  namespace payload = regs::page_request::payload;
  const std::uint64_t first = words[w0::kWord];
  const std::uint64_t second = words[payload::kWord];
  PageRequest request;
  request.device_id = static_cast<std::uint32_t>(w0::did.get(first));
  if (w0::pv.get(first) != 0) request.process_id = static_cast<std::uint32_t>(w0::pid.get(first));
  request.privileged = w0::priv.get(first) != 0;
  request.execute = w0::exec.get(first) != 0;
  request.read = payload::r.get(second) != 0;
  request.write = payload::w.get(second) != 0;
  request.last = payload::l.get(second) != 0;
  request.group = static_cast<std::uint32_t>(payload::prgi.get(second));
  request.page = Iova{payload::address.get(second) << 12};
  return request;
}

std::string to_text(const PageRequest& request) {
  std::string text = fmt::format("page request of device {:#x}", request.device_id);
  if (request.process_id)
    text += fmt::format(", process {:#x}{}", *request.process_id, request.privileged ? " privileged" : "");
  if (request.stop_marker()) return text + ": stop marker";
  return text + fmt::format(":{}{}{} {:#x}, group {}{}", request.read ? " read" : "", request.write ? " write" : "",
                            request.execute ? " execute" : "", request.page.value, request.group,
                            request.last ? ", last" : "");
}

Command respond(const PageRequest& request, command::PageResponse code, bool with_process) {
  return command::ats_prgr(request.device_id, with_process ? request.process_id : std::nullopt, request.group, code);
}

PageRequestQueue::PageRequestQueue(card::Card& card, std::recursive_mutex& mutex)
    : RecordQueue(card, mutex, kRegisters) {}

DrainedPageRequests PageRequestQueue::drain() {
  DrainedPageRequests drained;
  const auto errors = RecordQueue::drain(
      [&](std::span<const std::uint64_t> words) { drained.requests.push_back(PageRequest::decode(words)); });
  drained.overflow = errors.overflow;
  drained.memory_fault = errors.memory_fault;
  return drained;
}

}  // namespace aperture::riscv
