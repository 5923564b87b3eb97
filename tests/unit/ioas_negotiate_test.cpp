// SPDX-License-Identifier: Apache-2.0
// Windows and detach sets against brute force, on a space of 64 pages.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <bitset>

#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"

namespace aperture::ioas {
namespace {

constexpr std::uint64_t kPages = 64;
std::byte* const kMemory = reinterpret_cast<std::byte*>(std::uintptr_t{0x4000'0000});

/// Pages [first, first + count), cut at the end of the space.
struct Piece {
  std::uint64_t first{};
  std::uint64_t count{};
  std::uint64_t last() const { return std::min(first + count, kPages) - 1; }
  IovaRange range() const { return {{first * kPageSize}, {last() * kPageSize + (kPageSize - 1)}}; }
};

Piece arbitrary_piece(std::uint64_t longest) {
  return {*rc::gen::inRange<std::uint64_t>(0, kPages), *rc::gen::inRange<std::uint64_t>(1, longest + 1)};
}

/// What each device of a set keeps for itself; the space ends with the last page for all of them.
struct Devices {
  explicit Devices(unsigned count) {
    const Format format{"small", 1, 1, {{{0}, {kPages * kPageSize - 1}}}, kPageSize};
    for (unsigned i = 0; i < count; ++i) {
      std::vector<DeviceReservation> reservations;
      const auto pieces = *rc::gen::inRange(0, 4);
      for (int p = 0; p < pieces; ++p) {
        const Piece piece = arbitrary_piece(24);
        reservations.push_back({piece.range(), Cause::kReserved});
        for (std::uint64_t page = piece.first; page <= piece.last(); ++page) keeps[i].set(page);
      }
      devices.push_back(std::make_unique<MemoryDevice>("device" + std::to_string(i), i, pins,
                                                       MemoryDeviceOptions{{format}, reservations, 64}));
    }
  }
  MemoryPins pins;
  std::vector<std::unique_ptr<MemoryDevice>> devices;
  std::array<std::bitset<kPages>, 8> keeps{};
};

bool free_with_guard(const std::bitset<kPages>& used, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t page = first; page < first + count; ++page) {
    if (page >= kPages || used[page]) return false;
  }
  return true;
}

/// What a window with this guard has to keep off.
std::bitset<kPages> taken(const std::bitset<kPages>& reserved, const std::vector<Piece>& maps,
                          const std::vector<std::pair<Piece, std::uint64_t>>& windows, std::uint64_t guard) {
  std::bitset<kPages> out = reserved;
  const auto add = [&](const Piece& piece, std::uint64_t around) {
    const std::uint64_t first = piece.first < around ? 0 : piece.first - around;
    for (std::uint64_t page = first; page <= std::min(piece.last() + around, kPages - 1); ++page) out.set(page);
  };
  for (const Piece& map : maps) add(map, guard);
  for (const auto& [window, own] : windows) add(window, std::max(own, guard));
  return out;
}

RC_GTEST_PROP(Negotiate, PlacesAndVerdictsEqualBruteForce, ()) {
  Devices set(1);
  Platform platform;
  Ioas ioas(platform);
  RC_ASSERT(ioas.attach(*set.devices[0]).has_value());
  const std::bitset<kPages> reserved = set.keeps[0];
  std::vector<Piece> maps;
  std::vector<std::pair<Piece, std::uint64_t>> windows;
  for (int i = 0; i < 12; ++i) {
    const Piece piece = arbitrary_piece(6);
    if (*rc::gen::arbitrary<bool>()) {
      if (ioas.map(kMemory, piece.range().extent() + 1, Prot::kRead, piece.range().first)) maps.push_back(piece);
      continue;
    }
    const auto guard = *rc::gen::inRange<std::uint64_t>(0, 3);
    const bool with_base = *rc::gen::arbitrary<bool>();
    const std::uint64_t align = std::uint64_t{1} << *rc::gen::inRange(0, 3);
    Window window{.name = std::to_string(i), .size = piece.range().extent() + 1, .guard = guard * kPageSize};
    const std::uint64_t count = piece.last() - piece.first + 1;
    std::optional<std::uint64_t> expected;
    if (with_base) {
      window.base = piece.range().first;  // maps may be in it already
      if (free_with_guard(taken(reserved, {}, windows, guard), piece.first, count)) expected = piece.first;
    } else {
      window.align = align * kPageSize;
      const auto used = taken(reserved, maps, windows, guard);
      for (std::uint64_t at = align; at + count <= kPages && !expected; at += align) {
        if (free_with_guard(used, at, count)) expected = at;
      }
    }
    const auto placed = ioas.require({window});
    RC_ASSERT(placed.has_value() == expected.has_value());
    if (!placed) {
      RC_ASSERT(placed.error().number == (with_base ? EADDRINUSE : ENOSPC));
      continue;
    }
    RC_ASSERT(placed->front().range.first.value == *expected * kPageSize);
    windows.emplace_back(Piece{*expected, count}, guard);
  }
}

RC_GTEST_PROP(Negotiate, DetachSetIsTheSmallestThatHelps, ()) {
  const auto count = *rc::gen::inRange(1U, 6U);
  Devices set(count);
  const auto size = *rc::gen::inRange<std::uint64_t>(8, 40);
  const bool with_base = *rc::gen::arbitrary<bool>();
  Window window{.name = "w", .size = size * kPageSize};
  if (with_base) window.base = Iova{*rc::gen::inRange<std::uint64_t>(0, kPages - size + 1) * kPageSize};
  const auto accepted = [&](unsigned gone) {
    std::bitset<kPages> used;
    for (unsigned i = 0; i < count; ++i) {
      if ((gone >> i & 1U) == 0) used |= set.keeps[i];
    }
    if (gone == (1U << count) - 1) return true;  // without any device nothing ends the space
    if (with_base) return free_with_guard(used, window.base->value / kPageSize, size);
    for (std::uint64_t at = 1; at + size <= kPages; ++at) {
      if (free_with_guard(used, at, size)) return true;
    }
    return false;
  };
  unsigned best = count;
  for (unsigned gone = 0; gone < 1U << count; ++gone) {
    if (accepted(gone)) best = std::min(best, static_cast<unsigned>(std::popcount(gone)));
  }
  Platform platform;
  Ioas ioas(platform);
  for (const auto& device : set.devices) RC_ASSERT(ioas.attach(*device).has_value());
  const auto placed = ioas.require({window});
  RC_ASSERT(placed.has_value() == (best == 0));
  if (placed) return;
  const std::vector<std::string>& names = placed.error().report->detach_set;
  RC_ASSERT(names.size() == best);
  for (const auto& device : set.devices) {
    if (std::ranges::find(names, device->name()) == names.end()) continue;
    RC_ASSERT(Ioas::detach(platform, *device).has_value());
  }
  RC_ASSERT(ioas.require({window}).has_value());
}

}  // namespace
}  // namespace aperture::ioas
