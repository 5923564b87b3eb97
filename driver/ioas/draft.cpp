// SPDX-License-Identifier: Apache-2.0
#include "ioas/draft.hpp"

#include <algorithm>

namespace aperture::ioas {

Shape& Draft::edit_shape() {
  if (!before_) {
    // The original is what is kept: its vectors have the room that a later detach counts on.
    Shape copy = state_.shape;
    copy.reserved.make_room(copy.reservations.size());
    before_ = std::move(state_.shape);
    state_.shape = std::move(copy);
  }
  return state_.shape;
}

void Draft::note_windows() {
  if (!before_) return;
  for (const PlacedWindow& now : state_.shape.windows) {
    const auto old = before_->window(now.window.name);
    if (old != before_->windows.end() && old->range == now.range && old->provisional == now.provisional) continue;
    note({0, Event::Kind::kWindow, now.range, {}, {}, now.window.name});
  }
  for (const PlacedWindow& old : before_->windows) {
    if (state_.shape.window(old.window.name) != state_.shape.windows.end()) continue;
    note({0, Event::Kind::kReleased, old.range, {}, {}, old.window.name});
  }
}

void Draft::add(std::size_t edit, IovaRange range, std::shared_ptr<Pages> pages, std::uint64_t offset, Prot prot) {
  auto node =
      std::make_unique<Areas::Node>(Area{range, AreaPages(std::move(pages)), offset, prot, Area::State::kAdded});
  added_.push_back({edit, node.get()});
  state_.areas.insert(std::move(node));
}

void Draft::remove(Areas::iterator first, Areas::iterator last) noexcept {
  if (first == state_.areas.begin() && last == state_.areas.end()) {
    removed_.merge(state_.areas);
    return;
  }
  while (first != last) removed_.insert(state_.areas.extract(first++));
}

void Draft::remove_attachment(std::list<Attachment>::iterator attachment, bool moved) noexcept {
  Shape& shape = state_.shape;
  const std::uint64_t slot_id = attachment->slot;
  shape.drop_owner(attachment->id, unreserved_);
  std::list<Attachment>& to = moved ? moved_ : detached_;
  to.splice(to.end(), shape.attachments, attachment);
  if (std::ranges::find(shape.attachments, slot_id, &Attachment::slot) == shape.attachments.end()) {
    const auto slot = std::ranges::find(shape.slots, slot_id, &Slot::id);
    if (!slot->manual) remove_slot(slot);
  }
}

void Draft::remove_slot(std::list<Slot>::iterator slot) noexcept {
  Shape& shape = state_.shape;
  shape.drop_owner(slot->id, unreserved_);
  dropped_.splice(dropped_.end(), shape.slots, slot);
  shape.alignment = shape.needed_alignment();
}

void Draft::remove_reservation(std::list<Reservation>::iterator reservation) noexcept {
  unreserved_.splice(unreserved_.end(), state_.shape.reservations, reservation);
  state_.shape.recompute_reserved();
}

Result<> Draft::pin_and_map(Domain* domain, PinProvider& provider, Area& area) {
  Step& step = steps_.emplace_back(&area);
  if (auto pinned = area.pages.get()->pin(provider); !pinned) return pinned;
  step.provider = &provider;
  if (domain == nullptr) return {};
  if (auto mapped = domain->prepare_map(area.mapping(small_pages())); !mapped) return mapped;
  step.domain = domain;
  return {};
}

Result<> Draft::fill(Slot& slot) {
  auto domain = slot.maker->make_domain(slot.format_index, slot.process);
  if (!domain) return std::unexpected(domain.error());
  if ((state_.shape.dirty || (slot.manual && slot.can_track)) && !(*domain)->can_track_dirty()) {
    return fail(Code::kUnsupported, EOPNOTSUPP,
                "the domain of " + slot.maker->name() + " cannot track which pages are written");
  }
  slot.dirty = state_.shape.dirty;
  if (slot.dirty) (*domain)->track_dirty(true);
  slot.domain = std::move(*domain);
  if (auto done = slot.domain->require(required_.ranges()); !done) return done;
  for (Area& area : state_.areas) {
    if (area.state == Area::State::kAdded) continue;  // by its own edit
    if (auto done = pin_and_map(slot.domain.get(), *slot.provider, area); !done) return done;
  }
  return {};
}

Result<> Draft::prepare_switch(Attachment& attachment, std::uint64_t& rejected) {
  const auto slot = std::ranges::find(state_.shape.slots, attachment.slot, &Slot::id);
  switches_.reserve(switches_.size() + 1);
  auto prepared = attachment.guest ? attachment.device->prepare_nest(slot->domain, *attachment.guest)
                                   : attachment.device->prepare_attach(slot->domain, attachment.process);
  if (!prepared) {
    const int number = prepared.error().number;
    if ((number == EINVAL || number == EADDRINUSE) && !slot->fresh) rejected = slot->id;
    return std::unexpected(prepared.error());
  }
  switches_.push_back({&attachment, std::move(*prepared)});
  const std::lock_guard lock(ioas_.platform_.mutex_);
  ioas_.platform_.attached_.try_emplace({attachment.device, attachment.process}, nullptr);
  return {};
}

Result<> Draft::prepare_required() {
  if (!before_) return {};
  required_ = state_.shape.required();
  required_before_ = before_->required();
  for (const Slot& slot : state_.shape.slots) {
    if (!slot.domain) continue;
    if (auto done = slot.domain->require(required_.ranges()); !done) return done;
  }
  return {};
}

Result<> Draft::prepare(std::size_t edit, std::uint64_t& rejected) {
  Shape& shape = state_.shape;
  for (; prepared_ < added_.size() && added_[prepared_].edit == edit; ++prepared_) {
    Area& area = added_[prepared_].node->area;
    if (state_.eager != nullptr) {
      if (auto done = pin_and_map(nullptr, *state_.eager, area); !done) return done;
    }
    for (const Slot& slot : shape.slots) {
      if (!slot.domain) continue;
      if (auto done = pin_and_map(slot.domain.get(), *slot.provider, area); !done) return done;
    }
    area.state = Area::State::kPrepared;
  }
  if (!before_) return {};
  for (Slot& slot : shape.slots) {
    if (slot.domain || slot.edit != edit) continue;
    if (auto done = fill(slot); !done) return done;
  }
  for (Attachment& attachment : shape.attachments) {
    if (!attachment.fresh || attachment.edit != edit) continue;
    if (auto done = prepare_switch(attachment, rejected); !done) return done;
  }
  return {};
}

Result<> Draft::switch_over(bool& hitless) noexcept {
  committed_ = true;
  for (const Step& step : steps_) {
    if (step.domain != nullptr) step.domain->commit_map(step.area->mapping(small_pages()));
  }
  for (const Slot& slot : state_.shape.slots) {
    if (!slot.fresh && std::ranges::find(dirty_set_, slot.id) != dirty_set_.end()) slot.domain->track_dirty(slot.dirty);
  }
  Result<> result;
  for (Switch& next : switches_) {
    const auto done = next.prepared->commit();
    if (!done) {
      result = std::unexpected(done.error());
    } else {
      hitless = hitless && *done;
    }
    const std::lock_guard lock(ioas_.platform_.mutex_);
    ioas_.platform_.attached_.find({next.attachment->device, next.attachment->process})->second = &ioas_;
  }
  return result;
}

void Draft::quarantine(Areas& areas) noexcept {
  const std::lock_guard lock(ioas_.platform_.mutex_);
  ioas_.platform_.quarantine_.merge(areas);
}

void Draft::publish() noexcept {
  const std::uint64_t generation = state_.shape.generation;
  Journal& journal = state_.journal;
  for (Event& event : events_) {
    event.generation = generation;
    journal.add(std::move(event));
  }
  for (Reservation& r : unreserved_) {
    journal.add({generation, Event::Kind::kUnreserved, r.range, r.cause, std::move(r.device), {}});
  }
  if (const std::uint64_t alignment = state_.shape.alignment; alignment != alignment_before_) {
    journal.add({generation, Event::Kind::kAlignment, {{alignment}, {alignment}}, {}, {}, {}});
  }
  for (std::list<Attachment>* gone : {&detached_, &moved_}) {
    for (Attachment& a : *gone) journal.add({generation, Event::Kind::kDetached, {}, {}, std::move(a.name), {}});
  }
}

Result<> Draft::finish(bool lost) noexcept {
  publish();
  Result<> result;
  for (const Attachment& gone : detached_) {
    if (auto done = gone.device->detach(gone.process); !done) result = done;
    const std::lock_guard lock(ioas_.platform_.mutex_);
    ioas_.platform_.attached_.erase({gone.device, gone.process});
  }
  for (const Slot& slot : state_.shape.slots) {
    if (slot.fresh || (removed_.empty() && added_.empty())) continue;
    for (const Area& area : removed_) slot.domain->unmap(area.range);
    if (auto done = slot.domain->sync(); !done) result = done;
  }
  ioas_.lost_ = ioas_.lost_ || lost || !result;
  if (ioas_.lost_) {
    quarantine(removed_);
  } else {
    for (const Area& area : removed_) {
      if (state_.eager != nullptr) area.pages.get()->unpin(*state_.eager);
      for (const Slot& slot : state_.shape.slots) {
        if (!slot.fresh) area.pages.get()->unpin(*slot.provider);
      }
      for (const Slot& slot : dropped_) area.pages.get()->unpin(*slot.provider);
    }
    for (Slot& slot : dropped_) {
      slot.domain.reset();
      for (const Area& area : state_.areas) {
        if (area.state == Area::State::kKept) area.pages.get()->unpin(*slot.provider);
      }
    }
  }
  for (const Added& added : added_) added.node->area.state = Area::State::kKept;
  if (before_) {
    for (Slot& slot : state_.shape.slots) slot.fresh = false;
    for (Attachment& attachment : state_.shape.attachments) attachment.fresh = false;
  }
  return result;
}

bool Draft::undo_steps() noexcept {
  while (!switches_.empty()) switches_.pop_back();
  if (required_before_) {
    // Should a domain refuse, it is told again by the next change.
    for (const Slot& slot : state_.shape.slots) {
      if (slot.domain && !slot.fresh) (void)slot.domain->require(required_before_->ranges());
    }
  }
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    if (step->domain != nullptr) step->domain->abort_map(step->area->mapping(small_pages()));
  }
  bool lost = false;
  if (std::ranges::any_of(steps_, [](const Step& step) { return step.domain != nullptr; })) {
    for (const Slot& slot : state_.shape.slots) {
      if (slot.domain && !slot.fresh) lost = !slot.domain->sync() || lost;
    }
  }
  if (lost) {
    ioas_.lost_ = true;
  } else {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      if (step->provider != nullptr) step->area->pages.get()->unpin(*step->provider);
    }
  }
  return !lost;
}

Draft::~Draft() {
  if (committed_) return;
  const bool released = undo_steps();
  Areas added;
  for (const Added& one : added_) added.insert(state_.areas.extract(state_.areas.at(one.node)));
  if (!released) quarantine(added);
  state_.areas.merge(removed_);
  if (before_) state_.shape = std::move(*before_);
}

}  // namespace aperture::ioas
