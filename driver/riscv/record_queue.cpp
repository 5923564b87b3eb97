// SPDX-License-Identifier: Apache-2.0
#include "riscv/record_queue.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>

#include "card/registers.hpp"
#include "card/wait.hpp"

namespace aperture::riscv {

Result<> RecordQueue::start(unsigned log2, std::uint64_t wait_cycles) {
  const std::scoped_lock lock(mutex_);
  wait_cycles_ = wait_cycles;
  auto size = start_queue(card_, registers_.queue, log2, wait_cycles, ring_);
  if (!size) return std::unexpected(std::move(size.error()));
  entries_ = 1U << *size;
  head_ = 0;
  return {};
}

Result<> RecordQueue::stop() {
  const std::scoped_lock lock(mutex_);
  if (!started()) return {};
  return stop_queue(card_, registers_.queue, wait_cycles_);
}

std::uint32_t RecordQueue::tail() {
  return static_cast<std::uint32_t>(card::read(card_.mmio(), registers_.tail)) % entries_;
}

bool RecordQueue::ready() {
  const std::scoped_lock lock(mutex_);
  return started() &&
         (tail() != head_ || (card::read(card_.mmio(), registers_.queue.csr) & registers_.queue.errors) != 0);
}

RecordQueue::Errors RecordQueue::drain(const std::function<void(std::span<const std::uint64_t>)>& take) {
  const std::scoped_lock lock(mutex_);
  if (!started()) return {};
  card::Mmio& mmio = card_.mmio();
  const QueueRegisters& queue = registers_.queue;
  // Pending is cleared before the tail is read: a record that comes in between raises it again.
  card::write(mmio, regs::iommu::ipsr, registers_.pending);
  const std::uint64_t status = card::read(mmio, queue.csr);
  if (status == 0xffff'ffff) return {};
  auto* words = reinterpret_cast<std::uint64_t*>(ring_->bytes().data());
  std::array<std::uint64_t, 4> buffer{};
  const std::span record(buffer.data(), queue.entry_size / 8);
  for (const std::uint32_t end = tail(); head_ != end; head_ = (head_ + 1) % entries_) {
    for (std::size_t i = 0; i < record.size(); ++i)
      record[i] = std::atomic_ref<std::uint64_t>(words[record.size() * head_ + i]).load(std::memory_order_relaxed);
    take(record);
  }
  card::write(mmio, queue.software_index, head_);
  if ((status & queue.errors) != 0) card::write(mmio, queue.csr, queue.enable | (status & queue.errors));
  if (const std::uint64_t mask = vectors(); mask != 0) card::write(mmio, regs::card::irq_rearm, mask);
  return {.overflow = (status & registers_.overflow) != 0, .memory_fault = (status & registers_.memory_fault) != 0};
}

std::uint64_t RecordQueue::vectors() {
  const std::scoped_lock lock(mutex_);
  if (!started()) return 0;
  const std::uint64_t vector = registers_.vector.get(card::read(card_.mmio(), regs::iommu::icvec));
  return vector < card_.interrupts().vectors() ? std::uint64_t{1} << vector : 0;
}

Result<> RecordQueue::wait(std::uint64_t cycles) {
  std::unique_lock lock(mutex_);
  if (!started())
    return fail(Code::kUnsupported, EOPNOTSUPP,
                fmt::format("{} has no {} ({})", card_.description(), registers_.queue.name, registers_.absence));
  card::Waiter waiter(
      card_, {.who = registers_.queue.name, .what = registers_.record, .cycles = cycles, .vectors = vectors()});
  for (;;) {
    auto done = waiter.poll([this] { return tail() != head_; });
    if (!done) return std::unexpected(std::move(done.error()));
    if (*done) return {};
    lock.unlock();
    lock.lock();
  }
}

}  // namespace aperture::riscv
