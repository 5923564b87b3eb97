// SPDX-License-Identifier: Apache-2.0
// What IOASes have of each other: clones and projections.
#include <algorithm>
#include <map>
#include <span>

#include "ioas/plan.hpp"
#include "ioas/text.hpp"
#include "ioas/window_search.hpp"

namespace aperture::ioas {
namespace {

Finding of(const Ioas* ioas, Finding finding) {
  if (finding.ioas == nullptr) finding.ioas = ioas;
  return finding;
}

/// Where the follower has what the leader has in `range`, of which the link sees at least a part.
IovaRange followed(const Link& link, IovaRange range) {
  const Iova first = std::max(range.first, link.range.first);
  const Iova last = std::min(range.last, link.range.last);
  const Iova at = link.at + (first - link.range.first);
  return {at, at + (last - first)};
}

/// The follower's area that came with `area`; end if it was unmapped there meanwhile.
Areas::iterator part_of(const Link& link, const Area& area, Areas& areas) {
  const IovaRange range = followed(link, area.range);
  const auto found = areas.from(range.first);
  const bool same = found != areas.end() && found->range == range && found->pages.get() == area.pages.get();
  return same ? found : areas.end();
}

Planned<> remove_part(PlanContext& context, const Link& link, const Area& area) {
  Draft& follower = context.draft(*link.to);
  Areas& areas = follower.state().areas;
  const auto part = part_of(link, area, areas);
  if (part == areas.end()) return {};
  auto done = remove(context, follower, part, std::next(part));
  if (!done) return std::unexpected(of(link.to, std::move(done.error())));
  return {};
}

/// Whether `to` leads, directly or not, to `from`.
bool leads_to(const std::list<Link>& links, const Ioas* to, const Ioas* from) {
  if (to == from) return true;
  return std::ranges::any_of(links,
                             [&](const Link& link) { return link.from == to && leads_to(links, link.to, from); });
}

/// In the followers of an IOAS, in theirs, and so on: beyond, a map of it would be one of more than anybody can mean.
constexpr std::size_t kMostPlaces = 1024;

/// In how many places a map of the leader is made beside itself, counted as often as there are ways to them.
std::size_t places(const std::list<Link>& links, const Ioas* leader, std::map<const Ioas*, std::size_t>& known) {
  if (const auto found = known.find(leader); found != known.end()) return found->second;
  std::size_t sum = 0;
  for (const Link& link : links) {
    if (link.from == leader) sum += 1 + places(links, link.to, known);
  }
  return known[leader] = std::min(sum, kMostPlaces + 1);
}

/// ENOMEM: more than kMostPlaces.
Planned<> check_places(const std::list<Link>& links) {
  std::map<const Ioas*, std::size_t> known;
  for (const Link& link : links) {
    if (places(links, link.from, known) <= kMostPlaces) continue;
    return refuse(Code::kNoMemory, ENOMEM,
                  "a map of " + link.from->described() + " could be made in more than " + std::to_string(kMostPlaces) +
                      " followers, theirs included");
  }
  return {};
}

}  // namespace

Planned<> remove(PlanContext& context, Draft& draft, Areas::iterator first, Areas::iterator last) {
  const bool leads = std::ranges::find(context.links, &draft.ioas(), &Link::from) != context.links.end();
  for (auto area = first; area != last; ++area) {
    if (area->state != Area::State::kKept) return refuse(Code::kInvalid, EINVAL, "the same change maps this range");
    if (!leads) continue;
    for (const Link& link : context.links) {
      if (link.from != &draft.ioas() || !link.range.overlaps(area->range)) continue;
      if (auto done = remove_part(context, link, *area); !done) return done;
    }
  }
  draft.remove(first, last);
  return {};
}

Planned<> follow(PlanContext& context, const Link& link) {
  const Areas& areas = context.draft(*link.from).state().areas;
  Draft& follower = context.draft(*link.to);
  for (auto area = areas.from(link.range.first); area != areas.end() && area->range.first <= link.range.last; ++area) {
    const IovaRange to = followed(link, area->range);
    const std::uint64_t skipped = std::max(area->range.first, link.range.first) - area->range.first;
    const Chunk chunk{area->pages.get(), area->offset + skipped, to.extent() + 1};
    auto done = insert(context, follower, std::span(&chunk, 1), chunk.length, to.first, area->prot);
    if (!done) return std::unexpected(of(link.to, std::move(done.error())));
  }
  return {};
}

Planned<> unfollow(PlanContext& context, const Link& link) {
  const Areas& areas = context.draft(*link.from).state().areas;
  for (auto area = areas.from(link.range.first); area != areas.end() && area->range.first <= link.range.last; ++area) {
    if (auto done = remove_part(context, link, *area); !done) return done;
  }
  return {};
}

std::optional<std::uint64_t> blocked_until(PlanContext& context, const Ioas& leader, IovaRange range) {
  for (const Link& link : context.links) {
    if (link.from != &leader || !link.range.overlaps(range)) continue;
    const State& state = context.draft(*link.to).state();
    const IovaRange wanted = followed(link, range);
    const auto back = [&](std::uint64_t next) -> std::uint64_t {
      const std::uint64_t end = link.at.value + link.range.extent();
      return next == 0 || next > end ? (link.range.last.value == kMax ? kMax : link.range.last.value + 1)
                                     : link.range.first.value + (next - link.at.value);
    };
    if (const auto hole = state.shape.reserved.from(wanted.first);
        hole != state.shape.reserved.ranges().end() && hole->overlaps(wanted)) {
      return back(hole->last.value + 1);
    }
    if (const auto area = state.areas.from(wanted.first); area != state.areas.end() && area->range.overlaps(wanted)) {
      return back(area->range.last.value + 1);
    }
    std::uint64_t next = 0;
    bool open = false;
    for (const SearchRange& part : search_ranges(state.shape)) {
      open = open || part.range.contains(wanted);
      const std::uint64_t first = part.range.first.value;
      if (first > wanted.first.value && (next == 0 || first < next)) next = first;
    }
    if (!open) return back(next);
    if (const auto further = blocked_until(context, *link.to, wanted)) return back(*further == kMax ? 0 : *further);
  }
  return {};
}

std::uint64_t joint_alignment(PlanContext& context, Draft& draft) {
  std::uint64_t alignment = draft.state().shape.alignment;
  for (const Link& link : context.links) {
    if (link.from == &draft.ioas()) alignment = std::max(alignment, joint_alignment(context, context.draft(*link.to)));
  }
  return alignment;
}

Planned<> plan(PlanContext& context, const ProjectEdit& edit, Effect& effect) {
  if (edit.range.first > edit.range.last) return refuse(Code::kInvalid, EINVAL, "a range needs first <= last");
  if (edit.at.value > kMax - edit.range.extent()) {
    return refuse(Code::kInvalid, EOVERFLOW, "the projection passes the end of the follower's space");
  }
  if (leads_to(context.links, edit.to, edit.from)) {
    return refuse(Code::kInvalid, EINVAL, edit.to->described() + " would follow itself");
  }
  for (const Link& link : context.links) {
    if (link.from == edit.from && link.to == edit.to && link.range == edit.range && link.at == edit.at) {
      return refuse(Code::kExists, EEXIST, edit.to->described() + " follows already");
    }
  }
  const Link& link = context.links.emplace_back(context.next_link++, edit.from, edit.range, edit.to, edit.at);
  if (auto ok = check_places(context.links); !ok) return ok;
  if (auto done = follow(context, link); !done) return done;
  effect.projection = link.id;
  return {};
}

Planned<> plan(PlanContext& context, const UnprojectEdit& edit, Effect&) {
  const auto link = std::ranges::find(context.links, edit.projection, &Link::id);
  if (link == context.links.end()) {
    if (edit.must_exist) return refuse(Code::kNotFound, ENOENT, "it does not follow");
    return {};
  }
  if (auto done = unfollow(context, *link); !done) return done;
  context.ended.splice(context.ended.end(), context.links, link);
  return {};
}

Planned<> plan(PlanContext& context, const CloneEdit& edit, Effect&) {
  if (std::ranges::any_of(edit.ranges, [](const IovaRange& r) { return r.first > r.last; })) {
    return refuse(Code::kInvalid, EINVAL, "a range needs first <= last");
  }
  const State& source = context.draft(*edit.from).state();
  Draft& draft = context.draft(*edit.to);
  const auto moved = [&](IovaRange r) { return IovaRange{r.first + edit.rebase, r.last + edit.rebase}; };
  const RangeSet wanted = edit.ranges.empty() ? RangeSet(std::span(&kAll, 1)) : RangeSet(edit.ranges);
  const auto wraps = [&](IovaRange r) { return moved(r).last < moved(r).first; };
  Shape& shape = draft.edit_shape();
  for (const Reservation& r : source.shape.reservations) {
    if (r.owner != kUserOwner || !wanted.contains(r.range)) continue;
    if (wraps(r.range)) return refuse(Code::kInvalid, EOVERFLOW, "a rebased reservation passes the end of the space");
    shape.reserve({moved(r.range), r.cause, kUserOwner, r.device, draft.next_generation()});
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
    copy.since = draft.next_generation();
    copy.range = moved(placed.range);
    if (copy.window.base) copy.window.base = copy.range.first;
    shape.windows.push_back(copy);
  }
  shape.dirty = source.shape.dirty;
  for (const Area& area : source.areas) {
    const RangeSet pieces = wanted.intersect(RangeSet(std::span(&area.range, 1)));
    for (const IovaRange& piece : pieces.ranges()) {
      if (wraps(piece)) return refuse(Code::kInvalid, EOVERFLOW, "a rebased map passes the end of the space");
      const Chunk chunk{area.pages.get(), area.offset + (piece.first - area.range.first), piece.extent() + 1};
      const auto at =
          insert(context, draft, std::span(&chunk, 1), chunk.length, moved(piece).first, edit.prot.value_or(area.prot));
      if (!at) return std::unexpected(at.error());
    }
  }
  return {};
}

}  // namespace aperture::ioas
