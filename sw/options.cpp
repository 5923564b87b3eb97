// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <sstream>

#include "card/registry.hpp"

namespace aperture::sw {

namespace po = boost::program_options;

namespace {

std::string help_text(const char* name, const po::options_description& options) {
  std::ostringstream text;
  for (const Command& command : commands()) {
    if (command.name == std::string_view(name)) {
      text << "usage: aperture " << name << ' ' << command.synopsis << " [OPTIONS]\n" << command.summary << "\n\n";
    }
  }
  text << options;
  return text.str();
}

}  // namespace

std::uint64_t parse_number(const std::string& option, const std::string& text) {
  card::Options options;
  options.set(option, text);
  const auto number = options.number(option, 0);
  if (!number) {
    throw UsageError(number.error().what);
  }
  return *number;
}

CommonOptions parse(const char* name, const Arguments& arguments, const po::options_description& own,
                    const po::positional_options_description& positional, po::variables_map& values) {
  CommonOptions common;
  std::string seed;
  po::options_description common_options("Options of every command");
  auto add = common_options.add_options();
  add("card", po::value(&common.card)->default_value("sim")->value_name("CARD"), "which card, with its options");
  add("seed", po::value(&seed)->default_value("1")->value_name("N"), "for all that is random: same seed, same run");
  add("json", po::bool_switch(&common.json), "one JSON document instead of text");
  add("help", "this text");
  po::options_description all;
  all.add(own).add(common_options);
  try {
    const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(arguments).options(all).positional(positional).style(style).run(), values);
    if (values.contains("help")) {
      throw HelpWanted(help_text(name, all));
    }
    po::notify(values);
  } catch (const po::too_many_positional_options_error&) {
    throw UsageError(
        "too many arguments: '" + std::string(name) + "' takes " +
        (positional.max_total_count() == 0 ? "options only" : std::to_string(positional.max_total_count())));
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  common.seed = parse_number("--seed", seed);
  // The default is not in every build; who needs a card says so then.
  if (const auto card = card::registry().parse(common.card); !card && !values["card"].defaulted()) {
    throw UsageError("option '--card': " + card.error().what);
  }
  return common;
}

}  // namespace aperture::sw
