// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "ioas/edit.hpp"
#include "ioas/platform.hpp"
#include "ioas/report.hpp"

namespace aperture::ioas {

/// Edits that happen together or not at all, in order: each sees what those before it did. Every call of an Ioas is
/// one.
///
/// The steps are: plan (checks, edits the books under the locks and logs them), prepare (pins, allocates, builds
/// tables), commit (switches devices, then unmaps, then fences once). A failure of the first two takes everything back.
/// Pages of a map that is being prepared may be reachable a little before the change is complete. An IOVA that a change
/// unmaps cannot be mapped again by the same change, nor the other way round (EINVAL). This is the transaction of the
/// layer: several IOASes, maps, windows and devices in one step.
class Change {
 public:
  explicit Change(Platform& platform) : platform_(platform) {}
  void add(Edit edit) { edits_.push_back(std::move(edit)); }
  std::size_t size() const { return edits_.size(); }
  /// apply() fails with ENOMEM when it prepares this edit, counted from 1: what came before is rolled back, the last
  /// first. 0: none does. To try out what a user of ours does when memory is short.
  void fail_at(std::size_t edit) { fail_at_ = edit; }

  /// What apply would come to, without side effects: the report on the last edit's IOAS, or the refusal.
  Outcome<Report> validate();
  /// One effect per edit. ENOMEM also where the program is out of memory.
  Outcome<std::vector<Effect>> apply();

  /// The same for edits that lie elsewhere. `effects` has as many elements as `edits`. One unmap or detach never
  /// allocates.
  static Outcome<> apply(Platform& platform, std::span<const Edit> edits, std::span<Effect> effects,
                         std::size_t fail_at = 0);
  static Outcome<Effect> apply(Platform& platform, const Edit& edit);
  static Outcome<Report> validate(Platform& platform, std::span<const Edit> edits);

 private:
  class Run;
  Platform& platform_;
  std::vector<Edit> edits_;
  std::size_t fail_at_{};
};

/// ENOMEM, made of memory that was there before.
Refusal out_of_memory() noexcept;

}  // namespace aperture::ioas
