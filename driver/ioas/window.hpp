// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/types.hpp"

namespace aperture::ioas {

enum class Place : std::uint8_t { kAny, kLow32, kHigh };  ///< anywhere; below 4 GiB (32-bit masters); from 4 GiB on
enum class Owner : std::uint8_t { kUser, kPool };         ///< only fixed maps; automatic IOVAs come from here

/// A range of IOVAs that its owner needs and that nothing may narrow until it is released.
struct Window {
  std::string name;
  std::optional<Iova> base{};  ///< none: the IOAS chooses
  std::uint64_t size{};
  std::uint64_t align{};    ///< of a chosen base; power of two or 0
  std::uint64_t granule{};  ///< maps in here keep to multiples of it; power of two or 0
  std::uint64_t guard{};    ///< bytes on either side that no other window and no automatic map uses
  Place place{Place::kAny};
  Owner owner{Owner::kUser};
};

/// A window and where it is.
struct PlacedWindow {
  Window window;
  IovaRange range;
  bool provisional{};     ///< may still move: no device attached, nothing mapped into it, not bound
  std::uint64_t since{};  ///< generation that it came with

  /// The range with `guard` bytes on either side.
  IovaRange guarded(std::uint64_t guard) const {
    const std::uint64_t first = range.first.value < guard ? 0 : range.first.value - guard;
    const std::uint64_t last = range.last.value > ~guard ? ~std::uint64_t{0} : range.last.value + guard;
    return {{first}, {last}};
  }
};

}  // namespace aperture::ioas
