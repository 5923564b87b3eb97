// SPDX-License-Identifier: Apache-2.0
// aperture bench: figures of the hardware as it is simulated, beside what is promised for them.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench_ioas.hpp"
#include "bench_rtl.hpp"
#include "callgrind.hpp"
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
  std::string text = fmt::format(
      "\nSimulated {:.0f} kHz in the hit streams; calibration loop {:.0f} million steps/s; {} cycles in all\n",
      section.at("simulated_khz").get<double>(), section.at("calibration_mhz").get<double>(),
      number_of(section, "cycles"));
  return text;
}

constexpr std::uint64_t kInstructionLaw = 10'000;

/// Instructions of the host for each cycle of the busiest row, by this program under callgrind.
Json instructions_json(std::uint64_t seed) {
  Json section{{"row", kBusiestRow}, {"width", 64}, {"latency", 20}, {"at_most", kInstructionLaw}};
  const std::vector<std::string> command{std::filesystem::read_symlink("/proc/self/exe"),
                                         "bench",
                                         "rtl",
                                         "--width",
                                         "64",
                                         "--latency",
                                         "20",
                                         "--row",
                                         kBusiestRow,
                                         "--json",
                                         "--seed",
                                         std::to_string(seed)};
  const auto counted = count_instructions(command, kStreamFunction);
  if (!counted) {
    section["not_counted"] = counted.error().what;
    return section;
  }
  const auto cycles = Json::parse(counted->output).at("speed").at("stream_cycles").get<std::uint64_t>();
  const std::uint64_t each = counted->instructions / cycles;
  section["instructions_per_cycle"] = each;
  check(section, fmt::format("at most {} instructions of the host for a busy cycle", kInstructionLaw),
        each <= kInstructionLaw);
  return section;
}

std::string instructions_text(const Json& section) {
  const std::string where = fmt::format("row \"{}\", {} bits, latency {}", string_of(section, "row"),
                                        number_of(section, "width"), number_of(section, "latency"));
  if (section.contains("not_counted")) {
    return fmt::format("Instructions of the host for a busy cycle ({}): not counted: {}\n", where,
                       string_of(section, "not_counted"));
  }
  return fmt::format("{} instructions of the host for a busy cycle ({}, callgrind); at most {}\n",
                     number_of(section, "instructions_per_cycle"), where, number_of(section, "at_most"));
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

Exit run_bench(const Arguments& given) {
  Arguments arguments = given;
  if (wants_bench_ioas(arguments)) return run_bench_ioas(arguments);
  std::string what, widths, latencies, row;
  po::options_description own("Options");
  auto add = own.add_options();
  add("what", po::value(&what)->default_value("rtl")->value_name("WHAT"),
      "rtl: the IOMMU's cycles; ioas: the driver's address spaces, with options of its own");
  add("width", po::value(&widths)->default_value("64,128")->value_name("BITS,..."), "AXI data widths");
  add("latency", po::value(&latencies)->default_value("1,20,100")->value_name("CYCLES,..."), "memory latencies");
  add("row", po::value(&row)->value_name("NAME"), "only this row, and no count of the host's instructions");
  po::positional_options_description positional;
  positional.add("what", 1);
  po::variables_map values;
  const CommonOptions common = parse("bench", arguments, own, positional, values);
  if (what != "rtl") throw UsageError("no such benchmark: " + what);
  if (common.card != "sim") throw UsageError("--card: cycles are counted at the pins of the simulated card, sim");

  const RtlPlan plan{numbers("width", widths, {64, 128}), numbers("latency", latencies, {}), common.seed, row};
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  RtlFigures figures;
  try {
    figures = measure_rtl(plan, [&](double share) {
      if (terminal) fmt::print(stderr, "\r\033[K{:3.0f} %{}", share * 100, share < 1 ? "" : "\r\033[K");
    });
  } catch (const std::invalid_argument& error) {
    throw UsageError(std::string("--row: ") + error.what());
  } catch (const std::runtime_error& error) {
    throw Failure(Exit::kCheckFailed, error.what());
  }

  Output output(common.json);
  output.section("run", {{"command", "bench rtl"}, {"seed", common.seed}}, [](const Json& run) {
    return fmt::format("{} seed {}\n", string_of(run, "command"), number_of(run, "seed"));
  });
  for (const unsigned width : plan.widths) {
    for (const unsigned latency : plan.latencies) {
      output.section(fmt::format("width{}_latency{}", width, latency), group_json(figures.rows, width, latency),
                     group_text);
    }
  }
  output.section("definitions", definitions_json(figures.rows), definitions_text);
  output.section("speed",
                 {{"simulated_khz", figures.simulated_khz},
                  {"calibration_mhz", figures.calibration_mhz},
                  {"cycles", figures.cycles},
                  {"stream_cycles", figures.stream_cycles}},
                 speed_text);
  if (row.empty()) output.section("instructions", instructions_json(common.seed), instructions_text);
  return output.finish();
}

}  // namespace aperture::sw
