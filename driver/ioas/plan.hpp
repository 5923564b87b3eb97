// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <list>
#include <span>
#include <tuple>
#include <utility>
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
  std::list<Link>& links;  ///< those in force, and of them the fresh ones of this change
  std::list<Link>& ended;  ///< those that this change ends
  std::uint64_t& next_link;
  bool alone{};        ///< a change of this one edit, to be applied: it keeps nothing to go back to
  std::size_t edit{};  ///< which is being planned
  std::vector<std::pair<const Device*, ProcessId>> moved{};  ///< by this change so far
};

// Each checks its edit against the books, in the order that Ioas states, and makes it there. When it refuses, the books
// may have been edited as if it had not: the caller drops the drafts after the report is made.
Planned<> plan(PlanContext& context, const MapEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const CopyEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const CloneEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const UnmapEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const AttachEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const DetachEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const MakeDomainEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const DropDomainEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const RequireEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const ResizeEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const BindEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const ReleaseEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const AllowEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const ReserveEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const UnreserveEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const HugePagesEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const FreezeEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const DirtyTrackingEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const ProjectEdit& edit, Effect& effect);
Planned<> plan(PlanContext& context, const UnprojectEdit& edit, Effect& effect);

// Between the plan_*.cpp files.

/// A piece of a Pages object that is to become an area.
struct Chunk {
  std::shared_ptr<Pages> pages;
  std::uint64_t offset;
  std::uint64_t length;
};

/// Adds chunks one behind the other, at `wanted` or where there is room, here and in every follower.
Planned<Iova> insert(PlanContext& context, Draft& draft, std::span<const Chunk> chunks, std::uint64_t length,
                     std::optional<Iova> wanted, Prot prot);
/// Takes areas [first, last) out, here and in every follower. EINVAL: this change has added one.
Planned<> remove(PlanContext& context, Draft& draft, Areas::iterator first, Areas::iterator last);
/// Adds to the follower what the leader has in the link's range / takes it out again.
Planned<> follow(PlanContext& context, const Link& link);
Planned<> unfollow(PlanContext& context, const Link& link);
/// Where to go on looking when [range] of a leader cannot be had in its followers.
std::optional<std::uint64_t> blocked_until(PlanContext& context, const Ioas& leader, IovaRange range);
/// The alignment that an IOAS and all its followers need.
std::uint64_t joint_alignment(PlanContext& context, Draft& draft);

/// EADDRINUSE if the reservations from index `first_new` on, or the alignment having risen above `old_alignment`, hurt
/// a map, an allowed range, a window or a freeze. Moves provisional windows out of the way. `device` is who asks, for
/// the report.
Planned<> check_narrowing(PlanContext& context, Draft& draft, std::size_t first_new, std::uint64_t old_alignment,
                          const std::string& device);

/// The finding for an error of domains and devices while `draft` was prepared. EADDRINUSE: with what the devices turn
/// out to keep beyond what was known when the change was planned. The draft is fit only to be dropped afterwards.
Finding late_narrowing(PlanContext& context, Draft& draft, const Error& error);

}  // namespace aperture::ioas
