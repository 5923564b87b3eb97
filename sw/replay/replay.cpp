// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <cstdio>
#include <limits>

#include "cards.hpp"
#include "command.hpp"
#include "options.hpp"
#include "regs/registers.hpp"
#include "replay/bus_cards.hpp"
#include "session.hpp"
#include "tb/replay/execute.hpp"
#include "tb/replay/expectation.hpp"
#include "tb/replay/parse.hpp"
#include "tb/replay/trace.hpp"

namespace aperture::sw {

namespace {

namespace po = boost::program_options;
namespace rp = tb::replay;

struct Count {
  std::uint64_t lines{};
  std::uint64_t expectations{};
  std::uint64_t mismatches{};
};

/// A trace that makes no sense to this card is the trace's fault.
Failure failure(const std::string& place, const Error& error) {
  const bool usage = error.code == Code::kInvalid || error.code == Code::kUnsupported;
  return {usage ? Exit::kUsage : Exit::kCheckFailed, place + ": " + error.what};
}

class Replay {
 public:
  Replay(const rp::Trace& trace, tb::BusCard& card, bool json) : trace_(trace), card_(card), json_(json) {}

  /// Before anything runs: no set of straps may ask for what the card has not.
  void check_straps() {
    for (const auto& [line, straps] : trace_.resets()) {
      if (const auto done = card_.reset(straps); !done) {
        throw failure(trace_.place(line) + ": /straps", done.error());
      }
      const std::uint64_t asked = straps.capabilities;
      const std::uint64_t shown = card_.read_register(regs::iommu::capabilities.offset, regs::iommu::capabilities.size);
      if (asked != tb::Straps{}.capabilities && asked != shown) {
        throw Failure(Exit::kUsage, fmt::format("{}: /straps/capabilities: the card does not have the capabilities "
                                                "{:#x}: without what it lacks they are {:#x}",
                                                trace_.place(line), asked, shown));
      }
    }
    if (const auto done = card_.reset({}); !done) {
      throw Failure(done.error());
    }
  }

  /// Whether the line's expectations hold.
  bool run(const rp::Trace::Line& line) {
    rp::Json document;
    const auto operation = rp::parse(line.text, json_ ? &document : nullptr);
    if (!operation) {
      throw std::logic_error("a line that was checked has no form");
    }
    ++count_.lines;
    auto result = rp::execute(card_, *operation);
    if (!result) {
      throw failure(trace_.place(line), result.error());
    }
    std::vector<rp::Mismatch> mismatches;
    if (operation->expect) {
      ++count_.expectations;
      mismatches = rp::compare(operation->action, *operation->expect, *result);
      count_.mismatches += mismatches.size();
    }
    if (json_) {
      print_json(std::move(document), *result, mismatches);
    } else {
      print_text(line, *operation, *result, mismatches);
    }
    return mismatches.empty();
  }

  Exit finish() {
    if (json_) {
      const rp::Json summary = {
          {"lines", count_.lines}, {"expectations", count_.expectations}, {"mismatches", count_.mismatches}};
      fmt::print("{}\n", rp::Json{{"summary", summary}}.dump());
    } else {
      fmt::print("lines {}, expectations {}, mismatches {}\n", count_.lines, count_.expectations, count_.mismatches);
    }
    std::fflush(stdout);
    if (const std::size_t failures = card_failures(); failures != 0) {
      throw Failure(Exit::kCheckFailed,
                    fmt::format("the card broke rules of its buses or assertions of its own, {} in all", failures));
    }
    return count_.mismatches == 0 ? Exit::kOk : Exit::kCheckFailed;
  }

 private:
  static void print_json(rp::Json document, const rp::Json& result, const std::vector<rp::Mismatch>& mismatches) {
    document["result"] = result;
    for (const rp::Mismatch& m : mismatches) {
      document["mismatches"].push_back({{"place", m.place}, {"expected", m.expected}, {"actual", m.actual}});
    }
    fmt::print("{}\n", document.dump());
  }

  static void print_text(const rp::Trace::Line& line, const rp::Operation& operation, const rp::Json& result,
                         const std::vector<rp::Mismatch>& mismatches) {
    if (!operation.expect && !result.is_null()) {
      fmt::print("{}: {}\n", line.number, result.dump());
    }
    for (const rp::Mismatch& m : mismatches) {
      fmt::print("{}: {}: expected {}, actual {}\n", line.number, m.place, m.expected.dump(), m.actual.dump());
    }
  }

  const rp::Trace& trace_;
  tb::BusCard& card_;
  bool json_;
  Count count_;
};

}  // namespace

Exit run_replay(const Arguments& arguments) {
  std::string file;
  std::string limit;
  bool stop = false;
  po::options_description own("Options");
  auto add = own.add_options();
  add("file", po::value(&file)->value_name("FILE"), "the trace, plain or .gz (or the first argument)");
  add("stop-on-mismatch", po::bool_switch(&stop), "end with the first line whose expectations do not hold");
  add("limit", po::value(&limit)->value_name("N"), "run the first N lines only");
  po::variables_map values;
  const CommonOptions common =
      parse("replay", arguments, own, po::positional_options_description().add("file", 1), values);
  if (file.empty()) {
    throw UsageError("which trace? FILE is missing");
  }
  std::uint64_t left = limit.empty() ? std::numeric_limits<std::uint64_t>::max() : parse_number("--limit", limit);
  const auto trace = rp::Trace::read(file);
  if (!trace) {
    throw Failure(trace.error().code == Code::kInvalid ? Exit::kUsage : Exit::kEnvironment, trace.error().what);
  }
  const auto card = open_bus_card(common);
  Replay replay(*trace, *card, common.json);
  replay.check_straps();
  for (const rp::Trace::Line& line : trace->lines()) {
    if (left-- == 0) {
      break;
    }
    if (!replay.run(line) && stop) {
      break;
    }
  }
  return replay.finish();
}

}  // namespace aperture::sw
