// SPDX-License-Identifier: Apache-2.0
#include "riscv/fault_queue.hpp"

#include <fmt/format.h>

#include <atomic>

#include "card/registers.hpp"
#include "card/wait.hpp"
#include "riscv/queue.hpp"

namespace aperture::riscv {
namespace {

namespace csr = regs::iommu::fqcsr_f;
constexpr std::uint64_t kErrors = csr::fqmf.mask() | csr::fqof.mask();
constexpr QueueRegisters kRegisters{
    "fault queue", regs::iommu::fqb, regs::iommu::fqh, regs::iommu::fqcsr, csr::fqen.mask() | csr::fie.mask(),
    kErrors,       csr::fqon.mask(), csr::busy.mask(), regs::fault::kSize};

}  // namespace

Fault Fault::decode(const std::uint64_t (&words)[4]) {
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

Result<> FaultQueue::start(unsigned log2, std::uint64_t wait_cycles) {
  const std::scoped_lock lock(mutex_);
  wait_cycles_ = wait_cycles;
  auto size = start_queue(card_, kRegisters, log2, wait_cycles, ring_);
  if (!size) return std::unexpected(std::move(size.error()));
  entries_ = 1U << *size;
  head_ = 0;
  return {};
}

Result<> FaultQueue::stop() {
  const std::scoped_lock lock(mutex_);
  return stop_queue(card_, kRegisters, wait_cycles_);
}

std::uint32_t FaultQueue::tail() {
  return static_cast<std::uint32_t>(card::read(card_.mmio(), regs::iommu::fqt)) % entries_;
}

Drained FaultQueue::drain() {
  const std::scoped_lock lock(mutex_);
  card::Mmio& mmio = card_.mmio();
  Drained drained;
  // Pending is cleared before the tail is read: a record that comes in between raises it again.
  card::write(mmio, regs::iommu::ipsr, regs::iommu::ipsr_f::fip.mask());
  const std::uint64_t status = card::read(mmio, regs::iommu::fqcsr);
  if (status == 0xffff'ffff) return drained;
  auto* words = reinterpret_cast<std::uint64_t*>(ring_->bytes().data());
  for (const std::uint32_t end = tail(); head_ != end; head_ = (head_ + 1) % entries_) {
    std::uint64_t record[4];
    for (unsigned i = 0; i < 4; ++i)
      record[i] = std::atomic_ref<std::uint64_t>(words[4 * head_ + i]).load(std::memory_order_relaxed);
    drained.faults.push_back(Fault::decode(record));
  }
  card::write(mmio, regs::iommu::fqh, head_);
  drained.overflow = csr::fqof.get(status) != 0;
  drained.memory_fault = csr::fqmf.get(status) != 0;
  if ((status & kErrors) != 0) card::write(mmio, regs::iommu::fqcsr, kRegisters.enable | (status & kErrors));
  if (const std::uint64_t mask = vector_mask(); mask != 0) card::write(mmio, regs::card::irq_rearm, mask);
  return drained;
}

std::uint64_t FaultQueue::vector_mask() {
  const std::uint64_t vector = regs::iommu::icvec_f::fiv.get(card::read(card_.mmio(), regs::iommu::icvec));
  return vector < card_.interrupts().vectors() ? std::uint64_t{1} << vector : 0;
}

Result<> FaultQueue::wait(std::uint64_t cycles) {
  std::unique_lock lock(mutex_);
  card::Waiter waiter(card_,
                      {.who = "fault queue", .what = "a fault record", .cycles = cycles, .vectors = vector_mask()});
  for (;;) {
    auto done = waiter.poll([this] { return tail() != head_; });
    if (!done) return std::unexpected(std::move(done.error()));
    if (*done) return {};
    lock.unlock();
    lock.lock();
  }
}

}  // namespace aperture::riscv
