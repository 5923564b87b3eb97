// SPDX-License-Identifier: Apache-2.0
#include "ioas/platform.hpp"

#include <algorithm>

namespace aperture::ioas {

void Platform::add_known(const Device& device) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(known_, &device) == known_.end()) known_.push_back(&device);
}

void Platform::remove_known(const Device& device) {
  const std::lock_guard lock(mutex_);
  std::erase(known_, &device);
}

std::vector<Follower> Platform::followers(const Ioas& leader) const {
  const std::shared_lock lock(links_mutex_);
  std::vector<Follower> out;
  for (const Link& link : links_) {
    if (link.from == &leader) out.push_back({link.to, link.id});
  }
  return out;
}

RangeSet Platform::known_reserved() const {
  const std::lock_guard lock(mutex_);
  RangeSet out;
  for (const Device* device : known_) {
    for (const DeviceReservation& reservation : device->reservations()) out.add(reservation.range);
    if (device->dma_mask() != kMax) out.add({{device->dma_mask() + 1}, {kMax}});
    RangeSet usable;
    for (const Format& format : device->formats({})) usable.add(RangeSet(format.apertures));
    out.add(usable.complement());
  }
  return out;
}

Ioas* Platform::attached_to(const Device& device, ProcessId process) const {
  const std::lock_guard lock(mutex_);
  const auto found = attached_.find({&device, process});
  return found == attached_.end() ? nullptr : found->second;
}

std::size_t Platform::quarantined() const {
  const std::lock_guard lock(mutex_);
  return quarantine_.size();
}

void Platform::release_quarantine() {
  Areas released;
  const std::lock_guard lock(mutex_);
  released.swap(quarantine_);
}

}  // namespace aperture::ioas
