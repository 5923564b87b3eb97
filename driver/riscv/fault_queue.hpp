// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"
#include "card/card.hpp"
#include "regs/registers.hpp"

namespace aperture::riscv {

/// One fault record, decoded. Names are the specification's.
struct Fault {
  regs::Cause cause{};
  regs::Ttyp ttyp{};
  std::uint32_t device_id{};
  std::optional<std::uint32_t> process_id;
  bool privileged{};
  std::uint64_t iotval{};   ///< the IOVA, where the cause has one
  std::uint64_t iotval2{};  ///< guest page faults: GPA[63:2], bits 1:0 as the specification has them

  /// Whether the access was a write or an atomic.
  bool write() const { return ttyp == regs::Ttyp::kUntranslatedWrite || ttyp == regs::Ttyp::kTranslatedWrite; }
  static Fault decode(const std::uint64_t (&words)[4]);
  bool operator==(const Fault&) const = default;
};

/// "write_page_fault (15): device 0x3, untranslated_write, IOVA 0x1000".
std::string to_text(const Fault& fault);

/// What was in the queue.
struct Drained {
  std::vector<Fault> faults;  ///< oldest first
  bool overflow{};            ///< fqof: records were lost because the queue was full
  bool memory_fault{};        ///< fqmf: records were lost because a store failed
};

/// The queue of faults from the IOMMU. Public functions take the card's mutex.
class FaultQueue {
 public:
  FaultQueue(card::Card& card, std::recursive_mutex& mutex) : card_(card), mutex_(mutex) {}

  /// As CommandQueue::start.
  Result<> start(unsigned log2, std::uint64_t wait_cycles);
  Result<> stop();

  unsigned entries() const { return entries_; }

  /// Takes every record that is there, then clears overflow and memory fault, so that the IOMMU records again. Does not
  /// wait.
  Drained drain();
  /// Waits until a record is there; it stays there. As a wait (kCardIdle: the card is idle and there is none).
  Result<> wait(std::uint64_t cycles);

 private:
  std::uint32_t tail();
  std::uint64_t vector_mask();

  card::Card& card_;
  std::recursive_mutex& mutex_;
  std::unique_ptr<card::DmaBuffer> ring_;
  unsigned entries_{};
  std::uint32_t head_{};
  std::uint64_t wait_cycles_{};
};

}  // namespace aperture::riscv
