// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <tuple>
#include <vector>

#include "ioas/draft.hpp"
#include "ioas/edit.hpp"

namespace aperture::ioas {

/// What planning an edit can refer to.
struct PlanContext {
  Platform& platform;
  std::function<Draft&(Ioas&)> draft;
  /// Domains that devices have refused while this change was being prepared.
  const std::vector<std::tuple<const Device*, const Ioas*, std::uint64_t>>& rejected;
  bool alone{};  ///< a change of this one edit, to be applied: it keeps nothing to go back to once it cannot fail
};

// Each checks its edit against the books, in the order that Ioas states, and makes it there. When it refuses, the books
// may have been edited as if it had not: the caller drops the drafts after the report is made.
Planned<> plan(PlanContext& context, const MapEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const CopyEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const CloneEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const UnmapEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const AttachEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const DetachEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const RequireEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const ResizeEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const BindEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const ReleaseEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const AllowEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const ReserveEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const UnreserveEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const HugePagesEdit& edit, Effect& effect);

/// EADDRINUSE if the reservations from index `first_new` on, or the alignment having risen above `old_alignment`, hurt
/// a map, an allowed range or a window. Moves provisional windows out of the way. `device` is who asks, for the report.
Planned<> check_narrowing(PlanContext& context, State& state, std::size_t first_new, std::uint64_t old_alignment,
                          const std::string& device);

/// The finding for an error of domains and devices while `draft` was prepared. EADDRINUSE: with what the devices turn
/// out to keep beyond what was known when the change was planned. The draft is fit only to be dropped afterwards.
Finding late_narrowing(PlanContext& context, Draft& draft, const Error& error);

}  // namespace aperture::ioas
