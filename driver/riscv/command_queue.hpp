// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.hpp"
#include "card/card.hpp"
#include "riscv/command.hpp"

namespace aperture::riscv {

/// What stopped the queue (cqcsr), decoded.
struct CommandQueueError {
  bool memory_fault{};   ///< cqmf: a fetch or a completion store failed
  bool timeout{};        ///< cmd_to
  bool illegal{};        ///< cmd_ill
  std::uint32_t head{};  ///< cqh: the command it stopped at
  Command command{};
};

/// The queue of commands to the IOMMU: invalidations, many at a time, then one fence. Public functions take the card's
/// mutex.
class CommandQueue {
 public:
  CommandQueue(card::Card& card, std::recursive_mutex& mutex) : card_(card), mutex_(mutex) {}

  /// Allocates a ring of at most 2^log2 entries (what the hardware allows) and switches the queue on. Also after a
  /// reset: the memory is kept, the queue is empty again. ENOMEM; EIO if the hardware refuses; as a wait.
  Result<> start(unsigned log2, std::uint64_t wait_cycles);
  Result<> stop();

  unsigned entries() const { return entries_; }

  /// Appends one command; it starts at the next ring(), fence() or when the ring is full, which waits for room. EIO:
  /// the queue has stopped (the error tells why and at which command); as a wait.
  Result<> push(const Command& command);
  /// Lets the card see what was pushed.
  void ring();
  /// Appends an IOFENCE.C that stores a number of its own to memory, rings, and waits until the number is there: every
  /// earlier command is done then and, as asked, every earlier read and write of devices is over. EIO: the queue has
  /// stopped.
  Result<> fence(bool reads = true, bool writes = true);

  /// Why the queue stands still, if it does.
  bool stopped(CommandQueueError* error = nullptr);
  /// Clears the error bits: the queue goes on with the same command again.
  void retry();
  /// Puts an empty fence in place of the command that the queue stopped at, then goes on behind it.
  void skip();

 private:
  Command at(std::uint32_t index) const;
  void put(std::uint32_t index, const Command& command);
  Result<> wait(const std::string& what, const std::function<bool()>& happened);

  card::Card& card_;
  std::recursive_mutex& mutex_;
  std::unique_ptr<card::DmaBuffer> ring_;
  std::unique_ptr<card::DmaBuffer> word_;
  unsigned entries_{};
  std::uint32_t head_{};  ///< as last read from cqh
  std::uint32_t tail_{};
  std::uint32_t sequence_{};
  std::uint64_t wait_cycles_{};
  bool asked_device_{};  ///< an ATS.INVAL since the last fence: the card may be idle and yet wait, for a device
};

}  // namespace aperture::riscv
