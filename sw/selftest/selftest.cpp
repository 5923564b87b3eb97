// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <vector>

#include "card/registry.hpp"
#include "cards.hpp"
#include "command.hpp"
#include "options.hpp"
#include "output.hpp"
#include "selftest/report.hpp"
#include "selftest/watchdog.hpp"
#include "session.hpp"

namespace aperture::sw {

namespace {

namespace po = boost::program_options;
using selftest::Report;
using selftest::Step;

struct Wishes {
  CommonOptions common;
  std::string step;
  std::string junit;
  std::uint64_t limit{};  ///< seconds a step
  bool list{};
};

Wishes parse_wishes(const Arguments& arguments) {
  Wishes wishes;
  std::string limit;
  po::options_description own("Options");
  auto add = own.add_options();
  add("step", po::value(&wishes.step)->value_name("NAME"), "this step alone, with those that it needs");
  add("junit", po::value(&wishes.junit)->value_name("FILE"), "the results as JUnit's XML, beside TAP");
  add("time-limit", po::value(&limit)->default_value("60")->value_name("SECONDS"), "of a step: then the run is ended");
  add("list", po::bool_switch(&wishes.list), "list the steps and what each proves");
  po::variables_map values;
  wishes.common = parse("selftest", arguments, own, {}, values);
  wishes.limit = parse_number("--time-limit", limit);
  if (wishes.limit == 0 || wishes.limit > 86400) throw UsageError("option '--time-limit': 1 to 86400 seconds");
  return wishes;
}

Exit list_steps() {
  for (const Step& step : selftest::steps()) fmt::print("{:<17} {}\n", step.name, step.proves);
  return Exit::kOk;
}

void write_file(const std::string& name, const std::string& text) {
  std::ofstream stream(name, std::ios::binary);
  stream << text;
  if (!stream.flush()) throw Failure(Exit::kEnvironment, name + ": cannot be written");
}

/// Everything but TAP, which was printed on the way.
Exit finish(const Wishes& wishes, const std::string& card, const Report& report) {
  if (!wishes.junit.empty()) write_file(wishes.junit, report.junit());
  if (!wishes.common.json) return report.ok() ? Exit::kOk : Exit::kCheckFailed;
  Output output(true);
  output.section("run", {{"command", "selftest"}, {"seed", wishes.common.seed}, {"card", card}}, nullptr);
  output.section("selftest", report.json(), nullptr);
  return output.finish();
}

/// The report, and a sign of life to the watchdog at each step.
class Watched final : public selftest::Listener {
 public:
  Watched(Report& report, selftest::Watchdog& watchdog) : report_(report), watchdog_(watchdog) {}
  void plan(const std::vector<const Step*>& steps) override { report_.plan(steps); }
  void begin(const Step& step) override {
    report_.begin(step);
    watchdog_.restart();
  }
  void done(const selftest::Done& done) override { report_.done(done); }
  void bail_out(const std::string& reason) override { report_.bail_out(reason); }

 private:
  Report& report_;
  selftest::Watchdog& watchdog_;
};

/// A card that cannot even be opened has failed the first step, also for those who read the report alone.
void report_closed(const Wishes& wishes, const std::vector<const Step*>& steps, const Failure& failure) {
  Report report(!wishes.common.json);
  report.plan(steps);
  selftest::Done first{steps.front(), selftest::Verdict(steps.front()->check)};
  first.verdict.fail("the card can be opened", failure.what(),
                     "what the message says; docs/bring-up.md has its reasons");
  report.done(first);
  report.bail_out("the card cannot be opened");
  (void)finish(wishes, wishes.common.card, report);
}

[[noreturn]] void give_up(const Wishes& wishes, const std::string& card, Report& report) {
  report.bail_out(fmt::format("not over after {} s: an access to the card does not come back; check its link and power",
                              wishes.limit));
  try {
    (void)finish(wishes, card, report);
  } catch (const std::exception& error) {
    fmt::print(stderr, "aperture: {}\n", error.what());
  }
  std::fflush(nullptr);
  std::_Exit(static_cast<int>(Exit::kCheckFailed));
}

}  // namespace

Exit run_selftest(const Arguments& arguments) {
  const Wishes wishes = parse_wishes(arguments);
  if (wishes.list) return list_steps();
  const auto steps = selftest::chosen(wishes.step);
  if (steps.empty()) throw UsageError(fmt::format("option '--step': no step {}; --list has their names", wishes.step));
  std::unique_ptr<card::Card> card;
  try {
    card = open_card(wishes.common);
  } catch (const Failure& failure) {
    report_closed(wishes, steps, failure);
    throw;
  }
  const std::string description = card->description();
  Report report(!wishes.common.json);
  selftest::Watchdog watchdog(std::chrono::seconds(wishes.limit), [&] { give_up(wishes, description, report); });
  Watched watched(report, watchdog);
  selftest::run(*card, steps, {.seed = wishes.common.seed, .card_failures = card_failures}, watched);
  return finish(wishes, description, report);
}

}  // namespace aperture::sw
