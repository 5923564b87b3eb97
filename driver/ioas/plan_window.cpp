// SPDX-License-Identifier: Apache-2.0
// Windows, reservations, the allow list: everything that says which IOVAs must or must not be there.
#include <algorithm>
#include <bit>
#include <set>

#include "ioas/plan.hpp"
#include "ioas/text.hpp"
#include "ioas/window_search.hpp"

namespace aperture::ioas {
namespace {

using Reservations = std::list<Reservation>;

/// Maps in the way that a report lists; it is the same refusal however many there are.
constexpr std::size_t kMostBlocked = 1024;

Blocker blocker(const Reservation& r) { return {r.range, r.cause, r.device, r.since}; }

std::string describe(const WindowReport& window) {
  const Blocker& b = window.blockers.front();
  std::string out = "window \"" + window.name + "\" " + text(window.range) + " (" + size_text(window.range) +
                    ") blocked by " + text(b.range) + ", cause " + std::string(name(b.cause));
  if (!b.device.empty()) out += " of " + b.device;
  return out + ", since event " + std::to_string(b.since);
}

Finding window_finding(std::vector<WindowReport> blocked, Code code, int number) {
  Finding finding{code, number, {}, std::move(blocked)};
  if (!finding.windows.front().blockers.empty()) finding.what = describe(finding.windows.front());
  return finding;
}

void add_blockers(Reservations::const_iterator from, const Reservations& all, WindowReport& out) {
  for (; from != all.end(); ++from) {
    if (from->range.overlaps(out.range)) out.blockers.push_back(blocker(*from));
  }
}

void add_granule_blocker(const Shape& shape, const Window& window, const std::string& device, WindowReport& out) {
  if (window.granule != 0 && shape.alignment > window.granule) {
    out.blockers.push_back({out.range, Cause::kGranule, device, shape.generation + 1});
  }
}

Planned<> check_form(const Window& window) {
  const auto power = [](std::uint64_t n) { return n == 0 || std::has_single_bit(n); };
  const std::uint64_t granule = std::max(window.granule, std::uint64_t{1});
  const std::string who = "window \"" + window.name + "\": ";
  if (window.name.empty()) return refuse(Code::kInvalid, EINVAL, "a window needs a name");
  if (window.size == 0) return refuse(Code::kInvalid, EINVAL, who + "the size is 0");
  if (!power(window.align) || !power(window.granule)) {
    return refuse(Code::kInvalid, EINVAL, who + "alignment and granule are powers of two");
  }
  if ((window.size & (granule - 1)) != 0) return refuse(Code::kInvalid, EINVAL, who + "the size breaks the granule");
  if (window.base) {
    const std::uint64_t align = std::max(window.align, granule);
    if ((window.base->value & (align - 1)) != 0) return refuse(Code::kInvalid, EINVAL, who + "the base is misaligned");
    if (window.base->value > kMax - (window.size - 1)) {
      return refuse(Code::kInvalid, EINVAL, who + "it passes the end of the space");
    }
  }
  return {};
}

/// Whose domain made the alignment what it is.
std::string aligner(const Shape& shape) {
  for (const Slot& slot : shape.slots) {
    if (std::uint64_t{1} << std::countr_zero(slot.format.page_sizes) == shape.alignment) return slot.maker->name();
  }
  return {};
}

/// All that stands in the way of a window at a given place.
WindowReport judge(const State& state, const PlacedWindow& placed) {
  const Window& window = placed.window;
  WindowReport out{window.name, Verdict::kBlocked, placed.range, {}, {}};
  add_blockers(state.shape.reservations.begin(), state.shape.reservations, out);
  for (const PlacedWindow& other : state.shape.windows) {
    if (other.window.name == window.name) continue;
    if (other.range.overlaps(placed.range)) {
      out.blockers.push_back({other.range, Cause::kUser, {}, other.since});
    } else if (const IovaRange guarded = other.guarded(std::max(other.window.guard, window.guard));
               guarded.overlaps(placed.range)) {
      out.blockers.push_back({guarded, Cause::kGuard, {}, other.since});
    }
  }
  if (window.granule != 0) {
    for (auto area = state.areas.from(placed.range.first);
         area != state.areas.end() && area->range.overlaps(placed.range); ++area) {
      if (!area->complies(window.granule)) {
        out.blockers.push_back({area->range, Cause::kGranule, {}, state.shape.generation});
      }
    }
  }
  add_granule_blocker(state.shape, window, aligner(state.shape), out);
  return out;
}

/// Why there is no room for a window that may be anywhere in its place.
WindowReport crowded(const State& state, const PlacedWindow& placed) {
  WindowReport out{placed.window.name, Verdict::kBlocked, placed.range, {}, {}};
  add_granule_blocker(state.shape, placed.window, aligner(state.shape), out);
  for (const Reservation& r : state.shape.reservations) out.blockers.push_back(blocker(r));
  for (const PlacedWindow& other : state.shape.windows) {
    if (other.window.name != placed.window.name) out.blockers.push_back({other.range, Cause::kUser, {}, other.since});
  }
  constexpr std::size_t kMaps = 8;  // enough to see that it is maps
  for (auto area = state.areas.begin(); area != state.areas.end() && out.blockers.size() < kMaps; ++area) {
    out.blockers.push_back({area->range, Cause::kMapping, {}, state.shape.generation});
  }
  return out;
}

/// Finds a place for the window (its base, or one of the IOAS's choice) and puts it on the list.
Planned<PlacedWindow> place_window(PlanContext& context, Draft& draft, const Window& window) {
  Shape& shape = draft.edit_shape();
  PlacedWindow placed{window, {{0}, {window.size - 1}}, false, draft.next_generation()};
  if (window.base) {
    placed.range = {*window.base, *window.base + (window.size - 1)};
    WindowReport report = judge(draft.state(), placed);
    if (!report.blockers.empty()) {
      report.alternatives = alternatives(draft.state(), placed);
      return std::unexpected(window_finding({std::move(report)}, Code::kInUse, EADDRINUSE));
    }
  } else {
    const bool coarse = window.granule != 0 && shape.alignment > window.granule;
    const auto range =
        coarse ? std::optional<IovaRange>{} : choose_range(draft.state(), window, context.platform.known_reserved());
    if (!range) {
      WindowReport report = crowded(draft.state(), placed);
      report.alternatives = alternatives(draft.state(), placed);
      Finding finding = window_finding({std::move(report)}, Code::kNoSpace, ENOSPC);
      finding.what = "no room for window \"" + window.name + "\" of " + size_text(placed.range);
      return std::unexpected(std::move(finding));
    }
    placed.range = *range;
    placed.provisional = shape.attachments.empty();
  }
  shape.windows.push_back(placed);
  return placed;
}

/// What of the space the reservations from `from` on take away that nothing before them did.
RangeSet narrowed(const Shape& shape, Reservations::const_iterator from) {
  const auto all = [](Reservations::const_iterator first, Reservations::const_iterator last) {
    std::vector<IovaRange> ranges;
    for (; first != last; ++first) ranges.push_back(first->range);
    return RangeSet(ranges);
  };
  RangeSet after = all(from, shape.reservations.end());
  after.subtract(all(shape.reservations.begin(), from));
  return after;
}

/// What a freeze has against it.
std::optional<WindowReport> check_frozen(const Shape& shape, Reservations::const_iterator first_new,
                                         std::uint64_t old_alignment, const std::string& device) {
  if (!shape.frozen) return {};
  const RangeSet lost = narrowed(shape, first_new);
  if (lost.empty() && shape.alignment <= old_alignment) return {};
  WindowReport report{"frozen ranges", Verdict::kBlocked, kAll, {}, {}};
  if (!lost.empty()) report.range = {lost.ranges().front().first, lost.ranges().back().last};
  for (const IovaRange& range : lost.ranges()) report.blockers.push_back({range, Cause::kUser, device, *shape.frozen});
  if (lost.empty()) report.blockers.push_back({kAll, Cause::kUser, device, *shape.frozen});
  return report;
}

}  // namespace

Planned<> check_narrowing(PlanContext& context, Draft& draft, std::size_t first_new, std::uint64_t old_alignment,
                          const std::string& device) {
  State& state = draft.state();
  Shape& shape = state.shape;
  const auto added = std::next(shape.reservations.begin(), static_cast<std::ptrdiff_t>(first_new));
  Finding finding{Code::kInUse, EADDRINUSE, {}};
  for (PlacedWindow& placed : shape.windows) {
    WindowReport report{placed.window.name, Verdict::kBlocked, placed.range, {}, {}};
    add_blockers(added, shape.reservations, report);
    if (!report.blockers.empty() && placed.provisional) {
      if (const auto range = choose_range(state, placed.window, context.platform.known_reserved())) {
        placed.range = *range;
        report.blockers.clear();
      }
    }
    add_granule_blocker(shape, placed.window, device, report);
    if (report.blockers.empty()) continue;
    report.alternatives = alternatives(state, placed);
    finding.windows.push_back(std::move(report));
  }
  for (const IovaRange& range : shape.allowed) {
    WindowReport report{"allowed range", Verdict::kBlocked, range, {}, {}};
    add_blockers(added, shape.reservations, report);
    if (!report.blockers.empty()) finding.windows.push_back(std::move(report));
  }
  if (auto frozen = check_frozen(shape, added, old_alignment, device)) finding.windows.push_back(std::move(*frozen));
  const auto enough = [&] { return finding.maps.size() == kMostBlocked; };
  for (auto r = added; r != shape.reservations.end() && !enough(); ++r) {
    for (auto area = state.areas.from(r->range.first);
         area != state.areas.end() && area->range.overlaps(r->range) && !enough(); ++area) {
      finding.maps.push_back({area->range, r->cause, r->device, r->since});
    }
  }
  if (shape.alignment > old_alignment) {
    for (const Area& area : state.areas) {
      if (enough()) break;
      if (area.complies(shape.alignment)) continue;
      finding.maps.push_back({area.range, Cause::kGranule, device, draft.next_generation()});
    }
  }
  if (finding.windows.empty() && finding.maps.empty()) return {};
  if (!finding.windows.empty()) {
    finding.what = describe(finding.windows.front());
  } else {
    const Blocker& b = finding.maps.front();
    finding.what = "the map " + text(b.range) + " does not fit: cause " + std::string(name(b.cause)) +
                   (b.device.empty() ? "" : " of " + b.device);
  }
  return std::unexpected(std::move(finding));
}

Finding late_narrowing(PlanContext& context, Draft& draft, const Error& error) {
  Finding plain{error.code, error.number, error.what, {}, {}, &draft.ioas(), false};
  if (error.number != EADDRINUSE) return plain;
  Shape& shape = draft.edit_shape();
  const std::size_t first_new = shape.reservations.size();
  for (const Attachment& attachment : shape.attachments) {
    for (const DeviceReservation& r : attachment.device->late_reservations()) {
      shape.reserve({r.range, r.cause, attachment.id, attachment.device->name(), draft.next_generation()});
    }
  }
  auto checked = check_narrowing(context, draft, first_new, shape.alignment, {});
  if (checked) return plain;
  checked.error().what += ", which it did not keep when it was opened";
  checked.error().devices_may_help = false;
  return checked.error();
}

Planned<> plan(PlanContext& context, const RequireEdit& edit, Effect& effect) {
  Draft& draft = context.draft(*edit.in);
  for (std::size_t i = 0; i < edit.windows.size(); ++i) {
    if (auto ok = check_form(edit.windows[i]); !ok) return ok;
    const auto same = [&](const Window& w) { return w.name == edit.windows[i].name; };
    const auto earlier = edit.windows.begin() + static_cast<std::ptrdiff_t>(i);
    if (draft.state().shape.window(edit.windows[i].name) != draft.state().shape.windows.end() ||
        std::find_if(edit.windows.begin(), earlier, same) != earlier) {
      return refuse(Code::kExists, EEXIST, "window \"" + edit.windows[i].name + "\" exists");
    }
  }
  effect.windows.resize(edit.windows.size());
  std::optional<Finding> finding;  // of the first; and what the others say
  for (const bool with_base : {true, false}) {
    for (std::size_t i = 0; i < edit.windows.size(); ++i) {
      if (edit.windows[i].base.has_value() != with_base) continue;
      auto placed = place_window(context, draft, edit.windows[i]);
      if (placed) {
        effect.windows[i] = *placed;
      } else if (!finding) {
        finding = std::move(placed.error());
      } else {
        finding->windows.push_back(std::move(placed.error().windows.front()));
      }
    }
  }
  if (finding) return std::unexpected(std::move(*finding));
  draft.advance();
  return {};
}

Planned<> plan(PlanContext& context, const ResizeEdit& edit, Effect& effect) {
  Draft& draft = context.draft(*edit.in);
  Shape& shape = draft.edit_shape();
  const auto found = shape.window(edit.window);
  if (found == shape.windows.end()) return refuse(Code::kNotFound, ENOENT, "no window \"" + edit.window + "\"");
  const PlacedWindow old = *found;
  Window wanted = old.window;
  wanted.size = edit.size;
  if (edit.granule) wanted.granule = *edit.granule;
  if (!old.provisional) wanted.base = old.range.first;
  if (auto ok = check_form(wanted); !ok) return ok;
  shape.windows.erase(found);
  auto placed = place_window(context, draft, wanted);
  if (!placed) return std::unexpected(std::move(placed.error()));
  shape.windows.back().window.base = old.window.base;
  effect.windows = {shape.windows.back()};
  draft.advance();
  return {};
}

Planned<> plan(PlanContext& context, const BindEdit& edit, Effect& effect) {
  Draft& draft = context.draft(*edit.in);
  Shape& shape = draft.edit_shape();
  const auto found = shape.window(edit.window);
  if (found == shape.windows.end()) return refuse(Code::kNotFound, ENOENT, "no window \"" + edit.window + "\"");
  if (found->provisional) draft.advance();
  found->provisional = false;
  effect.windows = {*found};
  return {};
}

Planned<> plan(PlanContext& context, const ReleaseEdit& edit, Effect& effect) {
  Draft& draft = context.draft(*edit.in);
  Shape& shape = draft.edit_shape();
  const auto found = shape.window(edit.window);
  if (found == shape.windows.end()) return refuse(Code::kNotFound, ENOENT, "no window \"" + edit.window + "\"");
  const IovaRange range = found->range;
  shape.windows.erase(found);
  draft.advance();
  if (!edit.drop_maps || !draft.state().areas.overlaps(range)) return {};
  return plan(context, UnmapEdit{edit.in, range.first, range.extent() + 1}, effect);
}

Planned<> plan(PlanContext& context, const AllowEdit& edit, Effect&) {
  Draft& draft = context.draft(*edit.in);
  for (const IovaRange& range : edit.ranges) {
    if (range.first >= range.last) return refuse(Code::kInvalid, EINVAL, "an allowed range needs first < last");
  }
  std::vector<IovaRange> ascending = edit.ranges;
  std::ranges::sort(ascending);
  const auto overlap = std::ranges::adjacent_find(ascending, [](IovaRange a, IovaRange b) { return a.overlaps(b); });
  if (overlap != ascending.end()) {
    return refuse(Code::kInvalid, EINVAL,
                  "allowed ranges overlap: " + text(*overlap) + " and " + text(*std::next(overlap)));
  }
  std::vector<WindowReport> blocked;
  for (const IovaRange& range : edit.ranges) {
    if (!draft.state().shape.reserved.overlaps(range)) continue;
    WindowReport report{"allowed range", Verdict::kBlocked, range, {}, {}};
    add_blockers(draft.state().shape.reservations.begin(), draft.state().shape.reservations, report);
    if (!report.blockers.empty()) blocked.push_back(std::move(report));
  }
  if (!blocked.empty()) {
    return std::unexpected(window_finding(std::move(blocked), Code::kInUse, EADDRINUSE));
  }
  Shape& shape = draft.edit_shape();
  shape.allowed = std::move(ascending);
  return {};
}

Planned<> plan(PlanContext& context, const ReserveEdit& edit, Effect&) {
  Draft& draft = context.draft(*edit.in);
  if (edit.range.first > edit.range.last) return refuse(Code::kInvalid, EINVAL, "a range needs first <= last");
  Shape& shape = draft.edit_shape();
  const std::size_t first_new = shape.reservations.size();
  shape.reserve({edit.range, edit.cause, kUserOwner, {}, draft.next_generation()});
  if (auto ok = check_narrowing(context, draft, first_new, shape.alignment, {}); !ok) return ok;
  draft.note({0, Event::Kind::kReserved, edit.range, edit.cause, {}, {}});
  draft.advance();
  return {};
}

Planned<> plan(PlanContext& context, const UnreserveEdit& edit, Effect&) {
  Draft& draft = context.draft(*edit.in);
  Shape& shape = draft.edit_shape();
  const auto found = std::ranges::find_if(shape.reservations, [&](const Reservation& r) {
    return r.owner == kUserOwner && r.range == edit.range && r.cause == edit.cause.value_or(r.cause);
  });
  if (found == shape.reservations.end()) {
    return refuse(Code::kNotFound, ENOENT,
                  "the user has no reservation " + text(edit.range) +
                      (edit.cause ? " for " + std::string(name(*edit.cause)) : ""));
  }
  draft.remove_reservation(found);
  draft.advance();
  return {};
}

Planned<> plan(PlanContext& context, const HugePagesEdit& edit, Effect&) {
  Draft& draft = context.draft(*edit.in);
  State& state = draft.state();
  if (edit.enable == state.shape.huge_pages) return {};
  if (!edit.enable && !state.shape.slots.empty() && !state.areas.empty()) {
    return refuse(Code::kInvalid, EINVAL, "memory is mapped in a domain already");
  }
  Shape& shape = draft.edit_shape();
  const std::uint64_t old = shape.alignment;
  shape.huge_pages = edit.enable;
  shape.alignment = shape.needed_alignment();
  if (auto ok = check_narrowing(context, draft, shape.reservations.size(), old, {}); !ok) return ok;
  draft.advance();
  return {};
}

Planned<> plan(PlanContext& context, const FreezeEdit& edit, Effect&) {
  Draft& draft = context.draft(*edit.in);
  if (draft.state().shape.frozen) return {};
  draft.advance();
  draft.edit_shape().frozen = draft.next_generation();
  draft.note({0, Event::Kind::kFrozen, {}, {}, {}, {}});
  return {};
}

Planned<> plan(PlanContext& context, const DirtyTrackingEdit& edit, Effect&) {
  Draft& draft = context.draft(*edit.in);
  Shape& shape = draft.edit_shape();
  if (!edit.domain) {
    shape.dirty = edit.enable;
  } else if (std::ranges::find(shape.slots, *edit.domain, &Slot::id) == shape.slots.end()) {
    return refuse(Code::kNotFound, ENOENT, "there is no such domain");
  }
  for (Slot& slot : shape.slots) {
    if (edit.domain && slot.id != *edit.domain) continue;
    const bool can = !slot.domain || slot.domain->can_track_dirty();
    if ((edit.enable && !can) || (edit.domain && !(slot.manual && slot.can_track))) {
      return refuse(Code::kUnsupported, EOPNOTSUPP,
                    "the domain of " + slot.maker->name() + " cannot track which pages are written");
    }
    draft.track_dirty(slot, edit.enable);
  }
  return {};
}

}  // namespace aperture::ioas
