// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "card/card.hpp"
#include "regs/registers.hpp"
#include "riscv/record_queue.hpp"

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
  static Fault decode(std::span<const std::uint64_t> words);
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
class FaultQueue final : public RecordQueue {
 public:
  FaultQueue(card::Card& card, std::recursive_mutex& mutex);

  /// Takes every record that is there, then clears overflow and memory fault, so that the IOMMU records again. Does not
  /// wait.
  Drained drain();
};

}  // namespace aperture::riscv
