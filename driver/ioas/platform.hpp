// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "ioas/area.hpp"
#include "ioas/device.hpp"
#include "ioas/range_set.hpp"

namespace aperture::ioas {

class Ioas;

/// What the IOASes of one program share: which devices are known, who is attached where, and what a lost card may still
/// touch. Outlives its IOASes; its devices outlive it. Thread-safe.
class Platform {
 public:
  Platform() = default;
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  /// From now on chosen window bases suit this device too, attached or not.
  void add_known(const Device& device);
  /// What some known device cannot use: its reservations, its DMA mask, what none of its formats translates.
  RangeSet known_reserved() const;
  /// The IOAS that the device (or its process) is attached to; null if none.
  Ioas* attached_to(const Device& device, ProcessId process) const;
  /// Areas whose pages stay pinned because their card was lost, and their release once that card has been reset.
  std::size_t quarantined() const;
  void release_quarantine();

 private:
  friend class Ioas;
  friend class Change;
  friend class Draft;
  using Key = std::pair<const Device*, ProcessId>;

  std::mutex attach_mutex_;  ///< held by changes that attach or detach; comes before every IOAS's lock
  mutable std::mutex mutex_;
  std::vector<const Device*> known_;
  std::map<Key, Ioas*> attached_;
  std::multimap<Iova, Area> quarantine_;
  std::uint64_t next_id_{1};
};

}  // namespace aperture::ioas
