// SPDX-License-Identifier: Apache-2.0
#include "tb/axi/bus_log.hpp"

namespace aperture::tb {

/// The event to fill in, if VALID met READY.
template <typename C>
BusEvent* BusLog::seen(std::size_t port, Channel channel, const C& pins, std::uint64_t cycle) {
  if (!pins.valid) return nullptr;
  std::uint64_t& since = since_[port][static_cast<std::size_t>(channel)];
  if (since == 0) since = cycle + 1;
  if (!pins.ready) return nullptr;
  events_.push_back({static_cast<Port>(port), channel, since - 1, cycle, {}});
  since = 0;
  return &events_.back();
}

void BusLog::observe(const Pins& pins, std::uint64_t cycle) {
  if (!enabled_) return;
  for (std::size_t p = 0; p < kPorts; ++p) {
    const AxiPins& axi = pins.axi[p];
    if (BusEvent* event = seen(p, Channel::kAw, axi.aw, cycle)) event->address = axi.aw;
    seen(p, Channel::kW, axi.w, cycle);
    if (BusEvent* event = seen(p, Channel::kB, axi.b, cycle)) event->address.id = axi.b.id;
    if (BusEvent* event = seen(p, Channel::kAr, axi.ar, cycle)) event->address = axi.ar;
    if (BusEvent* event = seen(p, Channel::kR, axi.r, cycle)) event->address.id = axi.r.id;
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
