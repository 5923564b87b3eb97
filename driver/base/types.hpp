// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

namespace aperture {

/// An address of one address space; spaces do not mix.
template <typename Space>
struct Address {
  std::uint64_t value{};
  constexpr auto operator<=>(const Address&) const = default;
  constexpr Address operator+(std::uint64_t offset) const { return {value + offset}; }
  constexpr Address operator-(std::uint64_t offset) const { return {value - offset}; }
  constexpr std::uint64_t operator-(Address other) const { return value - other.value; }
};

using Iova = Address<struct IovaSpace>;       ///< in front of an IOMMU: what a device puts on the bus
using BusAddress = Address<struct BusSpace>;  ///< behind the card's IOMMU: what the card's masters put on the bus
using GuestPhysical = Address<struct GuestPhysicalSpace>;  ///< a virtual machine's physical address

/// Inclusive range [first, last], so that the whole 64-bit space can be written down. Never empty.
template <typename A>
struct Range {
  A first{};
  A last{};
  constexpr auto operator<=>(const Range&) const = default;
  constexpr bool contains(A a) const { return first <= a && a <= last; }
  constexpr bool contains(const Range& r) const { return first <= r.first && r.last <= last; }
  constexpr bool overlaps(const Range& r) const { return first <= r.last && r.first <= last; }
  /// Bytes minus one: the whole space has a size of 2^64, which does not fit.
  constexpr std::uint64_t extent() const { return last.value - first.value; }
};

using IovaRange = Range<Iova>;
using BusRange = Range<BusAddress>;

inline constexpr std::uint64_t kPageSize = 4096;

}  // namespace aperture
