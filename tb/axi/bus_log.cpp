// SPDX-License-Identifier: Apache-2.0
#include "tb/axi/bus_log.hpp"

namespace aperture::tb {

template <typename C>
bool BusLog::seen(std::uint64_t& since, const C& pins, std::uint64_t cycle) {
  if (!pins.valid) {
    since = 0;
    return false;
  }
  if (since == 0) since = cycle + 1;
  return pins.ready;
}

void BusLog::observe(const Pins& pins, std::uint64_t cycle) {
  if (!enabled_) return;
  for (std::size_t p = 0; p < kPorts; ++p) {
    const AxiPins& axi = pins.axi[p];
    auto& since = since_[p];
    const auto add = [&](Channel channel) -> BusEvent& {
      BusEvent& event = events_.emplace_back();
      event.port = static_cast<Port>(p);
      event.channel = channel;
      event.offered = since[static_cast<std::size_t>(channel)] - 1;
      event.accepted = cycle;
      since[static_cast<std::size_t>(channel)] = 0;
      return event;
    };
    if (seen(since[0], axi.aw, cycle)) add(Channel::kAw).address = axi.aw;
    if (seen(since[1], axi.w, cycle)) add(Channel::kW).write = axi.w;
    if (seen(since[2], axi.b, cycle)) add(Channel::kB).answer = axi.b;
    if (seen(since[3], axi.ar, cycle)) add(Channel::kAr).address = axi.ar;
    if (seen(since[4], axi.r, cycle)) add(Channel::kR).read = axi.r;
  }
}

std::vector<BusEvent> BusLog::events(Port port, Channel channel) const {
  std::vector<BusEvent> chosen;
  for (const BusEvent& event : events_) {
    if (event.port == port && event.channel == channel) chosen.push_back(event);
  }
  return chosen;
}

}  // namespace aperture::tb
