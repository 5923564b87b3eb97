// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.hpp"
#include "card/card.hpp"
#include "regs/registers.hpp"

namespace aperture::riscv {

/// The registers that command, fault and page-request queue have alike.
struct QueueRegisters {
  const char* name;
  regs::Register base;
  regs::Register software_index;  ///< cqt, fqh: 0 before the queue is switched on
  regs::Register csr;
  std::uint64_t enable;  ///< enable and interrupt enable
  std::uint64_t errors;  ///< W1C bits
  std::uint64_t on;
  std::uint64_t busy;
  std::size_t entry_size;
};

/// Switches a queue on with at most 2^log2 entries: asks the hardware for its largest size, allocates the ring unless
/// `ring` holds one already, checks every read-back. Returns log2 of the size. ENOMEM, EIO, as a wait.
Result<unsigned> start_queue(card::Card& card, const QueueRegisters& queue, unsigned log2, std::uint64_t wait_cycles,
                             std::unique_ptr<card::DmaBuffer>& ring);
/// Switches it off; commands already fetched complete first. As a wait.
Result<> stop_queue(card::Card& card, const QueueRegisters& queue, std::uint64_t wait_cycles);

}  // namespace aperture::riscv
