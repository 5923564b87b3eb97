// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <unistd.h>

#include <fstream>
#include <vector>

#include "command.hpp"
#include "options.hpp"
#include "output.hpp"
#include "run/execute.hpp"
#include "session.hpp"
#include "windows/json.hpp"
#include "windows/space.hpp"
#include "windows/svg.hpp"
#include "windows/text.hpp"

namespace aperture::sw {

namespace {

namespace po = boost::program_options;

/// What this card gives a device without wishes.
std::vector<windows::Space> spaces_of_card(Session& session) {
  session.bring_up();
  ioas::Device& device = session.add_device("device", 1);
  ioas::Ioas space(session.platform(), {.name = "default"});
  take(space.attach(device));
  return {windows::look(space)};
}

/// What the scenarios of a file leave, in their order. `section` gets whether they went as they expect.
std::vector<windows::Space> spaces_of_scenarios(const std::string& file, const CommonOptions& common, Json& section) {
  const auto scenarios = run::read_scenarios(file);
  if (!scenarios) {
    throw Failure(scenarios.error().code == Code::kInvalid ? Exit::kUsage : Exit::kEnvironment, scenarios.error().what);
  }
  std::vector<windows::Space> spaces;
  for (const run::Scenario& scenario : *scenarios) {
    for (const run::DeviceSpec& device : scenario.devices) {
      if (device.home == run::Home::kHost) {
        throw UsageError(fmt::format("{}: \"{}\" is a device of the host, which only `aperture run --bind` can name",
                                     scenario.place, device.name));
      }
    }
    run::ScenarioEnd end = run::run_scenario(scenario, common, {});
    if (!end.failure.empty()) throw Failure(end.exit, scenario.place + ": " + end.failure);
    check(section, scenario.name + ": every step went as expected", end.exit == Exit::kOk);
    for (windows::Space& space : end.spaces) {
      if (scenarios->size() > 1) space.name.insert(0, scenario.name + ": ");
      spaces.push_back(std::move(space));
    }
  }
  return spaces;
}

void write(const std::string& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    throw Failure(Exit::kEnvironment, file + ": the drawing cannot be written");
  }
}

}  // namespace

Exit run_windows(const Arguments& arguments) {
  std::string file;
  std::string svg;
  po::options_description own("Options");
  auto add = own.add_options();
  add("scenario", po::value(&file)->value_name("FILE"), "draw what is there at a scenario's end (or the argument)");
  add("svg", po::value(&svg)->value_name("FILE"), "write the drawing as SVG too");
  po::variables_map values;
  const CommonOptions common =
      parse("windows", arguments, own, po::positional_options_description().add("scenario", 1), values);
  Output output(common.json);
  Json section = Json::object();
  std::vector<windows::Space> spaces;
  if (file.empty()) {
    Session session(common);
    session.announce(output, "windows");
    spaces = spaces_of_card(session);
  } else {
    spaces = spaces_of_scenarios(file, common, section);
  }
  section["spaces"] = Json::array();
  for (const windows::Space& space : spaces) section["spaces"].push_back(windows::to_json(space));
  if (!common.json) {
    const bool colours = ::isatty(STDOUT_FILENO) != 0;
    for (const windows::Space& space : spaces) fmt::print("\n{}", windows::to_text(space, colours));
    fmt::print("\n{}", windows::legend(colours));
  }
  output.section("windows", std::move(section), [](const Json&) { return std::string("\n"); });
  if (!svg.empty()) write(svg, windows::to_svg(spaces));
  return output.finish();
}

}  // namespace aperture::sw
