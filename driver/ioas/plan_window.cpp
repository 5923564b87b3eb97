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

void advance(Draft& draft) { draft.edit_shape().generation = draft.shape_before().generation + 1; }

Blocker blocker(const Reservation& r) { return {r.range, r.cause, r.device, r.since}; }

/// Every blocker has to go; each that is a device's goes with the devices that hold it.
std::vector<std::string> detach_set(const Shape& shape, const std::vector<Blocker>& blockers,
                                    const std::string& asking) {
  std::set<std::string> names;
  for (const Blocker& b : blockers) {
    if (b.device.empty() || b.device == asking) return {};
    for (const Reservation& r : shape.reservations) {
      if (r.range != b.range || r.cause != b.cause || r.device != b.device) continue;
      for (const Attachment& a : shape.attachments) {
        if (a.id == r.owner || a.slot == r.owner) names.insert(a.device->name());
      }
    }
  }
  return {names.begin(), names.end()};
}

std::string describe(const WindowReport& window) {
  const Blocker& b = window.blockers.front();
  std::string out = "window \"" + window.name + "\" " + text(window.range) + " (" + size_text(window.range) +
                    ") blocked by " + text(b.range) + ", cause " + std::string(name(b.cause));
  if (!b.device.empty()) out += " of " + b.device;
  return out + ", since event " + std::to_string(b.since);
}

Finding window_finding(std::vector<WindowReport> blocked, Code code, int number) {
  Finding finding{code, number, {}, std::move(blocked), {}, {}};
  if (!finding.windows.empty() && !finding.windows.front().blockers.empty()) {
    finding.what = describe(finding.windows.front());
  }
  return finding;
}

