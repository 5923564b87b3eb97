// SPDX-License-Identifier: Apache-2.0
#include "ioas/change.hpp"

#include <algorithm>
#include <array>
#include <list>
#include <memory_resource>

#include "ioas/draft.hpp"
#include "ioas/plan.hpp"

namespace aperture::ioas {
namespace {

struct Subject {
  std::string operator()(const MapEdit&) const { return "map"; }
  std::string operator()(const CopyEdit&) const { return "copy"; }
  std::string operator()(const CloneEdit&) const { return "clone"; }
  std::string operator()(const UnmapEdit&) const { return "unmap"; }
  std::string operator()(const AttachEdit& e) const { return "attach " + e.device->name(); }
  std::string operator()(const DetachEdit& e) const { return "detach " + e.device->name(); }
  std::string operator()(const RequireEdit&) const { return "require"; }
  std::string operator()(const ResizeEdit& e) const { return "resize \"" + e.window + "\""; }
  std::string operator()(const BindEdit& e) const { return "bind \"" + e.window + "\""; }
  std::string operator()(const ReleaseEdit& e) const { return "release \"" + e.window + "\""; }
  std::string operator()(const AllowEdit&) const { return "allow"; }
  std::string operator()(const ReserveEdit&) const { return "reserve"; }
  std::string operator()(const UnreserveEdit&) const { return "unreserve"; }
  std::string operator()(const HugePagesEdit&) const { return "huge pages"; }
};

/// The IOASes that an edit names: the one it changes first; null where there is none.
std::array<Ioas*, 2> named(const Platform& platform, const Edit& edit) {
  return std::visit(
      [&](const auto& e) -> std::array<Ioas*, 2> {
        if constexpr (requires { e.in; }) {
          return {e.in, nullptr};
        } else if constexpr (requires { e.generation; }) {
          return {e.to, platform.attached_to(*e.device, e.process)};
        } else if constexpr (requires {
                               e.to;
                               e.from;
                             }) {
          return {e.to, e.from};
        } else if constexpr (requires { e.to; }) {
          return {e.to, nullptr};
        } else if constexpr (requires { e.from; }) {
          return {e.from, nullptr};
        } else {
          return {platform.attached_to(*e.device, e.process), nullptr};
        }
      },
      edit);
}

bool moves_devices(const Edit& edit) {
  return std::holds_alternative<AttachEdit>(edit) || std::holds_alternative<DetachEdit>(edit);
}

Report describe(Draft* draft, const Edit& edit, const Finding* finding, const Effect& effect) {
  Report out;
  out.subject = std::visit(Subject{}, edit);
  out.ok = finding == nullptr;
  if (finding != nullptr) {
    out.reason = finding->what;
    out.maps_blocked = finding->maps;
    out.detach_set = finding->detach_set;
  } else {
    out.format = effect.format;
    out.levels = effect.levels;
  }
  if (draft != nullptr) {
    const Shape& before = draft->shape_before();
    const Shape& after = draft->state().shape;
    out.generation = before.generation;
    out.ranges_before = before.ranges();
    out.ranges_after = after.ranges();
    out.alignment_before = before.alignment;
    out.alignment_after = after.alignment;
    for (const PlacedWindow& placed : after.windows) {
      const Verdict verdict = placed.provisional ? Verdict::kProvisional : Verdict::kFits;
      out.windows.push_back({placed.window.name, verdict, placed.range, {}, {}});
    }
  }
  if (finding == nullptr) return out;
  for (const WindowReport& blocked : finding->windows) {
    const auto same = std::ranges::find(out.windows, blocked.name, &WindowReport::name);
    if (same != out.windows.end()) {
      *same = blocked;
    } else {
      out.windows.push_back(blocked);
    }
  }
  return out;
}

}  // namespace

/// One attempt after another at a change, with its locks held. Small changes live in `buffer_` alone.
class Change::Run {
 public:
  Run(Platform& platform, std::span<const Edit> edits, std::span<Effect> effects, bool commit)
      : platform_(platform), edits_(edits), effects_(effects), commit_(commit) {
    if (std::ranges::any_of(edits, moves_devices)) attach_lock_ = std::unique_lock(platform.attach_mutex_);
    for (const Edit& edit : edits) {
      for (Ioas* ioas : named(platform, edit)) {
        if (ioas != nullptr && std::ranges::find(locked_, ioas) == locked_.end()) locked_.push_back(ioas);
      }
    }
    std::ranges::sort(locked_, {}, [](const Ioas* ioas) { return ioas->id_; });
    for (Ioas* ioas : locked_) ioas->mutex_.lock();
  }
  ~Run() {
    drafts_.clear();
    for (Ioas* ioas : locked_) ioas->mutex_.unlock();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Outcome<Report> go() {
    for (;;) {
      drafts_.clear();
      std::ranges::fill(effects_, Effect{});
      PlanContext context{platform_, [this](Ioas& ioas) -> Draft& { return draft(ioas); }, rejected_,
                          commit_&& edits_.size() == 1};
      for (std::size_t i = 0; i < edits_.size(); ++i) {
        const auto planned = std::visit([&](const auto& e) { return plan(context, e, effects_[i]); }, edits_[i]);
        if (!planned) return refused(edits_[i], effects_[i], planned.error());
      }
      if (!commit_) return describe(subject(edits_.back()), edits_.back(), nullptr, effects_.back());
      bool again = false;
      for (Draft& d : drafts_) {
        std::uint64_t rejected = 0;
        const auto prepared = d.prepare(rejected);
        if (prepared) continue;
        if (rejected == 0 || !note_rejection(d, rejected))
          return refused(edits_.back(), effects_.back(), late_narrowing(context, d, prepared.error()));
        again = true;
        break;
      }
      if (!again) return commit();
    }
  }

 private:
  Draft& draft(Ioas& ioas) {
    for (Draft& d : drafts_) {
      if (&d.ioas() == &ioas) return d;
    }
    return drafts_.emplace_back(ioas);
  }

  Draft* subject(const Edit& edit) {
    Ioas* const ioas = named(platform_, edit)[0];
    return ioas == nullptr ? nullptr : &draft(*ioas);
  }

  Outcome<Report> refused(const Edit& edit, const Effect& effect, const Finding& finding) {
    Refusal refusal{{finding.code, finding.number, finding.what}, nullptr};
    refusal.report = std::make_shared<Report>(describe(subject(edit), edit, &finding, effect));
    return std::unexpected(std::move(refusal));
  }

  /// The devices of this change that chose `slot` will not choose it again.
  bool note_rejection(Draft& d, std::uint64_t slot) {
    const std::size_t before = rejected_.size();
    for (const Edit& edit : edits_) {
      const auto* attach = std::get_if<AttachEdit>(&edit);
      if (attach == nullptr || attach->to != &d.ioas()) continue;
      const auto here = d.state().shape.find(*attach->device, attach->process);
      if (here != d.state().shape.attachments.end() && here->slot == slot) {
        rejected_.emplace_back(attach->device, attach->to, slot);
      }
    }
    return rejected_.size() > before;
  }

  Outcome<Report> commit() {
    bool hitless = true;
    Result<> result;
    for (Draft& d : drafts_) {
      if (auto done = d.switch_over(hitless); !done) result = done;
    }
    const bool lost = !result;
    for (Draft& d : drafts_) {
      if (auto done = d.finish(lost); !done) result = done;
    }
    for (Effect& effect : effects_) effect.hitless = hitless;
    if (result) return Report{};
    Refusal refusal{result.error(), nullptr};
    refusal.report = std::make_shared<Report>(describe(nullptr, edits_.back(), nullptr, effects_.back()));
    return std::unexpected(std::move(refusal));
  }

  Platform& platform_;
  std::span<const Edit> edits_;
  std::span<Effect> effects_;
  bool commit_;
  std::array<std::byte, 2048> buffer_{};
  std::pmr::monotonic_buffer_resource memory_{buffer_.data(), buffer_.size()};
  std::unique_lock<std::mutex> attach_lock_;
  std::pmr::vector<Ioas*> locked_{&memory_};
  std::vector<std::tuple<const Device*, const Ioas*, std::uint64_t>> rejected_;
  std::pmr::list<Draft> drafts_{&memory_};
};

Outcome<> Change::apply(Platform& platform, std::span<const Edit> edits, std::span<Effect> effects) {
  auto done = Run(platform, edits, effects, true).go();
  if (!done) return std::unexpected(std::move(done.error()));
  return {};
}

Outcome<Report> Change::validate(Platform& platform, std::span<const Edit> edits) {
  std::vector<Effect> effects(edits.size());
  return Run(platform, edits, effects, false).go();
}

Outcome<Report> Change::validate() { return validate(platform_, edits_); }

Outcome<std::vector<Effect>> Change::apply() {
  std::vector<Effect> effects(edits_.size());
  if (auto done = apply(platform_, edits_, effects); !done) return std::unexpected(std::move(done.error()));
  return effects;
}

}  // namespace aperture::ioas
