// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>

#include "cards.hpp"
#include "command.hpp"
#include "options.hpp"
#include "run/execute.hpp"
#include "run/html.hpp"
#include "run/json_schema.hpp"
#include "session.hpp"

namespace aperture::sw {

namespace {

namespace po = boost::program_options;
using run::Json;
using run::Scenario;
using run::ScenarioEnd;

run::Bindings parse_bindings(const std::vector<std::string>& texts) {
  run::Bindings bindings;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || text.compare(equals + 1, 5, "vfio:") != 0) {
      throw UsageError("option '--bind': expected NAME=vfio:BDF, not '" + text + "'");
    }
    if (!bindings.emplace(text.substr(0, equals), text.substr(equals + 1)).second) {
      throw UsageError("option '--bind': '" + text.substr(0, equals) + "' is bound twice");
    }
  }
  return bindings;
}

/// Every host device is bound, and nothing else.
void check_bindings(const std::vector<Scenario>& scenarios, const run::Bindings& bindings) {
  std::set<std::string> wanted;
  for (const Scenario& scenario : scenarios) {
    for (const run::DeviceSpec& device : scenario.devices) {
      if (device.home != run::Home::kHost) {
        continue;
      }
      wanted.insert(device.name);
      if (!bindings.contains(device.name)) {
        throw UsageError(fmt::format("{}: which device of the host is \"{}\"? --bind {}=vfio:BDF is missing",
                                     scenario.place, device.name, device.name));
      }
    }
  }
  for (const auto& [name, place] : bindings) {
    if (!wanted.contains(name)) {
      throw UsageError("option '--bind': no scenario has a host device \"" + name + "\"");
    }
  }
}

std::vector<Scenario> read_all(const std::vector<std::string>& files) {
  std::vector<Scenario> scenarios;
  for (const std::string& file : files) {
    auto read = run::read_scenarios(file);
    if (!read) {
      throw Failure(read.error().code == Code::kInvalid ? Exit::kUsage : Exit::kEnvironment, read.error().what);
    }
    std::move(read->begin(), read->end(), std::back_inserter(scenarios));
  }
  return scenarios;
}

Json json_of(const ScenarioEnd& end) {
  Json out{{"name", end.name}, {"ok", end.exit == Exit::kOk}, {"steps", Json::array()}};
  if (!end.failure.empty()) {
    out["failure"] = end.failure;
  }
  for (std::size_t i = 0; i < end.steps.size(); ++i) {
    const run::StepEnd& step = end.steps[i];
    Json one{{"index", i}, {"ok", step.ok()}, {"result", step.result}, {"mismatches", Json::array()}};
    for (const formats::Mismatch& m : step.mismatches) {
      one["mismatches"].push_back({{"place", m.place}, {"expected", m.expected}, {"actual", m.actual}});
    }
    out["steps"].push_back(std::move(one));
  }
  return out;
}

void print_text(const ScenarioEnd& end) {
  fmt::print("{}: {}, {} steps\n", end.name,
             end.exit == Exit::kOk            ? "ok"
             : end.exit == Exit::kCheckFailed ? "not as expected"
                                              : "did not run",
             end.steps.size());
  for (std::size_t i = 0; i < end.steps.size(); ++i) {
    const run::StepEnd& step = end.steps[i];
    for (const formats::Mismatch& m : step.mismatches) {
      fmt::print("  step {}, {}: {}: expected {}, actual {}\n", i, step.name, m.place, m.expected.dump(),
                 m.actual.dump());
    }
    if (!step.ok() && !step.report.empty()) {
      fmt::print("{}", step.report);
    }
  }
}

void print(const ScenarioEnd& end, bool json) {
  if (json) {
    fmt::print("{}\n", json_of(end).dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    print_text(end);
  }
  std::fflush(stdout);
  if (!end.failure.empty()) {
    fmt::print(stderr, "aperture: {}: {}\n", end.place, end.failure);
  }
}

void write_report(const std::string& file, const std::vector<ScenarioEnd>& ends, const std::string& card) {
  std::ofstream out(file, std::ios::binary);
  out << run::html_report(ends, card);
  out.close();
  if (!out) {
    throw Failure(Exit::kEnvironment, file + ": the report cannot be written");
  }
}

}  // namespace

Exit run_run(const Arguments& arguments) {
  std::vector<std::string> files;
  std::vector<std::string> binds;
  std::string report;
  bool schema = false;
  po::options_description own("Options");
  auto add = own.add_options();
  add("file", po::value(&files)->value_name("FILE"), "scenarios: .json, .jsonl, each also .gz (or the arguments)");
  add("bind", po::value(&binds)->value_name("NAME=vfio:BDF"), "which device of the host a name stands for");
  add("report", po::value(&report)->value_name("FILE"), "write a page in HTML about the run");
  add("schema", po::bool_switch(&schema), "print the JSON Schema of a scenario and end");
  po::variables_map values;
  CommonOptions common = parse("run", arguments, own, po::positional_options_description().add("file", -1), values);
  if (schema) {
    fmt::print("{}\n", run::scenario_schema().dump(2));
    return Exit::kOk;
  }
  if (files.empty()) {
    throw UsageError("which scenarios? FILE is missing");
  }
  const run::Bindings bindings = parse_bindings(binds);
  const std::vector<Scenario> scenarios = read_all(files);
  check_bindings(scenarios, bindings);
  const bool seeded = !values["seed"].defaulted();
  std::vector<ScenarioEnd> ends;
  Exit exit = Exit::kOk;
  for (const Scenario& scenario : scenarios) {
    CommonOptions options = common;
    if (!seeded) {
      options.seed = scenario.seed.value_or(common.seed);
    }
    ScenarioEnd end = run::run_scenario(scenario, options, bindings);
    exit = std::max(exit, end.exit);
    print(end, common.json);
    ends.push_back(std::move(end));
  }
  if (!report.empty()) {
    write_report(report, ends, common.card);
  }
  if (const std::size_t failures = card_failures(); failures != 0) {
    fmt::print(stderr, "aperture: the card broke rules of its buses or assertions of its own, {} in all\n", failures);
    exit = std::max(exit, Exit::kCheckFailed);
  }
  return exit;
}

}  // namespace aperture::sw
