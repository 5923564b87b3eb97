// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>

#include "command.hpp"
#include "demo/steps.hpp"
#include "options.hpp"
#include "output.hpp"
#include "session.hpp"

namespace aperture::sw {

namespace {

void tell(Session& session, const std::filesystem::path& file, Output& output) {
  const auto start = std::chrono::steady_clock::now();
  output.section("card", demo::show_card(session), demo::card_text);
  session.bring_up();
  output.section("windows", demo::negotiate_windows(session), demo::windows_text);
  output.section("simple_user", demo::serve_simple_user(session), demo::simple_text);
  demo::FileStory story(session, file);
  output.section("file", story.move_file(), demo::move_text);
  output.section("isolation", story.stray(), demo::stray_text);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  output.section("figures", demo::figures(session, seconds.count()), demo::figures_text);
}

}  // namespace

Exit run_demo(const Arguments& arguments) {
  namespace po = boost::program_options;
  std::string file;
  po::options_description own("Options");
  own.add_options()("file", po::value(&file)->value_name("FILE"), "what to copy; default: this program");
  po::variables_map values;
  const CommonOptions common = parse("demo", arguments, own, {}, values);
  const std::filesystem::path input = file.empty()
                                          ? std::filesystem::proximate(std::filesystem::read_symlink("/proc/self/exe"))
                                          : std::filesystem::path(file);
  if (!std::filesystem::is_regular_file(input)) {
    throw Failure(Exit::kEnvironment, input.string() + ": no such file");
  }
  Session session(common);
  Output output(common.json);
  session.announce(output, "demo");
  tell(session, input, output);
  return output.finish();
}

}  // namespace aperture::sw
