// SPDX-License-Identifier: Apache-2.0
// aperture bench: figures of the hardware as it is simulated, beside what is promised for them.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench_rtl.hpp"
#include "command.hpp"
#include "options.hpp"
#include "output.hpp"
#include "session.hpp"

namespace aperture::sw {

namespace {

namespace po = boost::program_options;

/// Numbers separated by commas, each one of `allowed` if that is not empty.
std::vector<unsigned> numbers(const std::string& option, const std::string& text,
                              const std::vector<std::uint64_t>& allowed) {
  std::vector<unsigned> found;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::uint64_t number = parse_number(option, text.substr(at, end - at));
    if ((!allowed.empty() && std::ranges::find(allowed, number) == allowed.end()) || number == 0 || number > 10'000) {
      throw UsageError(fmt::format("--{} cannot be {}", option, number));
    }
    found.push_back(static_cast<unsigned>(number));
    at = end + 1;
  }
  return found;
}

Json row_json(const RtlRow& row) {
  Json json{{"name", row.name}, {"definition", row.definition}, {"value", row.value}, {"unit", row.unit}};
  if (row.law) json[row.at_least ? "at_least" : "at_most"] = *row.law;
  return json;
}

/// All rows of one width and latency.
Json group_json(const std::vector<RtlRow>& rows, unsigned width, unsigned latency) {
  Json group{{"width", width}, {"latency", latency}, {"rows", Json::array()}};
  bool good = true;
  for (const RtlRow& row : rows) {
    if (row.width != width || row.latency != latency) continue;
    group["rows"].push_back(row_json(row));
    if (row.holds()) continue;
    good = false;
    check(group, fmt::format("{}: {:.4g} {}, the law is {:g}", row.name, row.value, row.unit, *row.law), false);
  }
  if (good) check(group, "every row within its law", true);
  return group;
}

std::string group_text(const Json& group) {
  std::string text =
      fmt::format("\n{} bits, memory latency {}\n", number_of(group, "width"), number_of(group, "latency"));
  for (const Json& row : group.at("rows")) {
    std::string law;
    if (row.contains("at_most")) law = fmt::format("at most {:g}", row.at("at_most").get<double>());
    if (row.contains("at_least")) law = fmt::format("at least {:g}", row.at("at_least").get<double>());
    text += fmt::format("   {:<26} {:>10.4g} {:<14} {}\n", string_of(row, "name"), row.at("value").get<double>(),
                        string_of(row, "unit"), law);
  }
  return text;
}

std::string definitions_text(const Json& section) {
  std::string text = fmt::format("\nAll: {}\n", string_of(section, "all"));
  for (const Json& one : section.at("rows")) {
    text += fmt::format("{}: {}\n", string_of(one, "name"), string_of(one, "definition"));
  }
  return text;
}

std::string speed_text(const Json& section) {
  return fmt::format(
      "\nSimulated {:.0f} kHz in the hit streams; calibration loop {:.0f} million "
      "steps/s; {} cycles in all\n",
      section.at("simulated_khz").get<double>(), section.at("calibration_mhz").get<double>(),
      number_of(section, "cycles"));
}

Json definitions_json(const std::vector<RtlRow>& rows) {
  Json section{
      {"all",
       "base-format device context, Sv39, 4 KiB pages, 8-byte single-beat bursts of one device at the external "
       "port; memory answers in order, latency = AR handshake to first R beat"},
      {"rows", Json::array()}};
  for (const RtlRow& row : rows) {
    if (row.width != rows.front().width || row.latency != rows.front().latency) continue;
    section["rows"].push_back({{"name", row.name}, {"definition", row.definition}});
  }
  return section;
}

}  // namespace

Exit run_bench(const Arguments& arguments) {
  std::string what, widths, latencies;
  po::options_description own("Options");
  auto add = own.add_options();
  add("what", po::value(&what)->default_value("rtl")->value_name("WHAT"), "rtl: the IOMMU's cycles");
  add("width", po::value(&widths)->default_value("64,128")->value_name("BITS,..."), "AXI data widths");
  add("latency", po::value(&latencies)->default_value("1,20,100")->value_name("CYCLES,..."), "memory latencies");
  po::positional_options_description positional;
  positional.add("what", 1);
  po::variables_map values;
  const CommonOptions common = parse("bench", arguments, own, positional, values);
  if (what != "rtl") throw UsageError("no such benchmark: " + what);
  if (common.card != "sim") throw UsageError("--card: cycles are counted at the pins of the simulated card, sim");

  const std::vector<unsigned> wanted_widths = numbers("width", widths, {64, 128});
  const std::vector<unsigned> wanted_latencies = numbers("latency", latencies, {});
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  RtlFigures figures;
  try {
    figures = measure_rtl(wanted_widths, wanted_latencies, common.seed, [&](double share) {
      if (terminal) fmt::print(stderr, "\r\033[K{:3.0f} %{}", share * 100, share < 1 ? "" : "\r\033[K");
    });
  } catch (const std::runtime_error& error) {
    throw Failure(Exit::kCheckFailed, error.what());
  }

  Output output(common.json);
  output.section("run", {{"command", "bench rtl"}, {"seed", common.seed}}, [](const Json& run) {
    return fmt::format("{} seed {}\n", string_of(run, "command"), number_of(run, "seed"));
  });
  for (const unsigned width : wanted_widths) {
    for (const unsigned latency : wanted_latencies) {
      output.section(fmt::format("width{}_latency{}", width, latency), group_json(figures.rows, width, latency),
                     group_text);
    }
  }
  output.section("definitions", definitions_json(figures.rows), definitions_text);
  output.section("speed",
                 {{"simulated_khz", figures.simulated_khz},
                  {"calibration_mhz", figures.calibration_mhz},
                  {"cycles", figures.cycles}},
                 speed_text);
  return output.finish();
}

}  // namespace aperture::sw
