// SPDX-License-Identifier: Apache-2.0
#include "riscv/command_queue.hpp"

#include <fmt/format.h>

#include <atomic>

#include "card/registers.hpp"
#include "card/wait.hpp"
#include "riscv/queue.hpp"

namespace aperture::riscv {
namespace {

namespace csr = regs::iommu::cqcsr_f;
constexpr std::uint64_t kErrors = csr::cqmf.mask() | csr::cmd_to.mask() | csr::cmd_ill.mask();
constexpr QueueRegisters kRegisters{"command queue",
                                    regs::iommu::cqb,
                                    regs::iommu::cqt,
                                    regs::iommu::cqcsr,
                                    csr::cqen.mask() | csr::cie.mask(),
                                    kErrors | csr::fence_w_ip.mask(),
                                    csr::cqon.mask(),
                                    csr::busy.mask(),
                                    regs::cmd::kSize};

std::atomic_ref<std::uint64_t> word(card::DmaBuffer& buffer, std::size_t index) {
  return std::atomic_ref<std::uint64_t>(reinterpret_cast<std::uint64_t*>(buffer.bytes().data())[index]);
}

std::atomic_ref<std::uint32_t> half(card::DmaBuffer& buffer) {
  return std::atomic_ref<std::uint32_t>(*reinterpret_cast<std::uint32_t*>(buffer.bytes().data()));
}

std::string describe(const CommandQueueError& error) {
  std::string why;
  if (error.memory_fault) why += " cqmf (fetch or completion store failed)";
  if (error.timeout) why += " cmd_to (a command timed out)";
  if (error.illegal) why += " cmd_ill (illegal command)";
  return fmt::format("the command queue stopped:{} at cqh {}: {}", why, error.head, command::to_text(error.command));
}

}  // namespace

Result<> CommandQueue::start(unsigned log2, std::uint64_t wait_cycles) {
  const std::scoped_lock lock(mutex_);
  wait_cycles_ = wait_cycles;
  if (!word_) {
    auto allocated = card_.memory().allocate(kPageSize, kPageSize);
    if (!allocated) return std::unexpected(std::move(allocated.error()));
    word_ = std::move(*allocated);
  }
  auto size = start_queue(card_, kRegisters, log2, wait_cycles, ring_);
  if (!size) return std::unexpected(std::move(size.error()));
  entries_ = 1U << *size;
  head_ = tail_ = 0;
  asked_device_ = false;
  return {};
}

Result<> CommandQueue::stop() {
  const std::scoped_lock lock(mutex_);
  return stop_queue(card_, kRegisters, wait_cycles_);
}

Command CommandQueue::at(std::uint32_t index) const {
  return {word(*ring_, 2 * index).load(std::memory_order_relaxed),
          word(*ring_, 2 * index + 1).load(std::memory_order_relaxed)};
}

void CommandQueue::put(std::uint32_t index, const Command& command) {
  word(*ring_, 2 * index).store(command.w0, std::memory_order_relaxed);
  word(*ring_, 2 * index + 1).store(command.w1, std::memory_order_release);
}

Result<> CommandQueue::push(const Command& command) {
  const std::scoped_lock lock(mutex_);
  const std::uint32_t next = (tail_ + 1) % entries_;
  if (next == head_) {
    ring();
    auto room = wait("room for a command", [&] {
      head_ = static_cast<std::uint32_t>(card::read(card_.mmio(), regs::iommu::cqh)) % entries_;
      return next != head_;
    });
    if (!room) return room;
  }
  put(tail_, command);
  tail_ = next;
  namespace w0 = regs::cmd::w0;
  if (w0::opcode.get(command.w0) == static_cast<std::uint64_t>(regs::Opcode::kAts) &&
      w0::func3.get(command.w0) == static_cast<std::uint64_t>(regs::Func3::kAtsInval))
    asked_device_ = true;
  return {};
}

void CommandQueue::ring() {
  const std::scoped_lock lock(mutex_);
  card::write(card_.mmio(), regs::iommu::cqt, tail_);
}

Result<> CommandQueue::fence(bool reads, bool writes) {
  const std::scoped_lock lock(mutex_);
  const std::uint32_t number = ++sequence_;
  auto pushed = push(command::iofence({.reads = reads, .writes = writes, .store = word_->address(), .data = number}));
  if (!pushed) return pushed;
  ring();
  auto done = wait(fmt::format("IOFENCE.C number {}", number),
                   [&] { return half(*word_).load(std::memory_order_acquire) == number; });
  if (done) asked_device_ = false;
  return done;
}

Result<> CommandQueue::wait(const std::string& what, const std::function<bool()>& happened) {
  bool over{};
  const card::WaitFor wait_for{
      .who = "command queue", .what = what, .cycles = wait_cycles_, .idle_ends = !asked_device_};
  auto done = card::wait(card_, wait_for, [&] {
    over = happened();
    return over || stopped();
  });
  if (over) return {};
  CommandQueueError error;
  if (stopped(&error)) return fail(Code::kFault, EIO, describe(error));
  return done;
}

bool CommandQueue::stopped(CommandQueueError* error) {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t status = card::read(card_.mmio(), regs::iommu::cqcsr);
  if (status == 0xffff'ffff || (status & kErrors) == 0) return false;
  if (error) {
    error->memory_fault = csr::cqmf.get(status) != 0;
    error->timeout = csr::cmd_to.get(status) != 0;
    error->illegal = csr::cmd_ill.get(status) != 0;
    error->head = static_cast<std::uint32_t>(card::read(card_.mmio(), regs::iommu::cqh)) % entries_;
    error->command = at(error->head);
  }
  return true;
}

void CommandQueue::retry() {
  const std::scoped_lock lock(mutex_);
  card::write(card_.mmio(), regs::iommu::ipsr, regs::iommu::ipsr_f::cip.mask());
  card::write(card_.mmio(), regs::iommu::cqcsr, kRegisters.enable | kErrors);
}

void CommandQueue::skip() {
  const std::scoped_lock lock(mutex_);
  CommandQueueError error;
  if (!stopped(&error)) return;
  put(error.head, command::iofence({.reads = false, .writes = false}));
  retry();
}

}  // namespace aperture::riscv
