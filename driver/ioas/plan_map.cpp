// SPDX-License-Identifier: Apache-2.0
// Maps, copies, clones and unmaps.
#include <algorithm>
#include <span>

#include "ioas/allocator.hpp"
#include "ioas/plan.hpp"
#include "ioas/text.hpp"

namespace aperture::ioas {
namespace {

struct Chunk {
  std::shared_ptr<Pages> pages;
  std::uint64_t offset;
  std::uint64_t length;
};

/// Linux takes 2^64 - 1 for "none", so neither an address nor a length can be that.
bool out_of_range(std::uint64_t value) { return value == kMax; }

std::vector<SearchRange> search_ranges(const Shape& shape) {
  std::vector<IovaRange> list = shape.allowed;
  if (list.empty()) list.push_back({{kPageSize}, {kMax - kPageSize}});
  std::vector<SearchRange> out;
  if (shape.windows.empty()) {
    for (const IovaRange& range : list) out.push_back({range, 1});
    return out;
  }
  RangeSet kept_off;
  bool pools = false;
  for (const PlacedWindow& placed : shape.windows) {
    pools = pools || placed.window.owner == Owner::kPool;
    if (placed.window.owner == Owner::kUser) kept_off.add(placed.guarded(placed.window.guard));
  }
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

Planned<Iova> place_automatically(const State& state, std::uint64_t origin, std::uint64_t length) {
  const auto alignment = automatic_alignment(origin, length, state.shape.alignment);
  if (!alignment) return refuse(alignment.error().code, alignment.error().number, alignment.error().what);
  const auto found =
      find_first_fit(search_ranges(state.shape), state.shape.reserved, state.areas, origin, length, *alignment);
  if (!found) return refuse(Code::kNoSpace, ENOSPC, "no room for " + size_text({{0}, {length - 1}}));
  return *found;
}

Planned<> check_fixed(const State& state, Iova iova, std::uint64_t length) {
  const Shape& shape = state.shape;
  if ((iova.value & (shape.alignment - 1)) != 0) {
    return refuse(Code::kInvalid, EINVAL, "IOVA " + hex(iova.value) + " is not a multiple of " + hex(shape.alignment));
  }
  if (iova.value > kMax - (length - 1))
    return refuse(Code::kInvalid, EOVERFLOW, "the range passes the end of the space");
  const IovaRange range{iova, iova + (length - 1)};
  if (shape.reserved.overlaps(range)) {
    Finding finding{Code::kInvalid, EINVAL, {}, {}, {}, {}};
    for (const Reservation& r : shape.reservations) {
      if (!r.range.overlaps(range)) continue;
      if (finding.what.empty()) {
        finding.what = "range " + text(range) + " meets " + text(r.range) + ", reserved by " +
                       std::string(name(r.cause)) + (r.device.empty() ? "" : " of " + r.device);
      }
      finding.maps.push_back({range, r.cause, r.device, r.since});
    }
    return std::unexpected(std::move(finding));
  }
  const auto area = first_area(state.areas, iova);
  if (area != state.areas.end() && area->second.range.overlaps(range)) {
    Finding finding{
        Code::kExists, EEXIST, "range " + text(range) + " meets the map " + text(area->second.range), {}, {}, {}};
    finding.maps.push_back({area->second.range, Cause::kMapping, {}, 0});
    return std::unexpected(std::move(finding));
  }
  return {};
}

/// A map that enters a window binds it and keeps to its granule.
Planned<> enter_windows(Draft& draft, IovaRange range, std::uint64_t offset) {
  const Shape& shape = draft.state().shape;
  for (std::size_t i = 0; i < shape.windows.size(); ++i) {
    const PlacedWindow& placed = shape.windows[i];
    if (!placed.range.overlaps(range)) continue;
    const std::uint64_t granule = std::max(placed.window.granule, std::uint64_t{1});
    if (((range.first.value | (range.extent() + 1) | offset) & (granule - 1)) != 0) {
      Finding finding{
          Code::kInvalid,
          EINVAL,
          "range " + text(range) + " breaks the granule " + hex(granule) + " of window \"" + placed.window.name + "\"",
          {},
          {},
          {}};
      finding.maps.push_back({range, Cause::kGranule, {}, 0});
      return std::unexpected(std::move(finding));
    }
    if (placed.provisional) {
      Shape& edited = draft.edit_shape();
      edited.windows[i].provisional = false;
      edited.generation = draft.shape_before().generation + 1;
    }
  }
  return {};
}

Planned<Iova> insert(Draft& draft, std::span<const Chunk> chunks, std::uint64_t length, std::optional<Iova> wanted,
                     Prot prot) {
  const State& state = draft.state();
  const std::uint64_t mask = state.shape.alignment - 1;
  if ((length & mask) != 0) {
    return refuse(Code::kInvalid, EINVAL, "length " + hex(length) + " is not a multiple of " + hex(mask + 1));
  }
  Iova start;
  if (wanted) {
    if (auto checked = check_fixed(state, *wanted, length); !checked) return std::unexpected(checked.error());
    start = *wanted;
  } else {
    const Chunk& first = chunks.front();
    auto placed = place_automatically(state, first.pages->alignment_origin(first.offset), length);
    if (!placed) return placed;
    start = *placed;
  }
  if (draft.removed_overlaps({start, start + (length - 1)})) {
    return refuse(Code::kInvalid, EINVAL, "the same change unmaps this range");
  }
  Iova at = start;
  for (const Chunk& chunk : chunks) {
    if (writable(prot) && !chunk.pages->writable()) {
      return refuse(Code::kPermission, EPERM, "the memory was mapped read-only");
    }
    if (((at.value | chunk.length | chunk.offset) & mask) != 0) {
      return refuse(Code::kInvalid, EINVAL, "the memory is not a multiple of " + hex(mask + 1));
    }
    const IovaRange range{at, at + (chunk.length - 1)};
    if (auto entered = enter_windows(draft, range, chunk.offset); !entered) return std::unexpected(entered.error());
    draft.add(range, chunk.pages, chunk.offset, prot);
    at = at + chunk.length;
  }
  return start;
}

Planned<> no_access(Prot prot) {
  if (prot == Prot::kNone) return refuse(Code::kInvalid, EINVAL, "neither reads nor writes are wanted");
  return {};
}

}  // namespace

Planned<> plan(PlanContext& context, const MapEdit& edit, Effect& effect) {
  if ((edit.iova && out_of_range(edit.iova->value)) || out_of_range(edit.length)) {
    return refuse(Code::kInvalid, EOVERFLOW, "the IOVA or the length is out of range");
  }
  if (auto ok = no_access(edit.prot); !ok) return ok;
  const auto address = reinterpret_cast<std::uintptr_t>(edit.memory);
  if (edit.length > kMax - address) return refuse(Code::kInvalid, EOVERFLOW, "the memory passes the end of the space");
  if (edit.length == 0 || edit.length > kMax - kPageSize) {
    return refuse(Code::kInvalid, EINVAL, "the length is 0 or out of range");
  }
  if (edit.file && edit.file->file && (address ^ edit.file->offset) % kPageSize != 0) {
    return refuse(Code::kInvalid, EINVAL,
                  "memory at " + hex(address) + " cannot be a mapping of a file from offset " + hex(edit.file->offset));
  }
  auto pages = std::make_shared<Pages>(edit.memory, edit.length, writable(edit.prot), edit.file);
  const std::uint64_t head = pages->head();
  const Chunk chunk{std::move(pages), head, edit.length};
  const auto iova = insert(context.draft(*edit.to), std::span(&chunk, 1), edit.length, edit.iova, edit.prot);
  if (!iova) return std::unexpected(iova.error());
  effect.iova = *iova;
  return {};
}

Planned<> plan(PlanContext& context, const CopyEdit& edit, Effect& effect) {
  if ((edit.iova && out_of_range(edit.iova->value)) || out_of_range(edit.length) ||
      out_of_range(edit.from_iova.value)) {
    return refuse(Code::kInvalid, EOVERFLOW, "an IOVA or the length is out of range");
  }
  if (auto ok = no_access(edit.prot); !ok) return ok;
  if (edit.length == 0) return refuse(Code::kInvalid, EINVAL, "the length is 0");
  if (edit.from_iova.value > kMax - (edit.length - 1)) {
    return refuse(Code::kInvalid, EOVERFLOW, "the source passes the end of the space");
  }
  const Areas& areas = context.draft(*edit.from).state().areas;
  std::vector<Chunk> chunks;
  const Iova last = edit.from_iova + (edit.length - 1);
  Iova at = edit.from_iova;
  for (auto area = first_area(areas, at); at <= last; ++area) {
    if (area == areas.end() || area->second.range.first > at) {
      return refuse(Code::kNotFound, ENOENT, "nothing is mapped at " + hex(at.value) + " of the source");
    }
    const Iova end = std::min(last, area->second.range.last);
    chunks.push_back({area->second.pages.get(), area->second.offset + (at - area->second.range.first), end - at + 1});
    if (end == last) break;
    at = end + 1;
  }
  const auto iova = insert(context.draft(*edit.to), chunks, edit.length, edit.iova, edit.prot);
  if (!iova) return std::unexpected(iova.error());
  effect.iova = *iova;
  return {};
}

Planned<> plan(PlanContext& context, const CloneEdit& edit, Effect&) {
  const State& source = context.draft(*edit.from).state();
  Draft& draft = context.draft(*edit.to);
  const auto moved = [&](IovaRange r) { return IovaRange{r.first + edit.rebase, r.last + edit.rebase}; };
  const RangeSet wanted = edit.ranges.empty() ? RangeSet(std::span(&kAll, 1)) : RangeSet(edit.ranges);
  const auto wraps = [&](IovaRange r) { return moved(r).last < moved(r).first; };
  Shape& shape = draft.edit_shape();
  for (const Reservation& r : source.shape.reservations) {
    if (r.owner != kUserOwner || !wanted.contains(r.range)) continue;
    if (wraps(r.range)) return refuse(Code::kInvalid, EOVERFLOW, "a rebased reservation passes the end of the space");
    shape.reserve(moved(r.range), r.cause, kUserOwner, r.device);
  }
  for (const IovaRange& range : source.shape.allowed) {
    if (!wanted.contains(range)) continue;
    if (wraps(range)) return refuse(Code::kInvalid, EOVERFLOW, "a rebased allowed range passes the end of the space");
    shape.allowed.push_back(moved(range));
  }
  std::ranges::sort(shape.allowed);
  for (const PlacedWindow& placed : source.shape.windows) {
    if (!wanted.contains(placed.range)) continue;
    if (wraps(placed.range)) return refuse(Code::kInvalid, EOVERFLOW, "a rebased window passes the end of the space");
    PlacedWindow copy = placed;
    copy.range = moved(placed.range);
    if (copy.window.base) copy.window.base = copy.range.first;
    shape.windows.push_back(copy);
  }
  for (const auto& [iova, area] : source.areas) {
    RangeSet pieces = wanted.intersect(RangeSet(std::span(&area.range, 1)));
    for (const IovaRange& piece : pieces.ranges()) {
      if (wraps(piece)) return refuse(Code::kInvalid, EOVERFLOW, "a rebased map passes the end of the space");
      const Chunk chunk{area.pages.get(), area.offset + (piece.first - area.range.first), piece.extent() + 1};
      const auto at =
          insert(draft, std::span(&chunk, 1), chunk.length, moved(piece).first, edit.prot.value_or(area.prot));
      if (!at) return std::unexpected(at.error());
    }
  }
  return {};
}

Planned<> plan(PlanContext& context, const UnmapEdit& edit, Effect& effect) {
  Draft& draft = context.draft(*edit.from);
  Areas& areas = draft.state().areas;
  const bool all = edit.iova.value == 0 && edit.length == kMax;
  auto first = areas.begin();
  auto last = areas.end();
  if (!all) {
    if (out_of_range(edit.iova.value) || out_of_range(edit.length)) {
      return refuse(Code::kInvalid, EOVERFLOW, "the IOVA or the length is out of range");
    }
    if (edit.length == 0) return refuse(Code::kInvalid, EINVAL, "the length is 0");
    if (edit.iova.value > kMax - (edit.length - 1)) {
      return refuse(Code::kInvalid, EOVERFLOW, "the range passes the end of the space");
    }
    const IovaRange range{edit.iova, edit.iova + (edit.length - 1)};
    first = first_area(areas, range.first);
    last = areas.upper_bound(range.last);
    if (first == last) return refuse(Code::kNotFound, ENOENT, "nothing is mapped in " + text(range));
    for (const auto& area : {first, std::prev(last)}) {
      if (range.contains(area->second.range)) continue;
      Finding finding{Code::kNotFound,
                      ENOENT,
                      "range " + text(range) + " cuts the map " + text(area->second.range) + " in two",
                      {},
                      {},
                      {}};
      finding.maps.push_back({area->second.range, Cause::kMapping, {}, 0});
      return std::unexpected(std::move(finding));
    }
  }
  for (auto area = first; area != last; ++area) {
    if (draft.was_added(area->first)) return refuse(Code::kInvalid, EINVAL, "the same change maps this range");
    effect.length += area->second.length();
  }
  draft.remove(first, last);
  return {};
}

}  // namespace aperture::ioas