void add_reservation_blockers(const Shape& shape, std::size_t first_new, WindowReport& out) {
  for (std::size_t i = first_new; i < shape.reservations.size(); ++i) {
    if (shape.reservations[i].range.overlaps(out.range)) out.blockers.push_back(blocker(shape.reservations[i]));
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

/// All that stands in the way of a window at a given place.
WindowReport judge(const State& state, const PlacedWindow& placed) {
  const Window& window = placed.window;
  WindowReport out{window.name, Verdict::kBlocked, placed.range, {}, {}};
  add_reservation_blockers(state.shape, 0, out);
  for (const PlacedWindow& other : state.shape.windows) {
    if (other.window.name == window.name) continue;
    if (other.range.overlaps(placed.range)) {
      out.blockers.push_back({other.range, Cause::kUser, {}, state.shape.generation});
    } else if (const IovaRange guarded = other.guarded(std::max(other.window.guard, window.guard));
               guarded.overlaps(placed.range)) {
      out.blockers.push_back({guarded, Cause::kGuard, {}, state.shape.generation});
    }
  }
  if (window.granule != 0) {
    for (auto area = first_area(state.areas, placed.range.first);
         area != state.areas.end() && area->second.range.overlaps(placed.range); ++area) {
      if (!area->second.complies(window.granule)) {
        out.blockers.push_back({area->second.range, Cause::kGranule, {}, state.shape.generation});
      }
    }
  }
  std::string device;
  for (const Slot& slot : state.shape.slots) {
    if (std::uint64_t{1} << std::countr_zero(slot.format.page_sizes) == state.shape.alignment)
      device = slot.maker->name();
  }
  add_granule_blocker(state.shape, window, device, out);
  return out;
}

/// Finds a place for the window (its base, or one of the IOAS's choice) and puts it on the list.
Planned<PlacedWindow> place_window(PlanContext& context, Draft& draft, const Window& window, bool fixed) {
  Shape& shape = draft.edit_shape();
  PlacedWindow placed{window, {}, false};
  if (window.base) {
    placed.range = {*window.base, *window.base + (window.size - 1)};
    placed.provisional = !fixed;
    WindowReport report = judge(draft.state(), placed);
    if (!report.blockers.empty()) {
      const auto set = detach_set(shape, report.blockers, {});
      report.alternatives = alternatives(draft.state(), placed, set);
      Finding finding = window_finding({report}, Code::kInUse, EADDRINUSE);
      finding.detach_set = set;
      return std::unexpected(std::move(finding));
    }
  } else {
    WindowReport report{window.name, Verdict::kBlocked, {{0}, {window.size - 1}}, {}, {}};
    placed.range = report.range;
    add_granule_blocker(shape, window, {}, report);
    const auto range = choose_range(draft.state(), window, context.platform.known_reserved());
    if (!range || !report.blockers.empty()) {
      for (const Reservation& r : shape.reservations) report.blockers.push_back(blocker(r));
      for (const PlacedWindow& other : shape.windows) {
        report.blockers.push_back({other.range, Cause::kUser, {}, shape.generation});
      }
      report.alternatives = alternatives(draft.state(), placed, {});
      Finding finding = window_finding({report}, Code::kNoSpace, ENOSPC);
      finding.what = "no room for window \"" + window.name + "\" of " + size_text(placed.range);
      return std::unexpected(std::move(finding));
    }
    placed.range = *range;
    placed.provisional = shape.attachments.empty();
  }
  shape.windows.push_back(placed);
  return placed;
}

}  // namespace

Planned<> check_narrowing(PlanContext& context, State& state, std::size_t first_new, std::uint64_t old_alignment,
                          const std::string& device) {
  Shape& shape = state.shape;
  Finding finding{Code::kInUse, EADDRINUSE, {}, {}, {}, {}};
  for (PlacedWindow& placed : shape.windows) {
    WindowReport report{placed.window.name, Verdict::kBlocked, placed.range, {}, {}};
    add_reservation_blockers(shape, first_new, report);
    if (!report.blockers.empty() && placed.provisional) {
      if (const auto range = choose_range(state, placed.window, context.platform.known_reserved())) {
        placed.range = *range;
        report.blockers.clear();
      }
    }
    add_granule_blocker(shape, placed.window, device, report);
    if (report.blockers.empty()) continue;
    report.alternatives = alternatives(state, placed, {});
    finding.windows.push_back(std::move(report));
  }
  for (const IovaRange& range : shape.allowed) {
    WindowReport report{"allowed range", Verdict::kBlocked, range, {}, {}};
    add_reservation_blockers(shape, first_new, report);
    if (!report.blockers.empty()) finding.windows.push_back(std::move(report));
  }
  for (std::size_t i = first_new; i < shape.reservations.size(); ++i) {
    const Reservation& r = shape.reservations[i];
    for (auto area = first_area(state.areas, r.range.first);
         area != state.areas.end() && area->second.range.overlaps(r.range); ++area) {
      finding.maps.push_back({area->second.range, r.cause, r.device, r.since});
    }
  }
  if (shape.alignment > old_alignment) {
    for (const auto& [iova, area] : state.areas) {
      if (area.complies(shape.alignment)) continue;
      finding.maps.push_back({area.range, Cause::kGranule, device, shape.generation + 1});
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
  const Finding plain{error.code, error.number, error.what, {}, {}, {}};
  if (error.number != EADDRINUSE) return plain;
  Shape& shape = draft.edit_shape();
  const std::size_t first_new = shape.reservations.size();
  for (const Attachment& attachment : shape.attachments) {
    for (const DeviceReservation& r : attachment.device->late_reservations())
      shape.reserve(r.range, r.cause, attachment.id, attachment.device->name());
  }
  auto checked = check_narrowing(context, draft.state(), first_new, shape.alignment, {});
  if (checked) return plain;
  checked.error().what += ", which it did not keep when it was opened";
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
  for (const bool with_base : {true, false}) {
    for (std::size_t i = 0; i < edit.windows.size(); ++i) {
      if (edit.windows[i].base.has_value() != with_base) continue;
      auto placed = place_window(context, draft, edit.windows[i], true);
      if (!placed) return std::unexpected(placed.error());
      effect.windows[i] = *placed;
    }
  }
  advance(draft);
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
  auto placed = place_window(context, draft, wanted, true);
  if (!placed) return std::unexpected(placed.error());
  shape.windows.back().window.base = old.window.base;
  effect.windows = {shape.windows.back()};
  advance(draft);
  return {};
}

Planned<> plan(PlanContext& context, const BindEdit& edit, Effect& effect) {
  Draft& draft = context.draft(*edit.in);
  Shape& shape = draft.edit_shape();
  const auto found = shape.window(edit.window);
  if (found == shape.windows.end()) return refuse(Code::kNotFound, ENOENT, "no window \"" + edit.window + "\"");
  if (found->provisional) advance(draft);
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
  advance(draft);
  const auto area = first_area(draft.state().areas, range.first);
  if (!edit.drop_maps || area == draft.state().areas.end() || area->second.range.first > range.last) return {};
  return plan(context, UnmapEdit{edit.in, range.first, range.extent() + 1}, effect);
}

Planned<> plan(PlanContext& context, const AllowEdit& edit, Effect&) {
  Draft& draft = context.draft(*edit.in);
  for (std::size_t i = 0; i < edit.ranges.size(); ++i) {
    if (edit.ranges[i].first >= edit.ranges[i].last) {
      return refuse(Code::kInvalid, EINVAL, "an allowed range needs first < last");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (edit.ranges[i].overlaps(edit.ranges[j])) return refuse(Code::kInvalid, EINVAL, "allowed ranges overlap");
    }
  }
  std::vector<WindowReport> blocked;
  for (const IovaRange& range : edit.ranges) {
    WindowReport report{"allowed range", Verdict::kBlocked, range, {}, {}};
    add_reservation_blockers(draft.state().shape, 0, report);
    if (!report.blockers.empty()) blocked.push_back(std::move(report));
  }
  if (!blocked.empty()) {
    return std::unexpected(window_finding(std::move(blocked), Code::kInUse, EADDRINUSE));
  }
  Shape& shape = draft.edit_shape();
  shape.allowed = edit.ranges;
  std::ranges::sort(shape.allowed);
  return {};
}

Planned<> plan(PlanContext& context, const ReserveEdit& edit, Effect&) {
  Draft& draft = context.draft(*edit.in);
  if (edit.range.first > edit.range.last) return refuse(Code::kInvalid, EINVAL, "a range needs first <= last");
  Shape& shape = draft.edit_shape();
  const std::size_t first_new = shape.reservations.size();
  shape.reserve(edit.range, edit.cause, kUserOwner, {});
  if (auto ok = check_narrowing(context, draft.state(), first_new, shape.alignment, {}); !ok) return ok;
  advance(draft);
  return {};
}

Planned<> plan(PlanContext& context, const UnreserveEdit& edit, Effect&) {
  Draft& draft = context.draft(*edit.in);
  Shape& shape = draft.edit_shape();
  const auto found = std::ranges::find_if(
      shape.reservations, [&](const Reservation& r) { return r.owner == kUserOwner && r.range == edit.range; });
  if (found == shape.reservations.end()) {
    return refuse(Code::kNotFound, ENOENT, "the user has no reservation " + text(edit.range));
  }
  shape.reservations.erase(found);
  shape.recompute_reserved();
  advance(draft);
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
  if (auto ok = check_narrowing(context, state, shape.reservations.size(), old, {}); !ok) return ok;
  advance(draft);
  return {};
}

}  // namespace aperture::ioas
