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
  std::vector<WindowReport> windows;
  std::vector<Blocker> maps;
  std::vector<std::string> detach_set;
};

template <typename T = void>
using Planned = std::expected<T, Finding>;

inline std::unexpected<Finding> refuse(Code code, int number, std::string what) {
  return std::unexpected(Finding{code, number, std::move(what), {}, {}, {}});
}

/// One IOAS's part of a change. Edits are made on the IOAS's own state, under its lock, and logged, so that a later
/// edit sees an earlier one and everything can be taken back. Then prepare() does all with the domains and devices that
/// can fail, and commit() the rest. Destroyed uncommitted: everything is as before.
class Draft {
 public:
  explicit Draft(Ioas& ioas) : ioas_(ioas), state_(ioas.state_) {}
  ~Draft();
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  Ioas& ioas() { return ioas_; }
  State& state() { return state_; }
  /// The shape to be edited; keeps a copy of the old one first.
  Shape& edit_shape();
  /// The shape to be edited by something that cannot fail any more and stands alone; keeps no copy.
  Shape& edit_shape_for_good();
  const Shape& shape_before() const { return before_ ? *before_ : state_.shape; }

  void add(IovaRange range, std::shared_ptr<Pages> pages, std::uint64_t offset, Prot prot);
  /// Takes areas [first, last) out; they come back if the draft is dropped. Never allocates.
  void remove(Areas::iterator first, Areas::iterator last) noexcept;
  bool removed_overlaps(IovaRange range) const;
  bool was_added(Iova iova) const;
  /// The attachment is gone; with the last one of a slot the slot goes too. Never allocates.
  void remove_attachment(std::list<Attachment>::iterator attachment, bool moved) noexcept;

  /// All that can fail. `rejected`: the slot that was there before and whose domain a device turned out not to be able
  /// to use, if that was it.
  Result<> prepare(std::uint64_t& rejected);
  /// Completes the maps and switches the devices. Never fails but for EIO (the card is lost; go on all the same).
  Result<> switch_over(bool& hitless) noexcept;
  /// Detaches, unmaps, fences, unpins. `lost`: pages that the card might touch stay pinned. Fails with EIO as above.
  Result<> finish(bool lost) noexcept;

 private:
  struct Step {
    Domain* domain;  ///< null: only pinned
    PinProvider* provider;
    const Area* area;
  };
  struct Switch {
    const Attachment* attachment;
    std::unique_ptr<PreparedAttach> prepared;
  };
  bool is_fresh(const Slot& slot) const;
  Result<> pin_and_map(const Slot* slot, PinProvider& provider, const Area& area);
  /// False: the card is lost, and what was pinned stays so.
  bool undo_steps() noexcept;
  void quarantine(Areas& areas) noexcept;

  Ioas& ioas_;
  State& state_;
  std::optional<Shape> before_;
  Areas removed_;
  std::vector<Iova> added_;
  std::list<Attachment> detached_;  ///< leave this IOAS
  std::list<Attachment> moved_;     ///< leave by being attached elsewhere in the same change
  std::list<Slot> dropped_;
  std::optional<RangeSet> required_before_;  ///< of the domains, once prepare has told them what is required now
  std::vector<Step> steps_;
  std::vector<Switch> switches_;
  bool committed_{};
};

}  // namespace aperture::ioas
