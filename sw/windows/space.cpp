// SPDX-License-Identifier: Apache-2.0
#include "windows/space.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "ioas/text.hpp"

namespace aperture::sw::windows {
namespace {

using ioas::kMax;

/// A refusal's claim on a range.
struct Claim {
  IovaRange range;
  std::string text;
};

std::string owned(ioas::Cause cause, const std::string& device) {
  std::string text(ioas::name(cause));
  if (!device.empty()) text += " of " + device;
  return text;
}

std::optional<IovaRange> intersection(IovaRange a, IovaRange b) {
  if (!a.overlaps(b)) return {};
  return IovaRange{std::max(a.first, b.first), std::min(a.last, b.last)};
}

std::vector<Claim> claims(const Space& space) {
  std::vector<Claim> out;
  for (const ioas::Report& report : space.refused) {
    const std::string before = report.subject + ": ";
    for (const ioas::WindowReport& window : report.windows) {
      if (window.verdict != ioas::Verdict::kBlocked) continue;
      for (const ioas::Blocker& blocker : window.blockers) {
        const auto both = intersection(window.range, blocker.range);
        if (both) out.push_back({*both, before + owned(blocker.cause, blocker.device)});
      }
    }
    for (const ioas::Blocker& map : report.maps_blocked) {
      out.push_back({map.range, before + owned(map.cause, map.device)});
    }
  }
  return out;
}

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(text);
}

std::string access(ioas::Prot prot) {
  std::string text;
  if (readable(prot)) text += 'r';
  if (writable(prot)) text += 'w';
  return text;
}

State state_of(const Piece& piece) {
  if (!piece.blocked.empty()) return State::kBlocked;
  if (piece.mapped != 0) return State::kMapped;
  if (!piece.window.empty()) return State::kRequired;
  if (!piece.reserved.empty()) return State::kReserved;
  return piece.allowed ? State::kAllowed : State::kUsable;
}

bool same_place(const Piece& a, const Piece& b) {
  return a.reserved == b.reserved && a.window == b.window && a.allowed == b.allowed && a.blocked == b.blocked;
}

void append(Piece& to, const Piece& from) {
  to.range.last = from.range.last;
  to.maps += from.maps;
  to.mapped += from.mapped;
  if (to.access.empty()) {
    to.access = from.access;
  } else if (!from.access.empty() && (", " + to.access + ",").find(", " + from.access + ",") == std::string::npos) {
    to.access += ", " + from.access;
  }
  to.state = state_of(to);
}

/// Neighbours that `alike` says are one.
template <typename Alike>
std::vector<Piece> joined(const std::vector<Piece>& list, Alike&& alike) {
  std::vector<Piece> out;
  for (const Piece& piece : list) {
    if (!out.empty() && alike(out.back(), piece)) {
      append(out.back(), piece);
    } else {
      out.push_back(piece);
    }
  }
  return out;
}

/// What begins and ends somewhere in the space, as piece by piece it is.
class Sweep {
 public:
  Sweep(const Space& space, const std::vector<Claim>& claims) : space_(space), claims_(claims) {
    for (const auto& r : space.reservations) cut(r.range);
    for (const auto& w : space.windows) cut(w.range);
    for (const auto& range : space.allowed) cut(range);
    for (const auto& map : space.maps) cut(map.range);
    for (const auto& claim : claims) cut(claim.range);
  }

  std::vector<Piece> pieces() {
    std::vector<Piece> out;
    for (auto at = starts_.begin(); at != starts_.end(); ++at) {
      const auto after = std::next(at);
      out.push_back(piece({{*at}, {after == starts_.end() ? kMax : *after - 1}}));
    }
    return out;
  }

 private:
  void cut(IovaRange range) {
    starts_.insert(range.first.value);
    if (range.last.value != kMax) starts_.insert(range.last.value + 1);
  }

