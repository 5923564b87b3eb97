// SPDX-License-Identifier: Apache-2.0
#include "run/transaction.hpp"

#include <span>
#include <utility>

#include "ioas/change.hpp"
#include "run/edits.hpp"

namespace aperture::sw::run {
namespace {

/// A step and its part of the edits.
struct Part {
  const EditStep* kind;
  Arguments step;
  std::size_t first;
  std::size_t count;
};

class Plan {
 public:
  explicit Plan(World& world) : world_(world) {}

  ioas::Outcome<> add(const Json& step) {
    const EditStep* kind = find_edit_step(step["step"].get_ref<const std::string&>());
    const std::size_t first = edits_.size();
    if (auto done = kind->edits(world_, Arguments(step), edits_); !done) return done;
    parts_.push_back({kind, Arguments(step), first, edits_.size() - first});
    return {};
  }

  ioas::Outcome<> apply(std::uint64_t fail_at) {
    effects_.resize(edits_.size());
    const std::size_t at = fail_at > edits_.size() ? 0 : static_cast<std::size_t>(fail_at);
    return ioas::Change::apply(world_.platform(), edits_, effects_, at);
  }

  std::vector<Json> results() {
    std::vector<Json> out;
    for (const Part& part : parts_) {
      Json result{{"errno", "ok"}};
      if (part.kind->show != nullptr) {
        part.kind->show(world_, part.step, std::span(effects_).subspan(part.first, part.count), result);
      }
      out.push_back(std::move(result));
    }
    return out;
  }

  void undo() {
    for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
      if (part->kind->undo != nullptr) part->kind->undo(world_, part->step);
    }
  }

  std::size_t step_of(std::size_t edit) const {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (edit < parts_[i].first + parts_[i].count) return i;
    }
    return 0;
  }

 private:
  World& world_;
  std::vector<ioas::Edit> edits_;
  std::vector<ioas::Effect> effects_;
  std::vector<Part> parts_;
};

}  // namespace

ChangeEnd apply_steps(World& world, const std::vector<const Json*>& steps, std::uint64_t fail_at) {
  Plan plan(world);
  ChangeEnd end;
  for (const Json* step : steps) {
    auto added = plan.add(*step);
    if (added) {
      ++end.refused_step;
      continue;
    }
    plan.undo();
    end.refusal = std::move(added.error());
    return end;
  }
  auto done = plan.apply(fail_at);
  if (done) {
    end.results = plan.results();
    return end;
  }
  end.refused_step = plan.step_of(done.error().edit);
  if (done.error().ioas != nullptr) end.refused_by = std::exchange(done.error().ioas, nullptr)->name();
  plan.undo();
  end.refusal = std::move(done.error());
  return end;
}

}  // namespace aperture::sw::run
