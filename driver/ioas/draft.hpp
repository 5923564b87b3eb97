// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "ioas/ioas.hpp"
#include "ioas/report.hpp"
#include "ioas/state.hpp"

namespace aperture::ioas {

/// What plan functions find against an edit: the error, and the material for its report.
struct Finding {
  Code code{};
  int number{};
  std::string what;
  std::vector<WindowReport> windows{};
  std::vector<Blocker> maps{};
  const Ioas* ioas{};           ///< whose, if not the edit's own
  bool devices_may_help{true};  ///< fewer devices may make a difference
};

template <typename T = void>
using Planned = std::expected<T, Finding>;

inline std::unexpected<Finding> refuse(Code code, int number, std::string what) {
  Finding finding{code, number, std::move(what)};
  finding.devices_may_help = false;
  return std::unexpected(std::move(finding));
}

/// One IOAS's part of a change. Edits are made on the IOAS's own state, under its lock, and logged, so that a later
/// edit sees an earlier one and everything can be taken back. Then prepare() does all with the domains and devices that
/// can fail, and the rest commits. Destroyed uncommitted: everything is as before.
class Draft {
 public:
  explicit Draft(Ioas& ioas) : ioas_(ioas), state_(ioas.state_), alignment_before_(state_.shape.alignment) {}
  ~Draft();
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  Ioas& ioas() { return ioas_; }
  const Ioas& ioas() const { return ioas_; }
  State& state() { return state_; }
  const State& ioas_state() const { return state_; }
  /// The shape to be edited; keeps a copy of the old one first, so references into the shape from before are stale.
  Shape& edit_shape();
  /// The shape to be edited by something that cannot fail any more and stands alone; keeps no copy.
  Shape& edit_shape_for_good() { return state_.shape; }
  const Shape& shape_before() const { return before_ ? *before_ : state_.shape; }
  /// The generation that begins with this change.
  std::uint64_t next_generation() const { return shape_before().generation + 1; }
  void advance() { edit_shape().generation = next_generation(); }
  /// Has the slot's domain track writes, or not, from the commit on. Set again, no page is dirty any more.
  void track_dirty(Slot& slot, bool enable) {
    slot.dirty = enable;
    dirty_set_.push_back(slot.id);
  }
  /// To be published with this change; what happened to windows, alignment, and what is gone, is found without.
  void note(Event event) { events_.push_back(std::move(event)); }

  /// Edits come in ascending order.
  void add(std::size_t edit, IovaRange range, std::shared_ptr<Pages> pages, std::uint64_t offset, Prot prot);
  /// Takes areas [first, last) out; they come back if the draft is dropped. Never allocates.
  void remove(Areas::iterator first, Areas::iterator last) noexcept;
  bool removed_overlaps(IovaRange range) const { return removed_.overlaps(range); }
  /// The attachment is gone; with the last one of a slot the slot goes too. Never allocates.
  void remove_attachment(std::list<Attachment>::iterator attachment, bool moved) noexcept;
  void remove_reservation(std::list<Reservation>::iterator reservation) noexcept;
  /// The slot, which no attachment uses, is gone. Never allocates.
  void remove_slot(std::list<Slot>::iterator slot) noexcept;

  /// Tells the domains what nothing may narrow from now on. Comes before prepare().
  Result<> prepare_required();
  /// All of one edit that can fail. `rejected`: the slot that was there before and whose domain a device turned out not
  /// to be able to use, if that was it.
  Result<> prepare(std::size_t edit, std::uint64_t& rejected);
  /// The last of what can fail: nothing but memory may be missing.
  void note_windows();
  /// Completes the maps and switches the devices. Never fails but for EIO (the card is lost; go on all the same).
  Result<> switch_over(bool& hitless) noexcept;
  /// Detaches, unmaps, fences, unpins. `lost`: pages that the card might touch stay pinned. Fails with EIO as above.
  Result<> finish(bool lost) noexcept;

 private:
  struct Added {
    std::size_t edit;
    Areas::Node* node;
  };
  /// What has been done for an area; each part is set when it is done.
  struct Step {
    Area* area;
    PinProvider* provider{};
    Domain* domain{};
  };
  struct Switch {
    Attachment* attachment;
    std::unique_ptr<PreparedAttach> prepared;
  };
  bool small_pages() const { return !state_.shape.huge_pages; }
  Result<> pin_and_map(Domain* domain, PinProvider& provider, Area& area);
  Result<> fill(Slot& slot);
  Result<> prepare_switch(Attachment& attachment, std::uint64_t& rejected);
  /// False: the card is lost, and what was pinned stays so.
  bool undo_steps() noexcept;
  void quarantine(Areas& areas) noexcept;
  void publish() noexcept;

  Ioas& ioas_;
  State& state_;
  std::uint64_t alignment_before_;
  std::optional<Shape> before_;
  std::vector<Event> events_;
  Areas removed_;
  std::vector<Added> added_;
  std::size_t prepared_{};          ///< of added_
  std::list<Attachment> detached_;  ///< leave this IOAS
  std::list<Attachment> moved_;     ///< leave by being attached elsewhere in the same change
  std::list<Reservation> unreserved_;
  std::list<Slot> dropped_;
  RangeSet required_;
  std::optional<RangeSet> required_before_;  ///< of the domains, once they have been told what is required now
  std::vector<Step> steps_;
  std::vector<Switch> switches_;
  std::vector<std::uint64_t> dirty_set_;  ///< slots whose tracking begins or ends
  bool committed_{};
};

}  // namespace aperture::ioas