  Piece piece(IovaRange range) {
    Piece out;
    out.range = range;
    for (const auto& r : space_.reservations) {
      if (r.range.overlaps(range)) add_once(out.reserved, owned(r.cause, r.device));
    }
    for (const auto& w : space_.windows) {
      if (w.range.overlaps(range)) out.window = w.window.name.empty() ? "?" : w.window.name;
    }
    out.allowed = std::ranges::any_of(space_.allowed, [&](IovaRange a) { return a.overlaps(range); });
    while (map_ < space_.maps.size() && space_.maps[map_].range.last < range.first) ++map_;
    if (map_ < space_.maps.size() && space_.maps[map_].range.overlaps(range)) {
      out.maps = space_.maps[map_].range.first == range.first ? 1 : 0;
      out.mapped = range.extent() + 1;
      out.access = access(space_.maps[map_].prot);
    }
    for (const Claim& claim : claims_) {
      if (claim.range.overlaps(range)) add_once(out.blocked, claim.text);
    }
    out.state = state_of(out);
    return out;
  }

  const Space& space_;
  const std::vector<Claim>& claims_;
  std::set<std::uint64_t> starts_{0};
  std::size_t map_{};  ///< the next one, as pieces are made in ascending order
};

}  // namespace

Space look(const ioas::Ioas& ioas) {
  Space space;
  space.name = ioas.name();
  for (const ioas::Device* device : ioas.attached()) add_once(space.devices, device->name());
  space.alignment = ioas.ranges().alignment;
  space.reservations = ioas.reservations();
  space.windows = ioas.windows();
  space.allowed = ioas.allowed();
  for (const auto& map : ioas.maps()) space.maps.push_back({map.range, map.prot});
  return space;
}

std::string_view name(State state) {
  constexpr std::string_view kNames[] = {"usable", "reserved", "allowed", "required", "mapped", "blocked"};
  return kNames[static_cast<std::size_t>(state)];
}

char symbol(State state) { return "./+=#X"[static_cast<std::size_t>(state)]; }

std::string Piece::text() const {
  const auto listed = [](const std::vector<std::string>& list) {
    std::string text;
    for (const std::string& one : list) text += (text.empty() ? "" : ", ") + one;
    return text;
  };
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  if (!blocked.empty()) add("blocked: " + listed(blocked));
  if (!access.empty()) {
    std::string part = "mapped " + access;
    if (maps > 1) part += fmt::format(", {} maps", maps);
    if (mapped != range.extent() + 1) part += " of " + size_text({{0}, {mapped - 1}});
    add(part);
  }
  if (!window.empty()) add("window \"" + window + "\"");
  if (!reserved.empty()) add("reserved: " + listed(reserved));
  if (allowed) add("allowed");
  return text.empty() ? "usable" : text;
}

std::vector<Piece> pieces(const Space& space, std::size_t most) {
  const std::vector<Claim> refused = claims(space);
  auto list = joined(Sweep(space, refused).pieces(), [](const Piece& a, const Piece& b) {
    return same_place(a, b) && a.access == b.access && a.state == b.state;
  });
  if (list.size() > most) list = joined(list, same_place);
  return list;
}

std::string size_text(IovaRange range) {
  constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (range.extent() == kMax) return "16 EiB";
  const std::uint64_t bytes = range.extent() + 1;
  const std::uint64_t exact = static_cast<std::uint64_t>(std::countr_zero(bytes)) / 10;
  const auto largest = static_cast<std::uint64_t>(std::bit_width(bytes) - 1) / 10;
  if (largest == 0) return fmt::format("{} byte{}", bytes, bytes == 1 ? "" : "s");
  if (exact == largest) return fmt::format("{} {}", bytes >> (10 * largest), kUnits[largest]);
  const double value = static_cast<double>(bytes) / static_cast<double>(std::uint64_t{1} << (10 * largest));
  const std::string digits = value < 10    ? fmt::format("{:.2f}", value)
                             : value < 100 ? fmt::format("{:.1f}", value)
                                           : fmt::format("{:.0f}", value);
  // 1.5 GiB is exact if it is a multiple of a hundredth, to the byte.
  const std::uint64_t remainder = bytes & ((std::uint64_t{1} << (10 * largest)) - 1);
  const bool half = value < 100 && remainder == std::uint64_t{1} << (10 * largest - 1);
  const bool quarter = value < 10 && remainder % (std::uint64_t{1} << (10 * largest - 2)) == 0;
  if (half) return fmt::format("{}.5 {}", bytes >> (10 * largest), kUnits[largest]);
  return fmt::format("{}{} {}", quarter ? "" : "~", digits, kUnits[largest]);
}

}  // namespace aperture::sw::windows
