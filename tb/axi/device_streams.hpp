// SPDX-License-Identifier: Apache-2.0
#pragma once

// The ATS side of a device behind the card's external port, cycle by cycle: translation requests, page requests,
// messages of the IOMMU and invalidation completions (rtl/common/ats_pkg.sv).

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "tb/axi/queue.hpp"
#include "tb/bus_card.hpp"
#include "tb/card/pins.hpp"
#include "tb/memory/timing.hpp"

namespace aperture::tb {

class DeviceStreams {
 public:
  explicit DeviceStreams(Timing& timing) : timing_(timing) {}

  /// Queues a translation request (`access.type` and `access.length` are not looked at); returns its number.
  std::uint64_t request_translation(const DeviceAccess& access);
  /// Its completion, which is forgotten then; nothing: it has not come.
  std::optional<AtsResult> take_translation(std::uint64_t number);
  /// Queue a message to the IOMMU.
  void request_page(const PageRequest& request) { pages_.push_back(request); }
  void complete_invalidation(std::uint32_t device_id, std::uint32_t itags, unsigned cc);
  /// Page requests and invalidation completions that the IOMMU has not taken yet.
  std::size_t unsent() const { return pages_.size() + completions_.size(); }
  /// What the IOMMU sent since the last call, oldest first; `msis` and `wires` stay empty.
  Messages take_messages() { return std::exchange(messages_, {}); }

  /// Nothing new is offered; READY of what the IOMMU sends stays low. Until taken back.
  void hold(Stream stream, bool on) { held_[static_cast<std::size_t>(stream)] = on; }

  void observe(const StreamPins& pins);
  void drive(StreamPins& pins);
  /// Nothing is to be offered, and no completion awaited.
  bool idle() const { return requests_.empty() && asked_.empty() && unsent() == 0; }

 private:
  struct Request {
    std::uint64_t number;
    DeviceAccess access;
  };
  bool held(Stream stream) const { return held_[static_cast<std::size_t>(stream)]; }
  bool offers(Stream stream) { return !held(stream) && !timing_.stalls(); }

  Timing& timing_;
  std::uint64_t numbers_ = 0;
  Queue<Request> requests_;                            ///< not yet accepted; the front one may be offered
  std::map<std::uint8_t, std::uint64_t> asked_;        ///< tag, number: accepted, no completion yet
  std::map<std::uint64_t, AtsResult> translations_{};  ///< not yet taken
  Queue<PageRequest> pages_;
  Queue<InvalidationCompletionPins> completions_;
  Messages messages_;
  std::array<bool, 5> held_{};
};

}  // namespace aperture::tb
