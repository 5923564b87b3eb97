// SPDX-License-Identifier: Apache-2.0
#include "riscv/page_request_queue.hpp"

#include <fmt/format.h>

#include <atomic>

#include "card/registers.hpp"
#include "card/wait.hpp"
#include "riscv/queue.hpp"

namespace aperture::riscv {
namespace {

namespace csr = regs::iommu::pqcsr_f;
constexpr std::uint64_t kErrors = csr::pqmf.mask() | csr::pqof.mask();
constexpr QueueRegisters kRegisters{"page-request queue",
                                    regs::iommu::pqb,
                                    regs::iommu::pqh,
                                    regs::iommu::pqcsr,
                                    csr::pqen.mask() | csr::pie.mask(),
                                    kErrors,
                                    csr::pqon.mask(),
                                    csr::busy.mask(),
                                    regs::page_request::kSize};

}  // namespace

PageRequest PageRequest::decode(const std::uint64_t (&words)[2]) {
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

Result<> PageRequestQueue::start(unsigned log2, std::uint64_t wait_cycles) {
  const std::scoped_lock lock(mutex_);
  wait_cycles_ = wait_cycles;
  auto size = start_queue(card_, kRegisters, log2, wait_cycles, ring_);
  if (!size) return std::unexpected(std::move(size.error()));
  entries_ = 1U << *size;
  head_ = 0;
  return {};
}

Result<> PageRequestQueue::stop() {
  const std::scoped_lock lock(mutex_);
  if (!started()) return {};
  return stop_queue(card_, kRegisters, wait_cycles_);
}

std::uint32_t PageRequestQueue::tail() {
  return static_cast<std::uint32_t>(card::read(card_.mmio(), regs::iommu::pqt)) % entries_;
}

DrainedPageRequests PageRequestQueue::drain() {
  const std::scoped_lock lock(mutex_);
  DrainedPageRequests drained;
  if (!started()) return drained;
  card::Mmio& mmio = card_.mmio();
  // Pending is cleared before the tail is read: a record that comes in between raises it again.
  card::write(mmio, regs::iommu::ipsr, regs::iommu::ipsr_f::pip.mask());
  const std::uint64_t status = card::read(mmio, regs::iommu::pqcsr);
  if (status == 0xffff'ffff) return drained;
  auto* words = reinterpret_cast<std::uint64_t*>(ring_->bytes().data());
  for (const std::uint32_t end = tail(); head_ != end; head_ = (head_ + 1) % entries_) {
    std::uint64_t record[2];
    for (unsigned i = 0; i < 2; ++i)
      record[i] = std::atomic_ref<std::uint64_t>(words[2 * head_ + i]).load(std::memory_order_relaxed);
    drained.requests.push_back(PageRequest::decode(record));
  }
  card::write(mmio, regs::iommu::pqh, head_);
  drained.overflow = csr::pqof.get(status) != 0;
  drained.memory_fault = csr::pqmf.get(status) != 0;
  if ((status & kErrors) != 0) card::write(mmio, regs::iommu::pqcsr, kRegisters.enable | (status & kErrors));
  if (const std::uint64_t mask = vector_mask(); mask != 0) card::write(mmio, regs::card::irq_rearm, mask);
  return drained;
}

std::uint64_t PageRequestQueue::vector_mask() {
  const std::uint64_t vector = regs::iommu::icvec_f::piv.get(card::read(card_.mmio(), regs::iommu::icvec));
  return vector < card_.interrupts().vectors() ? std::uint64_t{1} << vector : 0;
}

Result<> PageRequestQueue::wait(std::uint64_t cycles) {
  std::unique_lock lock(mutex_);
  if (!started())
    return fail(Code::kUnsupported, EOPNOTSUPP, card_.description() + " has no page-request queue (capabilities.ATS)");
  card::Waiter waiter(
      card_, {.who = "page-request queue", .what = "a page request", .cycles = cycles, .vectors = vector_mask()});
  for (;;) {
    auto done = waiter.poll([this] { return tail() != head_; });
    if (!done) return std::unexpected(std::move(done.error()));
    if (*done) return {};
    lock.unlock();
    lock.lock();
  }
}

}  // namespace aperture::riscv
