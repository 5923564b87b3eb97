// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "command.hpp"
#include "formats/expectation.hpp"
#include "options.hpp"
#include "run/scenario.hpp"
#include "run/world.hpp"
#include "windows/space.hpp"

namespace aperture::sw::run {

/// What a step came to.
struct StepEnd {
  std::string name;
  std::string comment;
  Json result;
  std::vector<formats::Mismatch> mismatches;
  std::string report;                           ///< of a refusal, for people
  std::string refused_by;                       ///< the IOAS that refused to be narrowed; empty: none did
  std::shared_ptr<const ioas::Report> refusal;  ///< then what it said
  bool ok() const { return mismatches.empty(); }
};

struct ScenarioEnd {
  std::string name;
  std::string description;
  std::string place;
  std::string card;  ///< what it ran on; empty: on none
  std::vector<StepEnd> steps;
  std::vector<windows::Space> spaces;  ///< as the scenario left them, with what they refused
  std::string failure;                 ///< why it could not run, or not to its end
  Exit exit{Exit::kOk};
};

/// Runs one step and holds its result against what was expected.
StepEnd run_step(World& world, const Json& step);

/// Runs a scenario from a fresh state, on a card of its own if it needs one.
ScenarioEnd run_scenario(const Scenario& scenario, CommonOptions options, const Bindings& bindings);

}  // namespace aperture::sw::run
