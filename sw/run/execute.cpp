// SPDX-License-Identifier: Apache-2.0
#include "run/execute.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>

#include "run/edits.hpp"
#include "run/scenario_card.hpp"
#include "run/steps.hpp"
#include "run/transaction.hpp"

namespace aperture::sw::run {
namespace {

/// The member or follower that refused, where the step may say so and it is not the IOAS that the step names.
void add_blocked_by(const Json& step, const std::string& who, Json& result) {
  const StepKind* kind = find_step(step["step"].get_ref<const std::string&>());
  if (who.empty() || std::ranges::find(kind->results, "blocked_by", &formats::Key::name) == kind->results.end()) return;
  const Arguments arguments(step);
  const bool joins = kind->name.starts_with("mirror") || kind->name == "project";
  const bool own = who == arguments.text("ioas") || who == arguments.text("to") || who == arguments.text("mirror");
  if (joins || !own) result["blocked_by"] = who;
}

class Step {
 public:
  Step(World& world, const Json& step) : world_(world), step_(step), name_(step["step"].get<std::string>()) {}

  StepEnd run() {
    end_.name = name_;
    end_.comment = step_.value("comment", "");
    if (name_ == "transaction") {
      transaction();
    } else if (find_edit_step(name_) != nullptr) {
      change();
    } else {
      plain();
    }
    const auto expect = step_.find("expect");
    compare(name_, expect == step_.end() ? Json("ok") : *expect, end_.result, "");
    return std::move(end_);
  }

 private:
  /// `who`: the IOAS that refused; empty: none did.
  void refuse(const ioas::Refusal& refusal, const std::string& who) {
    end_.report = ioas::to_text(*refusal.report);
    end_.result = refused(refusal);
    if (refusal.number != EADDRINUSE || who.empty()) return;
    end_.refused_by = who;
    end_.refusal = refusal.report;
  }

  void change() {
    ChangeEnd done = apply_steps(world_, {&step_});
    if (done.refusal) {
      refuse(*done.refusal, done.refused_by);
      add_blocked_by(step_, done.refused_by, end_.result);
    } else {
      end_.result = std::move(done.results.front());
    }
  }

  void plain() {
    auto done = find_plain_step(name_)->run(world_, Arguments(step_));
    if (!done) {
      refuse(done.error(), done.error().ioas == nullptr ? "" : done.error().ioas->name());
      return;
    }
    end_.result = Json::object();
    end_.result["errno"] = done->value("errno", "ok");
    end_.result.update(*done);
  }

  void transaction() {
    std::vector<const Json*> steps;
    for (const Json& step : step_["steps"]) steps.push_back(&step);
    ChangeEnd done = apply_steps(world_, steps, Arguments(step_).number("fail_at"));
    if (!done.refusal) {
      end_.result = {{"errno", "ok"}, {"applied", steps.size()}, {"steps", done.results}};
      for (std::size_t i = 0; i < steps.size(); ++i) nested(i, *steps[i], done.results[i]);
      return;
    }
    refuse(*done.refusal, done.refused_by);
    end_.result["applied"] = std::uint64_t{0};
    if (steps.empty()) return;
    Json result = refused(*done.refusal);
    add_blocked_by(*steps[done.refused_step], done.refused_by, result);
    end_.result["refused"] = done.refused_step;
    nested(done.refused_step, *steps[done.refused_step], result);
  }

  /// A step of a transaction is held against its own expectation only where it has one: what it came to is the
  /// transaction's.
  void nested(std::size_t index, const Json& step, const Json& result) {
    const auto expect = step.find("expect");
    if (expect == step.end()) return;
    compare(step["step"].get_ref<const std::string&>(), *expect, result, fmt::format("/steps/{}", index));
  }

  void compare(std::string_view kind, const Json& expect, const Json& result, const std::string& at) {
    const Json wanted = expect.is_string() ? Json{{"errno", expect}} : expect;
    for (formats::Mismatch& mismatch : formats::compare(find_step(kind)->results, wanted, result)) {
      mismatch.place.insert(0, at);
      end_.mismatches.push_back(std::move(mismatch));
    }
  }

  World& world_;
  const Json& step_;
  std::string name_;
  StepEnd end_;
};

/// With each refusal once, however often it was met.
windows::Space end_of(const std::string& name, const ioas::Ioas& ioas, const std::vector<StepEnd>& steps) {
  windows::Space out = windows::look(ioas);
  out.name = name;
  for (const StepEnd& step : steps) {
    if (step.refused_by != name) continue;
    const bool known = std::ranges::any_of(out.refused, [&](const ioas::Report& report) {
      return report.subject == step.refusal->subject && report.reason == step.refusal->reason;
    });
    if (!known) out.refused.push_back(*step.refusal);
  }
  return out;
}

void run_steps(const Scenario& scenario, World& world, ScenarioEnd& end) {
  for (const Json& step : scenario.steps) {
    end.steps.push_back(run_step(world, step));
    if (!end.steps.back().ok()) end.exit = Exit::kCheckFailed;
  }
  for (const auto& [name, space] : world.spaces()) {
    end.spaces.push_back(end_of(name, *space.ioas, end.steps));
  }
}

}  // namespace

StepEnd run_step(World& world, const Json& step) { return Step(world, step).run(); }

ScenarioEnd run_scenario(const Scenario& scenario, CommonOptions options, const Bindings& bindings) {
  ScenarioEnd end;
  end.name = scenario.name;
  end.description = scenario.description;
  end.place = scenario.place;
  try {
    std::unique_ptr<Session> session;
    if (scenario.needs_card()) {
      session = open_for(scenario, options);
      end.card = session->card().description();
    }
    World world(scenario, session ? &session->iommu() : nullptr, bindings);
    run_steps(scenario, world, end);
  } catch (const Failure& failure) {
    end.failure = failure.what();
    end.exit = failure.exit();
  } catch (const std::bad_alloc&) {
    end.failure = "out of memory";
    end.exit = Exit::kEnvironment;
  }
  return end;
}

}  // namespace aperture::sw::run
