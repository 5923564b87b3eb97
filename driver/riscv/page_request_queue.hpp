// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "card/card.hpp"
#include "riscv/command.hpp"
#include "riscv/record_queue.hpp"

namespace aperture::riscv {

/// One page-request record, decoded. Names are PCIe's.
struct PageRequest {
  std::uint32_t device_id{};
  std::optional<std::uint32_t> process_id;
  bool privileged{};
  bool execute{};
  bool read{};
  bool write{};
  bool last{};            ///< of its group, which is answered as a whole
  std::uint32_t group{};  ///< page request group index, 9 bits
  Iova page{};            ///< 4 KiB aligned

  /// Asks for nothing and is answered by nothing: no more requests of the process come.
  bool stop_marker() const { return last && !read && !write; }
  static PageRequest decode(std::span<const std::uint64_t> words);
  bool operator==(const PageRequest&) const = default;
};

/// "page request of device 0x3: write, 0x1000, group 4, last".
std::string to_text(const PageRequest& request);

/// The command that answers the group of a request. The PASID goes back with it if the request had one and
/// `with_process` (where DC.tc.PRPR asks for it, or on a failure).
Command respond(const PageRequest& request, command::PageResponse code, bool with_process = true);

/// What was in the queue.
struct DrainedPageRequests {
  std::vector<PageRequest> requests;  ///< oldest first
  bool overflow{};                    ///< pqof: requests were answered Success by the IOMMU because the queue was full
  bool memory_fault{};                ///< pqmf: requests were failed because a store failed
};

/// The queue of page requests of devices (capabilities.ATS). Public functions take the card's mutex.
class PageRequestQueue final : public RecordQueue {
 public:
  PageRequestQueue(card::Card& card, std::recursive_mutex& mutex);

  /// As FaultQueue::drain; nothing if it was not started.
  DrainedPageRequests drain();
};

}  // namespace aperture::riscv
