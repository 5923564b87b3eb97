// SPDX-License-Identifier: Apache-2.0
#pragma once

// What happened on the card's ports, handshake by handshake: latencies are measured from here, at the pins only.

#include <array>
#include <cstdint>
#include <vector>

#include "tb/card/pins.hpp"

namespace aperture::tb {

/// One handshake.
struct BusEvent {
  Port port{};
  Channel channel{};
  std::uint64_t offered{};   ///< first cycle in which VALID was seen
  std::uint64_t accepted{};  ///< cycle of the handshake
  AddressChannel address{};  ///< of AW and AR; of B and R their id alone
};

class BusLog {
 public:
  /// Off at start and after each reset; events seen while it is off are not kept.
  void enable(bool on) { enabled_ = on; }
  bool enabled() const { return enabled_; }
  void clear() { events_.clear(); }
  /// In order of `accepted`; within a cycle by port, then AW, W, B, AR, R.
  const std::vector<BusEvent>& events() const { return events_; }
  /// Those of one channel.
  std::vector<BusEvent> events(Port port, Channel channel) const;

  void observe(const Pins& pins, std::uint64_t cycle);

 private:
  bool enabled_ = false;
  template <typename C>
  BusEvent* seen(std::size_t port, Channel channel, const C& pins, std::uint64_t cycle);

  std::array<std::array<std::uint64_t, 5>, kPorts> since_{};  ///< cycle + 1 of the first VALID without READY, 0: none
  std::vector<BusEvent> events_;
};

}  // namespace aperture::tb
