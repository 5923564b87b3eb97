// SPDX-License-Identifier: Apache-2.0
// Maps, copies, clones and unmaps.
#include <sys/stat.h>

#include <algorithm>
#include <span>

#include "ioas/arguments.hpp"
#include "ioas/plan.hpp"
#include "ioas/text.hpp"
#include "ioas/window_search.hpp"

namespace aperture::ioas {
namespace {

/// Copies within a space double what is there: refused before the program's memory ends.
constexpr std::size_t kMostMaps = std::size_t{1} << 21;

/// Linux takes 2^64 - 1 for "none", so neither an address nor a length can be that.
bool out_of_range(std::uint64_t value) { return value == kMax; }

Planned<Iova> place_automatically(PlanContext& context, Draft& draft, std::uint64_t origin, std::uint64_t length) {
  const State& state = draft.state();
  const auto alignment = automatic_alignment(origin, length, state.shape.alignment);
  if (!alignment) return refuse(alignment.error().code, alignment.error().number, alignment.error().what);
  Elsewhere elsewhere;
  if (std::ranges::find(context.links, &draft.ioas(), &Link::from) != context.links.end()) {
    elsewhere = [&](IovaRange range) { return blocked_until(context, draft.ioas(), range); };
  }
  const auto found = find_first_fit(search_ranges(state.shape), state.shape.reserved, state.areas, origin, length,
                                    std::max(*alignment, joint_alignment(context, draft)), elsewhere);
  if (found) return *found;
  return std::unexpected(Finding{Code::kNoSpace, ENOSPC, "no room for " + size_text({{0}, {length - 1}})});
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
    Finding finding{Code::kInvalid, EINVAL, {}};
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
  const auto area = state.areas.from(iova);
  if (area != state.areas.end() && area->range.overlaps(range)) {
    Finding finding{Code::kExists, EEXIST, "range " + text(range) + " meets the map " + text(area->range)};
    finding.maps.push_back({area->range, Cause::kMapping, {}, 0});
    finding.devices_may_help = false;
    return std::unexpected(std::move(finding));
  }
  return {};
}

/// A map that enters a window binds it and keeps to its granule.
Planned<> enter_windows(Draft& draft, IovaRange range, std::uint64_t offset) {
  const Shape& shape = draft.state().shape;  // edit_shape() exchanges what is in it
  for (std::size_t i = 0; i < shape.windows.size(); ++i) {
    const PlacedWindow& placed = shape.windows[i];
    if (!placed.range.overlaps(range)) continue;
    const std::uint64_t granule = std::max(placed.window.granule, std::uint64_t{1});
    if (((range.first.value | (range.extent() + 1) | offset) & (granule - 1)) != 0) {
      Finding finding{
          Code::kInvalid, EINVAL,
          "range " + text(range) + " breaks the granule " + hex(granule) + " of window \"" + placed.window.name + "\""};
      finding.devices_may_help = false;
      finding.maps.push_back({range, Cause::kGranule, {}, 0});
      return std::unexpected(std::move(finding));
    }
    if (placed.provisional) {
      Shape& edited = draft.edit_shape();
      edited.windows[i].provisional = false;
      draft.advance();
    }
  }
  return {};
}

/// What a follower of `draft` gets of a new area.
Planned<> insert_in_followers(PlanContext& context, Draft& draft, const Chunk& chunk, IovaRange range, Prot prot) {
  for (const Link& link : context.links) {
    if (link.from != &draft.ioas() || !link.range.overlaps(range)) continue;
    const IovaRange piece{std::max(range.first, link.range.first), std::min(range.last, link.range.last)};
    const Chunk part{chunk.pages, chunk.offset + (piece.first - range.first), piece.extent() + 1};
    const Iova at = link.at + (piece.first - link.range.first);
    auto done = insert(context, context.draft(*link.to), std::span(&part, 1), part.length, at, prot);
    if (done) continue;
    if (done.error().ioas == nullptr) done.error().ioas = link.to;
    return std::unexpected(std::move(done.error()));
  }
  return {};
}

/// Whether the file ends before the memory does; its last page is all there. Files without an end have none.
bool beyond_end(const FileSpan& span, std::uint64_t length) {
  struct stat status {};
  if (::fstat(span.file->get(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  const std::uint64_t size = (static_cast<std::uint64_t>(status.st_size) + (kPageSize - 1)) & ~(kPageSize - 1);
  return span.offset > size || length > size - span.offset;
}

Planned<> planned(const Result<>& checked) {
  if (checked) return {};
  return refuse(checked.error().code, checked.error().number, checked.error().what);
}

}  // namespace

Result<> check_arguments(std::optional<Iova> iova, std::uint64_t length, Prot prot) {
  if ((iova && out_of_range(iova->value)) || out_of_range(length)) {
    return fail(Code::kInvalid, EOVERFLOW, "the IOVA or the length is out of range");
  }
  if (prot == Prot::kNone) return fail(Code::kInvalid, EINVAL, "neither reads nor writes are wanted");
  return {};
}

Planned<Iova> insert(PlanContext& context, Draft& draft, std::span<const Chunk> chunks, std::uint64_t length,
                     std::optional<Iova> wanted, Prot prot) {
  const State& state = draft.state();
  const std::uint64_t mask = state.shape.alignment - 1;
  if ((length & mask) != 0) {
    return refuse(Code::kInvalid, EINVAL, "length " + hex(length) + " is not a multiple of " + hex(mask + 1));
  }
  if (state.areas.size() + chunks.size() > kMostMaps) {
    return refuse(Code::kNoMemory, ENOMEM,
                  draft.ioas().described() + " would have more than " + std::to_string(kMostMaps) + " maps");
  }
  Iova start;
  if (wanted) {
    if (auto checked = check_fixed(state, *wanted, length); !checked) return std::unexpected(checked.error());
    start = *wanted;
  } else {
    const Chunk& first = chunks.front();
    auto placed = place_automatically(context, draft, first.pages->alignment_origin(first.offset), length);
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
    draft.add(context.edit, range, chunk.pages, chunk.offset, prot);
    if (auto done = insert_in_followers(context, draft, chunk, range, prot); !done) {
      return std::unexpected(std::move(done.error()));
    }
    at = at + chunk.length;
  }
  return start;
}

Planned<> plan(PlanContext& context, const MapEdit& edit, Effect& effect) {
  if (auto ok = planned(check_arguments(edit.iova, edit.length, edit.prot)); !ok) return ok;
  const auto address = reinterpret_cast<std::uintptr_t>(edit.memory);
  if (edit.length > kMax - address) return refuse(Code::kInvalid, EOVERFLOW, "the memory passes the end of the space");
  if (edit.length == 0 || edit.length > kMax - kPageSize) {
    return refuse(Code::kInvalid, EINVAL, "the length is 0 or out of range");
  }
  if (edit.file && edit.file->file && (address ^ edit.file->offset) % kPageSize != 0) {
    return refuse(Code::kInvalid, EINVAL,
                  "memory at " + hex(address) + " cannot be a mapping of a file from offset " + hex(edit.file->offset));
  }
  if (edit.file && edit.file->file && beyond_end(*edit.file, edit.length)) {
    return refuse(Code::kInvalid, EINVAL, "the file ends before the memory does");
  }
  auto pages = std::make_shared<Pages>(edit.memory, edit.length, writable(edit.prot), edit.file);
  const std::uint64_t head = pages->head();
  const Chunk chunk{std::move(pages), head, edit.length};
  const auto iova = insert(context, context.draft(*edit.to), std::span(&chunk, 1), edit.length, edit.iova, edit.prot);
  if (!iova) return std::unexpected(iova.error());
  effect.iova = *iova;
  return {};
}

Planned<> plan(PlanContext& context, const CopyEdit& edit, Effect& effect) {
  if (auto ok = planned(check_arguments(edit.iova, edit.length, edit.prot)); !ok) return ok;
  if (edit.length == 0) return refuse(Code::kInvalid, EINVAL, "the length is 0");
  if (edit.from_iova.value > kMax - (edit.length - 1)) {
    return refuse(Code::kInvalid, EOVERFLOW, "the source passes the end of the space");
  }
  const Areas& areas = context.draft(*edit.from).state().areas;
  std::vector<Chunk> chunks;
  const Iova last = edit.from_iova + (edit.length - 1);
  Iova at = edit.from_iova;
  for (auto area = areas.from(at); at <= last; ++area) {
    if (area == areas.end() || area->range.first > at) {
      return refuse(Code::kNotFound, ENOENT, "nothing is mapped at " + hex(at.value) + " of the source");
    }
    const Iova end = std::min(last, area->range.last);
    chunks.push_back({area->pages.get(), area->offset + (at - area->range.first), end - at + 1});
    if (end == last) break;
    at = end + 1;
  }
  const auto iova = insert(context, context.draft(*edit.to), chunks, edit.length, edit.iova, edit.prot);
  if (!iova) return std::unexpected(iova.error());
  effect.iova = *iova;
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
    first = areas.from(range.first);
    last = areas.upper_bound(range.last);
    if (first == last) return refuse(Code::kNotFound, ENOENT, "nothing is mapped in " + text(range));
    for (const auto& area : {first, std::prev(last)}) {
      if (range.contains(area->range)) continue;
      Finding finding{Code::kNotFound, ENOENT,
                      "range " + text(range) + " cuts the map " + text(area->range) + " in two"};
      finding.devices_may_help = false;
      finding.maps.push_back({area->range, Cause::kMapping, {}, 0});
      return std::unexpected(std::move(finding));
    }
  }
  for (auto area = first; area != last; ++area) effect.length += area->length();
  return remove(context, draft, first, last);
}

}  // namespace aperture::ioas
