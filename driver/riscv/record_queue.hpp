// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>

#include "base/error.hpp"
#include "card/card.hpp"
#include "regs/registers.hpp"
#include "riscv/queue.hpp"

namespace aperture::riscv {

/// What the queues that the IOMMU writes have beside QueueRegisters, and what people call it.
struct RecordQueueRegisters {
  QueueRegisters queue;
  regs::Register tail;
  std::uint64_t pending;  ///< its bit in ipsr
  regs::Field vector;     ///< its field in icvec
  std::uint64_t overflow;
  std::uint64_t memory_fault;
  const char* record;   ///< "a fault record"
  const char* absence;  ///< why it may not be started, for errors: "capabilities.ATS"
};

/// A queue of records from the IOMMU, under the fault queue and the page-request queue. Public functions take the
/// card's mutex.
class RecordQueue {
 public:
  /// As CommandQueue::start.
  Result<> start(unsigned log2, std::uint64_t wait_cycles);
  /// Nothing if it was not started.
  Result<> stop();
  bool started() const { return ring_ != nullptr; }

  unsigned entries() const { return entries_; }

  /// Waits until a record is there; it stays there. As a wait (kCardIdle: the card is idle and there is none);
  /// EOPNOTSUPP: not started.
  Result<> wait(std::uint64_t cycles);
  /// Whether there is something to drain: records, or an error that keeps more from coming. Does not wait.
  bool ready();
  /// The interrupt vectors that announce a record; 0: none.
  std::uint64_t vectors();

 protected:
  RecordQueue(card::Card& card, std::recursive_mutex& mutex, const RecordQueueRegisters& registers)
      : card_(card), mutex_(mutex), registers_(registers) {}
  ~RecordQueue() = default;

  struct Errors {
    bool overflow{};
    bool memory_fault{};
  };
  /// Gives every record that is there to `take`, as its words, oldest first, then clears overflow and memory fault, so
  /// that the IOMMU records again. Does not wait.
  Errors drain(const std::function<void(std::span<const std::uint64_t> words)>& take);

 private:
  std::uint32_t tail();

  card::Card& card_;
  std::recursive_mutex& mutex_;
  const RecordQueueRegisters& registers_;
  std::unique_ptr<card::DmaBuffer> ring_;
  unsigned entries_{};
  std::uint32_t head_{};
  std::uint64_t wait_cycles_{};
};

}  // namespace aperture::riscv
