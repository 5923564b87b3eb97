// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "ioas/areas.hpp"
#include "ioas/device.hpp"
#include "ioas/range_set.hpp"

namespace aperture::ioas {

class Ioas;

/// A projection in force.
struct Link {
  std::uint64_t id{};
  Ioas* from{};
  IovaRange range;
  Ioas* to{};
  Iova at;
  bool fresh{true};  ///< of a change that is not complete
};

/// One that follows an IOAS, and the projection's number.
struct Follower {
  Ioas* ioas{};
  std::uint64_t projection{};
};

/// What the IOASes of one program share: which devices are known, who is attached where, and what a lost card may still
/// touch. Outlives its IOASes; its devices outlive it. Thread-safe.
class Platform {
 public:
  Platform() = default;
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  /// From now on chosen window bases suit this device too, attached or not. Once is enough.
  void add_known(const Device& device);
  void remove_known(const Device& device);
  /// What some known device cannot use: its reservations, its DMA mask, what none of its formats translates.
  RangeSet known_reserved() const;
  /// What every known device can use: windows in here survive any hot-plug of theirs.
  std::vector<IovaRange> ranges() const { return known_reserved().complement().ranges(); }
  /// The IOAS that the device (or its process) is attached to; null if none.
  Ioas* attached_to(const Device& device, ProcessId process) const;
  /// Who follows this IOAS directly, in the order in which they began.
  std::vector<Follower> followers(const Ioas& leader) const;
  /// Areas whose pages stay pinned because their card was lost, and their release once that card has been reset.
  std::size_t quarantined() const;
  void release_quarantine();

 private:
  friend class Ioas;
  friend class Change;
  friend class Draft;
  using Key = std::pair<const Device*, ProcessId>;

  // Both come before every IOAS's lock, in this order.
  std::mutex attach_mutex_;                ///< held by changes that attach or detach
  mutable std::shared_mutex links_mutex_;  ///< held by every change, alone by those of links_
  std::list<Link> links_;
  std::uint64_t next_link_{1};
  mutable std::mutex mutex_;
  std::vector<const Device*> known_;
  std::map<Key, Ioas*> attached_;
  Areas quarantine_;
  std::uint64_t next_id_{1};
};

}  // namespace aperture::ioas
