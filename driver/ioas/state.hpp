// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ioas/areas.hpp"
#include "ioas/cause.hpp"
#include "ioas/device.hpp"
#include "ioas/event.hpp"
#include "ioas/range_set.hpp"
#include "ioas/window.hpp"

namespace aperture::ioas {

inline constexpr std::uint64_t kUserOwner = 0;

/// Addresses that are not available. Those of different owners may overlap; taking one away never exposes another's.
struct Reservation {
  IovaRange range;
  Cause cause{};
  std::uint64_t owner{kUserOwner};  ///< an attachment's or a slot's id
  std::string device;
  std::uint64_t since{};
};

/// A domain of an IOAS, in order of creation. Its id owns the reservations around its apertures.
struct Slot {
  std::uint64_t id{};
  Format format;
  PinProvider* provider{};
  Device* maker{};
  std::size_t format_index{};
  ProcessId process;
  std::shared_ptr<Domain> domain;  ///< null until the change that adds the slot is prepared
  std::size_t edit{};              ///< of the change in progress that adds it
  bool fresh{true};                ///< that change is not complete
  bool manual{};                   ///< made by the user: stays without devices, and is never chosen for one
  bool can_track{true};            ///< its writes may be tracked on their own
  bool dirty{};                    ///< they are
};

/// A device (or one process of it) that uses this IOAS. Its id owns the device's reservations.
struct Attachment {
  std::uint64_t id{};
  Device* device{};
  ProcessId process;
  std::uint64_t slot{};
  std::string name;  ///< the device's
  std::optional<GuestTable> guest{};
  std::size_t edit{};  ///< as in Slot
  bool fresh{true};
};

/// All of an IOAS but its areas: small, so that a change can keep a copy to go back to.
struct Shape {
  std::list<Reservation> reservations;  ///< oldest first
  std::vector<PlacedWindow> windows;
  std::vector<IovaRange> allowed;  ///< ascending, as the user gave them
  std::list<Slot> slots;
  std::list<Attachment> attachments;
  RangeSet reserved;  ///< union of the reservations
  std::uint64_t alignment{1};
  std::uint64_t generation{};
  std::uint64_t next_id{1};
  bool huge_pages{true};
  bool dirty{};                         ///< writes are tracked, in domains to come too
  std::optional<std::uint64_t> frozen;  ///< nothing may narrow since this generation

  void reserve(Reservation reservation);
  /// Moves the owner's reservations to `gone` and recomputes the union. Never allocates.
  void drop_owner(std::uint64_t owner, std::list<Reservation>& gone) noexcept;
  void recompute_reserved() noexcept;
  /// The largest of the domains' granules, and 4 KiB without huge pages.
  std::uint64_t needed_alignment() const;
  std::vector<IovaRange> ranges() const { return reserved.complement().ranges(); }
  /// What no device may narrow: the windows and the allow list.
  RangeSet required() const;
  std::list<Attachment>::iterator find(const Device& device, ProcessId process);
  std::vector<PlacedWindow>::iterator window(const std::string& name);
};

struct State {
  Shape shape;
  Areas areas;
  PinProvider* eager{};  ///< pins every area at once, whether or not there is a domain
  Journal journal;
};

}  // namespace aperture::ioas
