// SPDX-License-Identifier: Apache-2.0
#include "ioas/draft.hpp"

#include <algorithm>

namespace aperture::ioas {

Shape& Draft::edit_shape() {
  if (!before_) before_ = state_.shape;
  return state_.shape;
}

Shape& Draft::edit_shape_for_good() { return state_.shape; }

void Draft::add(IovaRange range, std::shared_ptr<Pages> pages, std::uint64_t offset, Prot prot) {
  added_.push_back(range.first);
  state_.areas.emplace(range.first, Area{range, AreaPages(std::move(pages)), offset, prot});
}

void Draft::remove(Areas::iterator first, Areas::iterator last) noexcept {
  while (first != last) removed_.insert(state_.areas.extract(first++));
}

bool Draft::removed_overlaps(IovaRange range) const {
  const auto it = first_area(removed_, range.first);
  return it != removed_.end() && it->second.range.overlaps(range);
}

bool Draft::was_added(Iova iova) const { return std::ranges::find(added_, iova) != added_.end(); }

void Draft::remove_attachment(std::list<Attachment>::iterator attachment, bool moved) noexcept {
  Shape& shape = state_.shape;
  const std::uint64_t slot_id = attachment->slot;
  shape.drop_owner(attachment->id);
  std::list<Attachment>& to = moved ? moved_ : detached_;
  to.splice(to.end(), shape.attachments, attachment);
  if (std::ranges::find(shape.attachments, slot_id, &Attachment::slot) == shape.attachments.end()) {
    const auto slot = std::ranges::find(shape.slots, slot_id, &Slot::id);
    shape.drop_owner(slot_id);
    dropped_.splice(dropped_.end(), shape.slots, slot);
    shape.alignment = shape.needed_alignment();
  }
}

bool Draft::is_fresh(const Slot& slot) const {
  return before_ && std::ranges::find(before_->slots, slot.id, &Slot::id) == before_->slots.end();
}

Result<> Draft::pin_and_map(const Slot* slot, PinProvider& provider, const Area& area) {
  if (auto pinned = area.pages.get()->pin(provider); !pinned) return pinned;
  if (slot != nullptr) {
    if (auto mapped = slot->domain->prepare_map(area.mapping(!state_.shape.huge_pages)); !mapped) {
      area.pages.get()->unpin(provider);
      return mapped;
    }
  }
  steps_.push_back({slot != nullptr ? slot->domain.get() : nullptr, &provider, &area});
  return {};
}

Result<> Draft::prepare(std::uint64_t& rejected) {
  if (!before_ && added_.empty()) return {};
  Shape& shape = state_.shape;
  RangeSet required;
  if (before_) {
    required = shape.required();
    required_before_ = before_->required();
    for (const Slot& slot : shape.slots) {
      if (!slot.domain) continue;
      if (auto done = slot.domain->require(required.ranges()); !done) return done;
    }
  }
  for (const Iova iova : added_) {
    const Area& area = state_.areas.at(iova);
    if (state_.eager != nullptr) {
      if (auto done = pin_and_map(nullptr, *state_.eager, area); !done) return done;
    }
    for (const Slot& slot : shape.slots) {
      if (!slot.domain) continue;
      if (auto done = pin_and_map(&slot, *slot.provider, area); !done) return done;
    }
  }
  for (Slot& slot : shape.slots) {
    if (slot.domain) continue;
    auto domain = slot.maker->make_domain(slot.format_index, slot.process);
    if (!domain) return std::unexpected(domain.error());
    slot.domain = std::move(*domain);
    if (auto done = slot.domain->require(required.ranges()); !done) return done;
    for (const auto& [iova, area] : state_.areas) {
      if (auto done = pin_and_map(&slot, *slot.provider, area); !done) return done;
    }
  }
  for (const Attachment& attachment : shape.attachments) {
    if (!before_ ||
        std::ranges::find(before_->attachments, attachment.id, &Attachment::id) != before_->attachments.end()) {
      continue;
    }
    const auto slot = std::ranges::find(shape.slots, attachment.slot, &Slot::id);
    auto prepared = attachment.device->prepare_attach(slot->domain, attachment.process);
    if (!prepared) {
      const int number = prepared.error().number;
      if ((number == EINVAL || number == EADDRINUSE) && !is_fresh(*slot)) rejected = slot->id;
      return std::unexpected(prepared.error());
    }
    {
      const std::lock_guard lock(ioas_.platform_.mutex_);
      ioas_.platform_.attached_.try_emplace({attachment.device, attachment.process}, nullptr);
    }
    switches_.push_back({&attachment, std::move(*prepared)});
  }
  return {};
}

Result<> Draft::switch_over(bool& hitless) noexcept {
  committed_ = true;
  for (const Step& step : steps_) {
    if (step.domain != nullptr) step.domain->commit_map(step.area->mapping(!state_.shape.huge_pages));
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

Result<> Draft::finish(bool lost) noexcept {
  Result<> result;
  for (const Attachment& gone : detached_) {
    if (auto done = gone.device->detach(gone.process); !done) result = done;
    const std::lock_guard lock(ioas_.platform_.mutex_);
    ioas_.platform_.attached_.erase({gone.device, gone.process});
  }
  for (const Slot& slot : state_.shape.slots) {
    if (is_fresh(slot) || (removed_.empty() && added_.empty())) continue;
    for (const auto& [iova, area] : removed_) slot.domain->unmap(area.range);
    if (auto done = slot.domain->sync(); !done) result = done;
  }
  ioas_.lost_ = ioas_.lost_ || lost || !result;
  if (ioas_.lost_) {
    quarantine(removed_);
    return result;
  }
  for (const auto& [iova, area] : removed_) {
    if (state_.eager != nullptr) area.pages.get()->unpin(*state_.eager);
    for (const Slot& slot : state_.shape.slots) {
      if (!is_fresh(slot)) area.pages.get()->unpin(*slot.provider);
    }
    for (const Slot& slot : dropped_) area.pages.get()->unpin(*slot.provider);
  }
  for (Slot& slot : dropped_) {
    slot.domain.reset();
    for (const auto& [iova, area] : state_.areas) {
      if (!was_added(iova)) area.pages.get()->unpin(*slot.provider);
    }
  }
  return result;
}

bool Draft::undo_steps() noexcept {
  switches_.clear();
  if (required_before_) {
    // Should a domain refuse, it is told again by the next change.
    for (const Slot& slot : state_.shape.slots) {
      if (slot.domain && !is_fresh(slot)) (void)slot.domain->require(required_before_->ranges());
    }
  }
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    if (step->domain != nullptr) step->domain->abort_map(step->area->mapping(!state_.shape.huge_pages));
  }
  bool lost = false;
  if (!added_.empty() && !steps_.empty()) {
    for (const Slot& slot : state_.shape.slots) {
      if (slot.domain && !is_fresh(slot)) lost = !slot.domain->sync() || lost;
    }
  }
  if (lost) {
    ioas_.lost_ = true;
  } else {
    for (const Step& step : steps_) step.area->pages.get()->unpin(*step.provider);
  }
  return !lost;
}

Draft::~Draft() {
  if (committed_) return;
  const bool released = undo_steps();
  Areas added;
  for (const Iova iova : added_) added.insert(state_.areas.extract(iova));
  if (!released) quarantine(added);
  state_.areas.merge(removed_);
  if (before_) state_.shape = std::move(*before_);
}

}  // namespace aperture::ioas
