// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "ioas/ioas.hpp"
#include "ioas/prot.hpp"
#include "ioas/report.hpp"
#include "ioas/state.hpp"
#include "ioas/window.hpp"

namespace aperture::sw::windows {

struct Map {
  IovaRange range;
  ioas::Prot prot{};
};

/// All that a picture of an address space is made of. It stands for itself: the IOAS may be gone.
struct Space {
  std::string name;                  ///< empty: it has none
  std::vector<std::string> devices;  ///< attached
  std::uint64_t alignment{1};
  std::vector<ioas::Reservation> reservations;  ///< those of different owners may overlap
  std::vector<ioas::PlacedWindow> windows;      ///< disjoint
  std::vector<IovaRange> allowed;               ///< disjoint
  std::vector<Map> maps;                        ///< ascending, disjoint
  std::vector<ioas::Report> refused;            ///< calls that this space has refused, to be drawn too
};

Space look(const ioas::Ioas& ioas);

/// What a stretch of addresses is, the more interesting after the less.
enum class State : std::uint8_t { kUsable, kReserved, kAllowed, kRequired, kMapped, kBlocked };

/// "usable", "reserved", "allowed", "required", "mapped", "blocked", and the sign for each: . / + = # X
std::string_view name(State state);
char symbol(State state);

/// A stretch of addresses that is the same throughout.
struct Piece {
  IovaRange range;
  State state{};
  std::vector<std::string> reserved;  ///< by whom, each once: "msi of nic"
  std::string window;                 ///< its name; empty: in none
  bool allowed{};
  std::size_t maps{};
  std::uint64_t mapped{};            ///< bytes; less than the range where maps were folded
  std::string access;                ///< of the maps: "rw", or "r, rw" where they differ
  std::vector<std::string> blocked;  ///< what was refused here and why: "attach legacy: dma_mask of legacy"

  /// All of that in words.
  std::string text() const;
};

/// The whole space, from 0 to 2^64 - 1, in ascending pieces without gaps. Beyond `most` of them, neighbours that differ
/// only in what is mapped are folded into one.
std::vector<Piece> pieces(const Space& space, std::size_t most = 40);

/// "4 KiB", "1.5 GiB", "~16 EiB": exact, or with a ~ and three digits.
std::string size_text(IovaRange range);

}  // namespace aperture::sw::windows
