// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "riscv/command.hpp"
#include "riscv/page_request_queue.hpp"

namespace aperture::riscv {

class Iommu;

/// Who answers the page requests of which device. Requests come in groups (PCIe, "Page Request Group Index"); a group
/// is given to its handler as a whole when its last request is there, and answered once, with what the handler returns.
///
/// Handlers are called by serve() alone, which the outermost waits for DMA channels call: never with a lock held, one
/// at a time, so that they may map, unmap, submit and wait. A wait inside a handler serves nothing. As long as there is
/// no handler at all, the queue is left to whoever drains it. Thread-safe.
class PageRequestHandlers {
 public:
  /// Maps what the requests (all of one device, one process and one group; not empty) ask for, and says how it went.
  using Handler = std::function<command::PageResponse(std::span<const PageRequest> group)>;

  explicit PageRequestHandlers(Iommu& iommu) : iommu_(iommu) {}

  /// From now on requests of this device (of this process of it; none: those without a process id) go to `handler`;
  /// null: to nobody. Requests that nobody answers are answered with Invalid Request while there is any handler. Waits
  /// for a handler that is running, unless that is what calls.
  void set(std::uint32_t device_id, std::optional<std::uint32_t> process_id, Handler handler);

  /// What serve() has found.
  enum class Served {
    kNothing,    ///< no handlers, or no requests
    kSome,       ///< requests were there; every complete group is answered
    kElsewhere,  ///< another thread is serving, and may answer what this one waits for
  };
  /// Takes every request that is there and answers the groups that are complete. After an overflow or a memory fault of
  /// the queue, which has lost requests, incomplete groups are forgotten: their devices ask again. Does not wait. EIO:
  /// the command queue has stopped.
  Result<Served> serve();
  /// Waits until no other thread is serving.
  void wait_for_others();
  /// How often anything was served: a wait that finds the card idle has to look again when this has risen meanwhile.
  std::uint64_t rounds();
  /// The interrupt vectors that announce a request, if there is any handler; else 0.
  std::uint64_t vectors();
  /// The card has been reset: nobody waits for the answer of an incomplete group any more.
  void forget();

 private:
  /// Device and process.
  using Asker = std::pair<std::uint32_t, std::optional<std::uint32_t>>;
  using Group = std::pair<Asker, std::uint32_t>;
  struct Pending {
    std::vector<PageRequest> requests;
    bool flooded{};  ///< more than a group may have: it will be refused
  };
  /// More than that in one group is no demand for pages any more.
  static constexpr std::size_t kGroupMax = 512;

  /// The group that is complete with this request.
  std::optional<Pending> take(const PageRequest& request);
  command::PageResponse ask(const Pending& group);
  Result<> answer(const PageRequest& request, command::PageResponse code);

  Iommu& iommu_;
  std::mutex mutex_;  ///< comes after the card's; not held while a handler runs
  std::condition_variable idle_;
  std::optional<std::thread::id> serving_;
  std::map<Asker, std::shared_ptr<const Handler>> handlers_;
  std::map<Group, Pending> pending_;
  std::uint64_t rounds_{};
};

}  // namespace aperture::riscv
