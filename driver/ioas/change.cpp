// SPDX-License-Identifier: Apache-2.0
#include "ioas/change.hpp"

#include <algorithm>
#include <array>
#include <list>
#include <memory_resource>
#include <new>

#include "ioas/draft.hpp"
#include "ioas/edit_names.hpp"
#include "ioas/plan.hpp"
#include "ioas/smallest_set.hpp"

namespace aperture::ioas {
namespace {

const auto kOutOfMemory = [] {
  Report out;
  out.reason = "out of memory";
  return std::make_shared<const Report>(std::move(out));
}();

bool moves_devices(const Edit& edit) {
  return std::holds_alternative<AttachEdit>(edit) || std::holds_alternative<DetachEdit>(edit);
}

bool changes_links(const Edit& edit) {
  return std::holds_alternative<ProjectEdit>(edit) || std::holds_alternative<UnprojectEdit>(edit);
}

Report describe(const Draft* draft, const Edit& edit, const Finding* finding, const Effect& effect) {
  Report out;
  out.subject = subject_of(edit);
  out.ok = finding == nullptr;
  if (finding != nullptr) {
    out.reason = finding->what;
    out.maps_blocked = finding->maps;
  } else {
    out.format = effect.format;
    out.levels = effect.levels;
  }
  if (draft != nullptr) {
    const Shape& before = draft->shape_before();
    const Shape& after = draft->ioas_state().shape;
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
  Run(Platform& platform, std::span<const Edit> edits, std::span<Effect> effects, bool commit, std::size_t fail_at)
      : platform_(platform), edits_(edits), effects_(effects), commit_(commit), fail_at_(fail_at) {
    if (std::ranges::any_of(edits, moves_devices)) attach_lock_ = std::unique_lock(platform.attach_mutex_);
    if (std::ranges::any_of(edits, changes_links)) {
      alone_lock_ = std::unique_lock(platform.links_mutex_);
    } else {
      links_lock_ = std::shared_lock(platform.links_mutex_);
    }
    for (const Edit& edit : edits) {
      for (Ioas* ioas : named(platform, platform.links_, edit)) join(ioas);
    }
    for (std::size_t i = 0; i < locked_.size(); ++i) {
      for (const Link& link : platform.links_) {
        if (link.from == locked_[i]) join(link.to);
      }
    }
    std::ranges::sort(locked_, {}, [](const Ioas* ioas) { return ioas->id_; });
    for (Ioas* ioas : locked_) ioas->mutex_.lock();
  }
  ~Run() {
    start_over();
    for (Ioas* ioas : locked_) ioas->mutex_.unlock();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Outcome<Report> go() {
    for (;;) {
      start_over();
      std::size_t at = 0;
      PlanContext context = planning(true);
      if (auto planned = plan_all(context, {}, at); !planned) return refused(at, std::move(planned.error()));
      if (!commit_) return describe(subject(edits_.back()), edits_.back(), nullptr, effects_.back());
      Finding finding;
      switch (prepare(context, finding, at)) {
        case Prepared::kAll:
          return commit();
        case Prepared::kNot:
          return refused(at, std::move(finding));
        case Prepared::kOtherDomain:
          break;
      }
    }
  }

  /// Those whose users want to hear of events.
  std::vector<Ioas*> watched() const {
    std::vector<Ioas*> out;
    for (Ioas* ioas : locked_) {
      if (ioas->watched_) out.push_back(ioas);
    }
    return out;
  }

 private:
  enum class Prepared { kAll, kNot, kOtherDomain };
  using Names = std::vector<const Device*>;

  void join(Ioas* ioas) {
    if (ioas != nullptr && std::ranges::find(locked_, ioas) == locked_.end()) locked_.push_back(ioas);
  }

  void start_over() noexcept {
    while (!drafts_.empty()) drafts_.pop_back();
    if (!alone_lock_) return;
    std::erase_if(platform_.links_, [](const Link& link) { return link.fresh; });
    platform_.links_.splice(platform_.links_.begin(), ended_);
    platform_.links_.sort([](const Link& a, const Link& b) { return a.id < b.id; });
  }

  /// `real`: not only to see what would be.
  PlanContext planning(bool real) {
    return {platform_,
            [this](Ioas& ioas) -> Draft& { return draft(ioas); },
            rejected_,
            platform_.links_,
            ended_,
            platform_.next_link_,
            real&& commit_&& edits_.size() == 1};
  }

  /// `without`: devices taken off first, and not attached.
  Planned<> plan_all(PlanContext& context, const Names& without, std::size_t& at) {
    std::ranges::fill(effects_, Effect{});
    for (const Device* device : without) {
      const DetachEdit off{const_cast<Device*>(device), {}};
      Effect effect;
      if (holds(platform_.attached_to(*device, {}))) (void)plan(context, off, effect);
    }
    for (at = 0; at < edits_.size(); ++at) {
      const auto* attach = std::get_if<AttachEdit>(&edits_[at]);
      if (attach != nullptr && std::ranges::find(without, attach->device) != without.end()) continue;
      context.edit = at;
      auto planned = std::visit([&](const auto& e) { return plan(context, e, effects_[at]); }, edits_[at]);
      if (!planned) return planned;
    }
    return {};
  }

  bool holds(const Ioas* ioas) const { return std::ranges::find(locked_, ioas) != locked_.end(); }

  Prepared prepare(PlanContext& context, Finding& finding, std::size_t& at) {
    at = edits_.size() - 1;
    for (Draft& d : drafts_) {
      if (const auto told = d.prepare_required(); !told) {
        finding = late_narrowing(context, d, told.error());
        return Prepared::kNot;
      }
    }
    for (at = 0; at < edits_.size(); ++at) {
      if (at + 1 == fail_at_) {
        finding = {Code::kNoMemory, ENOMEM, "edit " + std::to_string(fail_at_) + " was told to fail"};
        finding.devices_may_help = false;
        return Prepared::kNot;
      }
      for (Draft& d : drafts_) {
        std::uint64_t rejected = 0;
        const auto prepared = d.prepare(at, rejected);
        if (prepared) continue;
        if (rejected != 0 && note_rejection(d, rejected)) return Prepared::kOtherDomain;
        finding = late_narrowing(context, d, prepared.error());
        return Prepared::kNot;
      }
    }
    for (Draft& d : drafts_) d.note_windows();
    return Prepared::kAll;
  }

  Draft& draft(Ioas& ioas) {
    for (Draft& d : drafts_) {
      if (&d.ioas() == &ioas) return d;
    }
    return drafts_.emplace_back(ioas);
  }

  Draft* subject(const Edit& edit) {
    Ioas* const ioas = named(platform_, platform_.links_, edit)[0];
    return ioas == nullptr ? nullptr : &draft(*ioas);
  }

  Outcome<Report> refused(std::size_t refused_at, Finding finding) {
    std::size_t at = refused_at;
    const Edit& edit = edits_[at];
    Draft* const own = subject(edit);
    Draft* const whose = finding.ioas == nullptr ? own : &draft(*const_cast<Ioas*>(finding.ioas));
    if (whose != nullptr && whose != own) finding.what = whose->ioas().described() + ": " + finding.what;
    const Ioas* const ioas = whose == nullptr ? nullptr : &whose->ioas();
    Report report = describe(whose, edit, &finding, effects_[at]);
    if (finding.devices_may_help) report.detach_set = detach_set(at);
    if (!report.detach_set.empty()) {
      for (WindowReport& window : report.windows) {
        if (window.verdict != Verdict::kBlocked) continue;
        window.alternatives.push_back({Alternative::Kind::kDetach, window.range, 0, {}, report.detach_set});
      }
    }
    Refusal refusal{{finding.code, finding.number, std::move(finding.what)}, nullptr, ioas, refused_at};
    refusal.report = std::make_shared<const Report>(std::move(report));
    return std::unexpected(std::move(refusal));
  }

  /// The fewest devices without which this change would be accepted. Those that an edit on its own is to attach are no
  /// answer to it. Drops the drafts.
  std::vector<std::string> detach_set(std::size_t at) {
    Names candidates;
    const bool single = edits_.size() == 1;
    const auto add = [&](const Device* device) {
      if (std::ranges::find(candidates, device) == candidates.end()) candidates.push_back(device);
    };
    start_over();
    for (const Ioas* ioas : locked_) {
      for (const Attachment& a : ioas->state_.shape.attachments) {
        if (!a.process) add(a.device);
      }
    }
    for (const Edit& edit : edits_) {
      const auto* attach = std::get_if<AttachEdit>(&edit);
      if (attach == nullptr || attach->process) continue;
      if (single) {
        std::erase(candidates, attach->device);
      } else {
        add(attach->device);
      }
    }
    const auto accepted = [&](const std::vector<bool>& gone) {
      Names without;
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (gone[i]) without.push_back(candidates[i]);
      }
      start_over();
      PlanContext context = planning(false);
      return plan_all(context, without, at).has_value();
    };
    std::vector<std::string> names;
    // All sets of 16 devices; fewer where each try, which plans the whole change again, has many maps to look at.
    constexpr std::size_t kMostTries = std::size_t{1} << 16, kMostWork = std::size_t{1} << 28;
    std::size_t work = edits_.size();
    for (const Ioas* ioas : locked_) work += ioas->state_.areas.size() + ioas->state_.shape.reservations.size();
    const std::vector<bool> set = smallest_set(candidates.size(), accepted, std::min(kMostTries, kMostWork / work));
    for (std::size_t i = 0; i < set.size(); ++i) {
      if (set[i]) names.push_back(candidates[i]->name());
    }
    start_over();
    return names;
  }

  /// The devices of this change that chose `slot` will not choose it again.
  bool note_rejection(Draft& d, std::uint64_t slot) {
    const std::size_t before = rejected_.size();
    for (const Edit& edit : edits_) {
      const auto* attach = std::get_if<AttachEdit>(&edit);
      if (attach == nullptr || attach->to != &d.ioas() || attach->domain) continue;
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
    for (Link& link : platform_.links_) link.fresh = false;
    ended_.clear();
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
  std::size_t fail_at_;
  std::array<std::byte, 4096> buffer_;
  std::pmr::monotonic_buffer_resource memory_{buffer_.data(), buffer_.size()};
  std::unique_lock<std::mutex> attach_lock_;
  std::unique_lock<std::shared_mutex> alone_lock_;
  std::shared_lock<std::shared_mutex> links_lock_;
  std::pmr::vector<Ioas*> locked_{&memory_};
  std::vector<std::tuple<const Device*, const Ioas*, std::uint64_t>> rejected_;
  std::list<Link> ended_;
  std::pmr::list<Draft> drafts_{&memory_};
};

Refusal out_of_memory() noexcept { return {{Code::kNoMemory, ENOMEM, "out of memory"}, kOutOfMemory, nullptr, 0}; }

Outcome<> Change::apply(Platform& platform, std::span<const Edit> edits, std::span<Effect> effects,
                        std::size_t fail_at) {
  if (edits.empty()) return {};
  std::vector<Ioas*> watched;
  Outcome<> out;
  try {
    Run run(platform, edits, effects, true, fail_at);
    watched = run.watched();  // first: once it is done, nothing may fail
    auto done = run.go();
    if (!done) out = std::unexpected(std::move(done.error()));
  } catch (const std::bad_alloc&) {
    return std::unexpected(out_of_memory());
  }
  for (Ioas* ioas : watched) ioas->deliver();
  return out;
}

Outcome<Effect> Change::apply(Platform& platform, const Edit& edit) {
  Effect effect;
  auto done = apply(platform, std::span(&edit, 1), std::span(&effect, 1));
  if (!done) return std::unexpected(std::move(done.error()));
  return effect;
}

Outcome<Report> Change::validate(Platform& platform, std::span<const Edit> edits) {
  if (edits.empty()) {
    Report nothing;
    nothing.ok = true;
    return nothing;
  }
  try {
    std::vector<Effect> effects(edits.size());
    return Run(platform, edits, effects, false, 0).go();
  } catch (const std::bad_alloc&) {
    return std::unexpected(out_of_memory());
  }
}

Outcome<Report> Change::validate() { return validate(platform_, edits_); }

Outcome<std::vector<Effect>> Change::apply() {
  std::vector<Effect> effects(edits_.size());
  if (auto done = apply(platform_, edits_, effects, fail_at_); !done) return std::unexpected(std::move(done.error()));
  return effects;
}

}  // namespace aperture::ioas
