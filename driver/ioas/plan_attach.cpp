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

/// The existing domain that the device can use, in order of creation.
const Slot* shared_slot(const PlanContext& context, const AttachEdit& edit, const Shape& shape) {
  const std::vector<Format>& formats = edit.device->formats(edit.process);
  for (const Slot& slot : shape.slots) {
    const std::tuple<const Device*, const Ioas*, std::uint64_t> pair{edit.device, edit.to, slot.id};
    if (slot.provider == &edit.device->pin_provider() && std::ranges::find(formats, slot.format) != formats.end() &&
        std::ranges::find(context.rejected, pair) == context.rejected.end()) {
      return &slot;
    }
  }
  return nullptr;
}

/// Adds an empty slot of that format, with what its apertures leave out. EINVAL: pages of more than 4 KiB only.
Planned<> add_slot(Shape& shape, const AttachEdit& edit, std::size_t index, std::uint64_t id) {
  const Format& format = edit.device->formats(edit.process)[index];
  if (std::countr_zero(format.page_sizes) > std::countr_zero(kPageSize)) {
    return refuse(Code::kInvalid, EINVAL, edit.device->name() + " has no pages of 4 KiB or less");
  }
  shape.slots.push_back({id, format, &edit.device->pin_provider(), edit.device, index, edit.process, nullptr});
  const Iova low = format.apertures.front().first;
  const Iova high = format.apertures.back().last;
  const RangeSet holes = RangeSet(format.apertures).complement();
  for (const IovaRange& hole : holes.ranges()) {
    const bool between = hole.first > low && hole.last < high;
    shape.reserve(hole, between ? Cause::kSignGap : Cause::kAperture, id, edit.device->name());
  }
  shape.alignment = std::max(shape.alignment, shape.needed_alignment());
  return {};
}

std::size_t largest_format(const std::vector<Format>& formats) {
  for (std::size_t i = formats.size(); i-- > 0;) {
    if (formats[i].stage == 1) return i;
  }
  return formats.size() - 1;
}

/// With windows the first format that holds everything, else the largest. When none holds: the finding on the largest.
Planned<> new_slot(PlanContext& context, const AttachEdit& edit, Draft& draft, std::size_t first_new,
                   std::uint64_t id) {
  State& state = draft.state();
  const std::uint64_t alignment = state.shape.alignment;
  const std::vector<Format>& formats = edit.device->formats(edit.process);
  const auto attempt = [&](std::size_t index) -> Planned<> {
    if (auto added = add_slot(state.shape, edit, index, id); !added) return added;
    return check_narrowing(context, state, first_new, alignment, edit.device->name());
  };
  if (!state.shape.windows.empty()) {
    const Shape before = state.shape;
    for (std::size_t i = 0; i < formats.size(); ++i) {
      if (attempt(i)) return {};
      state.shape = before;
    }
  }
  return attempt(largest_format(formats));
}

}  // namespace

Planned<> plan(PlanContext& context, const AttachEdit& edit, Effect& effect) {
  Draft& draft = context.draft(*edit.to);
  const Shape& before = draft.state().shape;
  Device& device = *edit.device;
  if (auto ok = check_process(edit.process); !ok) return ok;
  if (edit.generation && *edit.generation != before.generation) {
    return refuse(Code::kStale, ESTALE,
                  "generation " + std::to_string(*edit.generation) + " is stale, the current one is " +
                      std::to_string(before.generation));
  }
  Ioas* const current = context.platform.attached_to(device, edit.process);
  if (edit.replace_only && current == nullptr)
    return refuse(Code::kInvalid, EINVAL, device.name() + " is not attached");

  Shape& shape = draft.edit_shape();
  if (const auto here = shape.find(device, edit.process); here != shape.attachments.end()) {
    const auto slot = std::ranges::find(shape.slots, here->slot, &Slot::id);
    effect.format = slot->format.name;
    effect.levels = slot->format.levels;
    return {};
  }
  const std::size_t first_new = shape.reservations.size();
  const std::uint64_t attachment_id = shape.next_id++;
  if (!edit.process) {
    for (const DeviceReservation& r : device.reservations())
      shape.reserve(r.range, r.cause, attachment_id, device.name());
    if (device.dma_mask() != kMax) {
      shape.reserve({{device.dma_mask() + 1}, {kMax}}, Cause::kDmaMask, attachment_id, device.name());
    }
  }
  std::uint64_t slot_id = 0;
  if (const Slot* slot = shared_slot(context, edit, shape)) {
    slot_id = slot->id;
    if (auto ok = check_narrowing(context, draft.state(), first_new, shape.alignment, device.name()); !ok) return ok;
  } else {
    slot_id = shape.next_id++;
    if (auto ok = new_slot(context, edit, draft, first_new, slot_id); !ok) return ok;
  }
  shape.attachments.push_back({attachment_id, &device, edit.process, slot_id});
  for (PlacedWindow& placed : shape.windows) placed.provisional = false;
  shape.generation = draft.shape_before().generation + 1;
  const auto slot = std::ranges::find(shape.slots, slot_id, &Slot::id);
  effect.format = slot->format.name;
  effect.levels = slot->format.levels;
  if (current != nullptr) {
    Draft& source = context.draft(*current);
    Shape& old = source.edit_shape();
    const auto there = old.find(device, edit.process);
    if (there != old.attachments.end()) source.remove_attachment(there, true);
    old.generation = source.shape_before().generation + 1;
  }
  return {};
}

Planned<> plan(PlanContext& context, const DetachEdit& edit, Effect&) {
  if (auto ok = check_process(edit.process); !ok) return ok;
  Ioas* const current = context.platform.attached_to(*edit.device, edit.process);
  if (current == nullptr) return {};
  Draft& draft = context.draft(*current);
  Shape& shape = context.alone ? draft.edit_shape_for_good() : draft.edit_shape();
  const auto here = shape.find(*edit.device, edit.process);
  if (here == shape.attachments.end()) return {};
  const std::uint64_t generation = draft.shape_before().generation + 1;
  draft.remove_attachment(here, false);
  shape.generation = generation;
  return {};
}

}  // namespace aperture::ioas
