// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <unistd.h>

#include <fstream>
#include <vector>

#include "command.hpp"
#include "options.hpp"
#include "output.hpp"
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
  std::string svg;
  po::options_description own("Options");
  own.add_options()("svg", po::value(&svg)->value_name("FILE"), "write the drawing as SVG too");
  po::variables_map values;
  const CommonOptions common = parse("windows", arguments, own, {}, values);
  Output output(common.json);
  Session session(common);
  session.announce(output, "windows");
  const std::vector<windows::Space> spaces = spaces_of_card(session);
  Json list = Json::array();
  for (const windows::Space& space : spaces) list.push_back(windows::to_json(space));
  if (!common.json) {
    const bool colours = ::isatty(STDOUT_FILENO) != 0;
    for (const windows::Space& space : spaces) fmt::print("\n{}", windows::to_text(space, colours));
    fmt::print("\n{}", windows::legend(colours));
  }
  output.section("windows", {{"spaces", std::move(list)}}, [](const Json&) { return std::string(); });
  if (!svg.empty()) write(svg, windows::to_svg(spaces));
  return output.finish();
}

}  // namespace aperture::sw
