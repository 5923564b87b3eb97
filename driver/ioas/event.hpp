// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.hpp"
#include "ioas/cause.hpp"

namespace aperture::ioas {

/// Something about an IOAS that is not a map has changed.
struct Event {
  enum class Kind : std::uint8_t {
    kReserved,    ///< addresses were taken away; `cause` and `device` say by what
    kUnreserved,  ///< such a reservation is gone; another one may still cover its addresses
    kAttached,    ///< `device`
    kDetached,    ///< `device`
    kAlignment,   ///< first = last = the alignment from now on
    kWindow,      ///< `name` was placed, moved, resized or bound
    kReleased,    ///< `name`
    kFrozen,
  };
  std::uint64_t generation{};  ///< the one that began with it; several events may share one
  Kind kind{};
  IovaRange range;       ///< kReserved, kUnreserved, kWindow, kReleased, kAlignment
  Cause cause{};         ///< kReserved, kUnreserved
  std::string device{};  ///< whose; empty if no device's
  std::string name{};    ///< a window's
  bool operator==(const Event&) const = default;
};

/// "reserved", "unreserved", "attached", "detached", "alignment", "window", "released", "frozen".
std::string_view name(Event::Kind kind);

/// The last events of an IOAS, oldest first. Its size is fixed: adding never allocates, the oldest give way.
class Journal {
 public:
  static constexpr std::size_t kSize = 512;
  Journal() : ring_(kSize) {}
  void add(Event&& event) noexcept;
  /// Those with a later generation than `since`, as far as they are still known.
  std::vector<Event> since(std::uint64_t generation) const;
  /// Events up to this generation may have been forgotten.
  std::uint64_t forgotten() const { return forgotten_; }

 private:
  std::vector<Event> ring_;
  std::size_t next_{};
  std::size_t count_{};
  std::uint64_t forgotten_{};
};

}  // namespace aperture::ioas
