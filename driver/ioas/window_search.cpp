// SPDX-License-Identifier: Apache-2.0
#include "ioas/window_search.hpp"

#include <algorithm>
#include <set>

namespace aperture::ioas {
namespace {

constexpr std::uint64_t kLowEnd = 0xffffffff;
/// Where addresses are chosen: not in page 0 and the top page, so that null pointers and wrapped ends stay faults.
constexpr IovaRange kChosen{{kPageSize}, {kMax - kPageSize}};

/// All that `window` must keep off but maps.
RangeSet kept_off(const Shape& shape, const Window& window) {
  std::vector<IovaRange> taken = shape.reserved.ranges();
  if (window.place == Place::kLow32) taken.push_back({{kLowEnd + 1}, {kMax}});
  if (window.place == Place::kHigh) taken.push_back({{0}, {kLowEnd}});
  for (const PlacedWindow& other : shape.windows) {
    if (other.window.name == window.name) continue;
    taken.push_back(other.guarded(std::max(other.window.guard, window.guard)));
  }
  return RangeSet(taken);
}

/// `own`: maps that meet this range do not count, for they would move with the window.
RangeSet free_space(const State& state, const Window& window, IovaRange own) {
  std::vector<IovaRange> taken = kept_off(state.shape, window).ranges();
  for (const Area& area : state.areas) {
    if (own.overlaps(area.range)) continue;
    taken.push_back(PlacedWindow{{}, area.range}.guarded(window.guard));
  }
  return RangeSet(taken).complement();
}

std::uint64_t base_alignment(const State& state, const Window& window) {
  return std::max({window.align, window.granule, state.shape.alignment, kPageSize});
}

/// The nearest places below and above `base`.
std::vector<IovaRange> nearest(const RangeSet& free, Iova base, std::uint64_t size, std::uint64_t alignment) {
  std::optional<IovaRange> below;
  std::optional<IovaRange> above;
  for (const IovaRange& part : free.ranges()) {
    std::uint64_t low = 0;
    if (!align_up(part.first.value, alignment, low) || low > part.last.value || part.last.value - low < size - 1)
      continue;
    const std::uint64_t high = (part.last.value - (size - 1)) & ~(alignment - 1);
    std::uint64_t up = 0;
    if (low <= base.value) {
      const std::uint64_t start = std::min(high, base.value & ~(alignment - 1));
      below = IovaRange{{start}, {start + (size - 1)}};
    }
    if (!above && align_up(std::max(low, base.value), alignment, up) && up <= high) {
      above = IovaRange{{up}, {up + (size - 1)}};
    }
  }
  std::vector<IovaRange> out;
  if (below) out.push_back(*below);
  if (above && above != below) out.push_back(*above);
  if (out.size() == 2 && above->first - base < base - below->first) std::swap(out[0], out[1]);
  return out;
}

/// The window shortened at its own base, or else the largest piece of free space that is smaller than it. Where all of
/// it has room, another base is the answer.
std::optional<IovaRange> shortened(const RangeSet& free, IovaRange wanted, std::uint64_t alignment) {
  std::optional<IovaRange> best;
  for (const IovaRange& part : free.ranges()) {
    std::uint64_t start = 0;
    if (part.contains(wanted.first) && wanted.first.value % alignment == 0) {
      start = wanted.first.value;
    } else if (!align_up(part.first.value, alignment, start) || start > part.last.value) {
      continue;
    }
    const std::uint64_t room = part.last.value == kMax ? kMax - start : part.last.value - start + 1;
    if (room > wanted.extent()) continue;
    const std::uint64_t size = room & ~(alignment - 1);
    if (size == 0) continue;
    const IovaRange piece{{start}, {start + (size - 1)}};
    if (start == wanted.first.value) return piece;
    if (!best || piece.extent() > best->extent()) best = piece;
  }
  return best;
}

void add_formats(const State& state, const PlacedWindow& wanted, std::vector<Alternative>& out) {
  std::set<std::string> seen;
  for (const Attachment& attachment : state.shape.attachments) {
    const auto slot = std::ranges::find(state.shape.slots, attachment.slot, &Slot::id);
    const RangeSet current(slot->format.apertures);
    if (current.contains(wanted.range)) continue;
    for (const Format& format : attachment.device->formats(attachment.process)) {
      if (!RangeSet(format.apertures).contains(wanted.range) || !seen.insert(format.name).second) continue;
      const auto kind = format.stage == slot->format.stage ? Alternative::Kind::kMode : Alternative::Kind::kStage;
      out.push_back({kind, wanted.range, 0, format.name, {}});
    }
  }
}

}  // namespace

std::vector<SearchRange> search_ranges(const Shape& shape) {
  // Allowed ranges that touch are one; page 0 and the top page are never chosen, allowed or not.
  const RangeSet everything(std::span(&kChosen, 1));
  const std::vector<IovaRange> list =
      (shape.allowed.empty() ? everything : RangeSet(shape.allowed).intersect(everything)).ranges();
  std::vector<SearchRange> out;
  if (shape.windows.empty()) {
    for (const IovaRange& range : list) out.push_back({range, 1});
    return out;
  }
  std::vector<IovaRange> windows;
  bool pools = false;
  for (const PlacedWindow& placed : shape.windows) {
    pools = pools || placed.window.owner == Owner::kPool;
    if (placed.window.owner == Owner::kUser) windows.push_back(placed.guarded(placed.window.guard));
  }
  const RangeSet kept_off(windows);
  for (const IovaRange& range : list) {
    RangeSet open(std::span(&range, 1));
    open.subtract(kept_off);
    if (!pools) {
      for (const IovaRange& part : open.ranges()) out.push_back({part, 1});
      continue;
    }
    std::vector<SearchRange> parts;
    for (const PlacedWindow& placed : shape.windows) {
      if (placed.window.owner != Owner::kPool) continue;
      const RangeSet inside = open.intersect(RangeSet(std::span(&placed.range, 1)));
      for (const IovaRange& part : inside.ranges()) {
        parts.push_back({part, std::max(placed.window.granule, std::uint64_t{1})});
      }
    }
    std::ranges::sort(parts, {}, [](const SearchRange& s) { return s.range; });
    out.insert(out.end(), parts.begin(), parts.end());
  }
  return out;
}

std::optional<IovaRange> choose_range(const State& state, const Window& window, const RangeSet& avoid) {
  const SearchRange all{kChosen, 1};
  const std::uint64_t alignment = base_alignment(state, window);
  const Elsewhere guard = [&](IovaRange place) -> std::optional<std::uint64_t> {
    const IovaRange guarded = PlacedWindow{{}, place}.guarded(window.guard);
    const auto area = state.areas.from(guarded.first);
    if (area == state.areas.end() || !area->range.overlaps(guarded)) return {};
    const std::uint64_t last = area->range.last.value;
    return last >= kMax - window.guard ? kMax : last + window.guard + 1;
  };
  RangeSet used = kept_off(state.shape, window);
  RangeSet preferred = used;
  preferred.add(avoid);
  for (const RangeSet* taken : {&preferred, &used}) {
    const auto found = find_first_fit({all}, *taken, state.areas, 0, window.size, alignment, guard);
    if (found) return IovaRange{*found, *found + (window.size - 1)};
  }
  return {};
}

std::vector<Alternative> alternatives(const State& state, const PlacedWindow& wanted) {
  using Kind = Alternative::Kind;
  std::vector<Alternative> out;
  const RangeSet free = free_space(state, wanted.window, wanted.range);
  const std::uint64_t alignment = base_alignment(state, wanted.window);
  for (const IovaRange& range : nearest(free, wanted.range.first, wanted.window.size, alignment)) {
    if (range != wanted.range) out.push_back({Kind::kBase, range, 0, {}, {}});
  }
  if (const auto range = shortened(free, wanted.range, alignment)) out.push_back({Kind::kSize, *range, 0, {}, {}});
  if (wanted.window.granule != 0 && wanted.window.granule < state.shape.alignment) {
    out.push_back({Kind::kGranule, wanted.range, state.shape.alignment, {}, {}});
  }
  add_formats(state, wanted, out);
  return out;
}

}  // namespace aperture::ioas
