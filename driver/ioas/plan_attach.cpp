// SPDX-License-Identifier: Apache-2.0
// Attach, replace and detach; the choice of a domain.
#include <algorithm>
#include <bit>

#include "ioas/plan.hpp"
#include "ioas/text.hpp"

namespace aperture::ioas {
namespace {

Planned<> check_process(ProcessId process) {
  if (process == 0U) return refuse(Code::kInvalid, EINVAL, "process 0 is the default process");
  return {};
}

/// Whether the edit can use a format of the device's: behind a guest's table only the second stage.
bool usable(const AttachEdit& edit, const Format& format) { return !edit.guest || format.stage == 2; }

/// A guest's table is for all of a device; and there must be a format to choose.
Planned<> check_formats(const AttachEdit& edit) {
  if (edit.guest && edit.process) {
    return refuse(Code::kInvalid, EINVAL, "a guest's table is for all of a device, not for one process");
  }
  const std::vector<Format>& formats = edit.device->formats(edit.process);
  if (std::ranges::any_of(formats, [&](const Format& format) { return usable(edit, format); })) return {};
  return refuse(Code::kUnsupported, EOPNOTSUPP,
                edit.device->name() + (edit.guest ? " has no second stage to nest on" : " has no stage for processes"));
}

/// The existing domain that the device can use, in order of creation.
const Slot* shared_slot(const PlanContext& context, const AttachEdit& edit, const Shape& shape) {
  const std::vector<Format>& formats = edit.device->formats(edit.process);
  for (const Slot& slot : shape.slots) {
    const std::tuple<const Device*, const Ioas*, std::uint64_t> pair{edit.device, edit.to, slot.id};
    if (!slot.manual && slot.provider == &edit.device->pin_provider() && usable(edit, slot.format) &&
        std::ranges::find(formats, slot.format) != formats.end() &&
        std::ranges::find(context.rejected, pair) == context.rejected.end()) {
      return &slot;
    }
  }
  return nullptr;
}

/// The domain that the edit names. ENOENT: there is none; EINVAL: the device cannot use it.
Planned<const Slot*> named_slot(const AttachEdit& edit, const Shape& shape) {
  const auto slot = std::ranges::find(shape.slots, *edit.domain, &Slot::id);
  if (slot == shape.slots.end()) return refuse(Code::kNotFound, ENOENT, "there is no such domain");
  const std::vector<Format>& formats = edit.device->formats(edit.process);
  if (slot->provider != &edit.device->pin_provider() || std::ranges::find(formats, slot->format) == formats.end()) {
    return refuse(Code::kInvalid, EINVAL, edit.device->name() + " cannot use that domain, a " + slot->format.name);
  }
  return &*slot;
}

/// Adds an empty slot of that format, with what its apertures leave out. EINVAL: pages of more than 4 KiB only.
Planned<> add_slot(Shape& shape, const AttachEdit& edit, std::size_t index, std::uint64_t id, std::size_t number,
                   std::uint64_t since) {
  const Format& format = edit.device->formats(edit.process)[index];
  if (std::countr_zero(format.page_sizes) > std::countr_zero(kPageSize)) {
    return refuse(Code::kInvalid, EINVAL, edit.device->name() + " has no pages of 4 KiB or less");
  }
  shape.slots.push_back({id, format, &edit.device->pin_provider(), edit.device, index, edit.process, nullptr, number});
  const Iova low = format.apertures.front().first;
  const Iova high = format.apertures.back().last;
  const RangeSet holes = RangeSet(format.apertures).complement();
  for (const IovaRange& hole : holes.ranges()) {
    const bool sign_gap = hole.first > low && high == Iova{kMax};
    shape.reserve({hole, sign_gap ? Cause::kSignGap : Cause::kAperture, id, edit.device->name(), since});
  }
  shape.alignment = std::max(shape.alignment, shape.needed_alignment());
  return {};
}

std::size_t largest_format(const AttachEdit& edit, const std::vector<Format>& formats) {
  const unsigned stage = edit.guest ? 2 : 1;
  for (std::size_t i = formats.size(); i-- > 0;) {
    if (formats[i].stage == stage) return i;
  }
  return formats.size() - 1;
}

/// What trying a format changes beside adding the slot, to be taken back.
struct Trial {
  std::vector<IovaRange> windows;
  std::uint64_t alignment;
  explicit Trial(const Shape& shape) : alignment(shape.alignment) {
    if (std::ranges::none_of(shape.windows, &PlacedWindow::provisional)) return;
    for (const PlacedWindow& placed : shape.windows) windows.push_back(placed.range);
  }
  void take_back(Shape& shape, std::uint64_t slot) const {
    std::list<Reservation> gone;
    shape.drop_owner(slot, gone);
    shape.slots.remove_if([slot](const Slot& s) { return s.id == slot; });
    shape.alignment = alignment;
    for (std::size_t i = 0; i < windows.size(); ++i) shape.windows[i].range = windows[i];
  }
};

/// With windows the first format that holds everything, else the largest. When none holds: the finding on the largest.
/// Linux makes the domain of a replace before it looks at the device's reservations, and that of an attach after it:
/// which of the two refuses comes from that.
Planned<> new_slot(PlanContext& context, const AttachEdit& edit, Draft& draft, std::size_t first_new, std::uint64_t id,
                   bool replaces) {
  Shape& shape = draft.state().shape;
  const std::uint64_t alignment = shape.alignment;
  const std::vector<Format>& formats = edit.device->formats(edit.process);
  const auto attempt = [&](std::size_t index) -> Planned<> {
    if (auto added = add_slot(shape, edit, index, id, context.edit, draft.next_generation()); !added) {
      if (replaces) return added;
      auto ok = check_narrowing(context, draft, first_new, alignment, edit.device->name());
      return ok ? added : ok;
    }
    return check_narrowing(context, draft, first_new, alignment, edit.device->name());
  };
  if (!shape.windows.empty()) {
    const Trial before(shape);
    for (std::size_t i = 0; i < formats.size(); ++i) {
      if (!usable(edit, formats[i])) continue;
      if (attempt(i)) return {};
      before.take_back(shape, id);
    }
  }
  return attempt(largest_format(edit, formats));
}

/// A change attaches, moves or detaches a device once.
Planned<> check_moved(PlanContext& context, const Device& device, ProcessId process) {
  if (context.alone) return {};
  const std::pair<const Device*, ProcessId> who{&device, process};
  if (std::ranges::find(context.moved, who) != context.moved.end()) {
    return refuse(Code::kInvalid, EINVAL, "the same change attaches or detaches " + device.name() + " already");
  }
  context.moved.push_back(who);
  return {};
}

/// Which reservations are new, for the journal.
void note_reservations(Draft& draft, std::size_t first_new) {
  const Shape& shape = draft.state().shape;
  for (auto r = std::next(shape.reservations.begin(), static_cast<std::ptrdiff_t>(first_new));
       r != shape.reservations.end(); ++r) {
    draft.note({0, Event::Kind::kReserved, r->range, r->cause, r->device, {}});
  }
}

void tell(const Slot& slot, Effect& effect) {
  effect.format = slot.format.name;
  effect.levels = slot.format.levels;
  effect.domain = slot.id;
}

}  // namespace

Planned<> plan(PlanContext& context, const AttachEdit& edit, Effect& effect) {
  Draft& draft = context.draft(*edit.to);
  const Shape& before = draft.state().shape;
  Device& device = *edit.device;
  if (auto ok = check_process(edit.process); !ok) return ok;
  if (edit.process > kLastProcess) {
    return refuse(Code::kInvalid, EINVAL, "process " + hex(*edit.process) + " has more than 20 bits");
  }
  if (auto ok = check_formats(edit); !ok) return ok;
  if (edit.generation && *edit.generation != before.generation) {
    return refuse(Code::kStale, ESTALE,
                  "generation " + std::to_string(*edit.generation) + " is stale, the current one is " +
                      std::to_string(before.generation));
  }
  Ioas* const current = context.platform.attached_to(device, edit.process);
  if (edit.replace_only && current == nullptr) {
    return refuse(Code::kInvalid, EINVAL, device.name() + " is not attached");
  }
  if (auto ok = check_moved(context, device, edit.process); !ok) return ok;

  Shape& shape = draft.edit_shape();
  const auto here = shape.find(device, edit.process);
  if (here != shape.attachments.end() && !edit.guest && !here->guest) {
    const auto slot = std::ranges::find(shape.slots, here->slot, &Slot::id);
    if (edit.domain ? *edit.domain == slot->id : !slot->manual) {
      tell(*slot, effect);
      return {};
    }
  }
  const std::size_t first_new = shape.reservations.size();
  const std::uint64_t since = draft.next_generation();
  const std::uint64_t attachment_id = shape.next_id++;
  if (!edit.process) {
    for (const DeviceReservation& r : device.reservations()) {
      shape.reserve({r.range, r.cause, attachment_id, device.name(), since});
    }
    if (device.dma_mask() != kMax) {
      shape.reserve({{{device.dma_mask() + 1}, {kMax}}, Cause::kDmaMask, attachment_id, device.name(), since});
    }
  }
  std::uint64_t slot_id = 0;
  const Slot* slot = nullptr;
  if (edit.domain) {
    const auto wanted = named_slot(edit, shape);
    if (!wanted) return std::unexpected(wanted.error());
    slot = *wanted;
  } else {
    slot = shared_slot(context, edit, shape);
  }
  if (slot != nullptr) {
    slot_id = slot->id;
    if (auto ok = check_narrowing(context, draft, first_new, shape.alignment, device.name()); !ok) return ok;
  } else {
    slot_id = shape.next_id++;
    if (auto ok = new_slot(context, edit, draft, first_new, slot_id, current != nullptr); !ok) return ok;
  }
  shape.attachments.push_back({attachment_id, &device, edit.process, slot_id, device.name(), edit.guest, context.edit});
  for (PlacedWindow& placed : shape.windows) placed.provisional = false;
  draft.advance();
  draft.note({0, Event::Kind::kAttached, {}, {}, device.name(), {}});
  note_reservations(draft, first_new);
  tell(*std::ranges::find(shape.slots, slot_id, &Slot::id), effect);
  if (current != nullptr) {
    Draft& source = context.draft(*current);
    Shape& old = source.edit_shape();
    // In the same IOAS, where a guest's table comes, goes or changes, the one that was there is the first.
    const auto there = old.find(device, edit.process);
    if (there != old.attachments.end()) source.remove_attachment(there, true);
    source.advance();
  }
  return {};
}

Planned<> plan(PlanContext& context, const MakeDomainEdit& edit, Effect& effect) {
  Draft& draft = context.draft(*edit.in);
  Shape& shape = draft.edit_shape();
  const std::size_t first_new = shape.reservations.size();
  const std::uint64_t id = shape.next_id++;
  if (auto ok = new_slot(context, {edit.in, edit.device, {}, {}, false}, draft, first_new, id, true); !ok) return ok;
  Slot& slot = *std::ranges::find(shape.slots, id, &Slot::id);
  slot.manual = true;
  slot.can_track = edit.dirty_tracking;
  draft.advance();
  note_reservations(draft, first_new);
  tell(slot, effect);
  return {};
}

Planned<> plan(PlanContext& context, const DropDomainEdit& edit, Effect&) {
  Draft& draft = context.draft(*edit.in);
  const std::uint64_t generation = draft.next_generation();
  Shape& shape = context.alone ? draft.edit_shape_for_good() : draft.edit_shape();
  const auto slot = std::ranges::find(shape.slots, edit.domain, &Slot::id);
  if (slot == shape.slots.end()) return refuse(Code::kNotFound, ENOENT, "there is no such domain");
  if (const auto user = std::ranges::find(shape.attachments, edit.domain, &Attachment::slot);
      user != shape.attachments.end()) {
    return refuse(Code::kInUse, EBUSY, user->name + " is attached to that domain");
  }
  draft.remove_slot(slot);
  shape.generation = generation;
  return {};
}

Planned<> plan(PlanContext& context, const DetachEdit& edit, Effect&) {
  if (auto ok = check_process(edit.process); !ok) return ok;
  Ioas* const current = context.platform.attached_to(*edit.device, edit.process);
  if (auto ok = check_moved(context, *edit.device, edit.process); !ok) return ok;
  if (current == nullptr) return {};
  Draft& draft = context.draft(*current);
  Shape& shape = context.alone ? draft.edit_shape_for_good() : draft.edit_shape();
  const auto here = shape.find(*edit.device, edit.process);
  if (here == shape.attachments.end()) return {};
  const std::uint64_t generation = draft.next_generation();
  draft.remove_attachment(here, false);
  shape.generation = generation;
  return {};
}

}  // namespace aperture::ioas
