// SPDX-License-Identifier: Apache-2.0
#include "riscv/queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/types.hpp"
#include "card/registers.hpp"
#include "card/wait.hpp"

namespace aperture::riscv {
namespace {

namespace base_f = regs::iommu::cqb_f;  // the same in all queue bases

Result<> settle(card::Card& card, const QueueRegisters& queue, std::uint64_t wait_cycles) {
  return card::wait(card, {.who = queue.name, .what = "the end of csr.busy", .cycles = wait_cycles},
                    [&] { return (card::read(card.mmio(), queue.csr) & queue.busy) == 0; });
}

}  // namespace

Result<unsigned> start_queue(card::Card& card, const QueueRegisters& queue, unsigned log2, std::uint64_t wait_cycles,
                             std::unique_ptr<card::DmaBuffer>& ring) {
  card::Mmio& mmio = card.mmio();
  card::write(mmio, queue.base, base_f::log2szm1.mask());
  const auto largest = static_cast<unsigned>(base_f::log2szm1.get(card::read(mmio, queue.base))) + 1;
  const unsigned size = std::clamp(log2, 1U, largest);

  const std::uint64_t bytes = std::max<std::uint64_t>(queue.entry_size << size, kPageSize);
  if (!ring || ring->bytes().size() != bytes) {
    auto allocated = card.memory().allocate(bytes, std::bit_ceil(bytes));
    if (!allocated) return std::unexpected(std::move(allocated.error()));
    ring = std::move(*allocated);
  }
  const std::uint64_t base = base_f::ppn.set(base_f::log2szm1.set(0, size - 1), ring->address().value >> 12);
  card::write(mmio, queue.base, base);
  if (const std::uint64_t back = card::read(mmio, queue.base); back != base)
    return fail(Code::kUnsupported, EIO,
                fmt::format("{}: the base register reads {:#x} after {:#x} was written", queue.name, back, base));
  card::write(mmio, queue.software_index, 0);
  card::write(mmio, queue.csr, queue.enable | queue.errors);
  if (auto done = settle(card, queue, wait_cycles); !done) return std::unexpected(std::move(done.error()));
  if (const std::uint64_t csr = card::read(mmio, queue.csr); (csr & queue.on) == 0 || (csr & queue.errors) != 0)
    return fail(Code::kUnsupported, EIO, fmt::format("{} did not come on: csr reads {:#x}", queue.name, csr));
  return size;
}

Result<> stop_queue(card::Card& card, const QueueRegisters& queue, std::uint64_t wait_cycles) {
  card::write(card.mmio(), queue.csr, 0);
  return settle(card, queue, wait_cycles);
}

}  // namespace aperture::riscv
