// SPDX-License-Identifier: Apache-2.0
#include "selftest/run.hpp"

#include <fmt/format.h>

#include <utility>

#include "card/wait.hpp"

namespace aperture::sw::selftest {
namespace {

using Clock = std::chrono::steady_clock;

const char* advice(Code code) {
  switch (code) {
    case Code::kCardDead:
      return "power, clock and link of the card: `lspci -vv` (LnkSta), `dmesg` (AER, link down); then rescan the bus "
             "and "
             "start again with step `identity`";
    case Code::kCardIdle:
    case Code::kTimedOut:
      return "what the card waits for: `aperture dump` (queues, status); DMA that does not come back: `BusMaster+` in "
             "`lspci -vv`, faults of the host's IOMMU in `dmesg`";
    case Code::kNoMemory:
      return "the machine's memory: `ulimit -l`, huge pages (docs/bring-up.md)";
    default:
      return "";
  }
}

/// The capabilities that a step needs and the card lacks, as a reason to skip it; empty: none.
std::string lacking(const Bench& bench, const Step& step) {
  const std::uint64_t missing = step.capabilities & ~bench.capabilities();
  std::string text;
  for (const regs::Field& field : regs::iommu::capabilities.fields)
    if ((field.mask() & missing) != 0) text += fmt::format("{}{}", text.empty() ? "" : ", ", field.name);
  return text.empty() ? text : "capabilities do not announce " + text;
}

void attempt(Bench& bench, const Step& step, Verdict& verdict) {
  if (const std::string reason = lacking(bench, step); !reason.empty()) return verdict.skip(reason);
  try {
    step.run(bench, verdict);
  } catch (const CannotTry& reason) {
    verdict.skip(reason.what());
  } catch (const Trouble& trouble) {
    verdict.fail("the step runs to its end", trouble.what(), advice(trouble.code()));
  } catch (const std::exception& error) {
    verdict.fail("the step runs to its end", error.what());
  }
}

/// What makes the rest pointless; empty: nothing.
std::string verdict_of_death(Bench& bench, const Done& done) {
  const std::string name = done.step->name;
  if (done.step != &steps().front() && bench.gone())
    return fmt::format("the card is gone since step {}: every read gives all ones; {}", name, advice(Code::kCardDead));
  if (!done.verdict.failed() || !done.step->needed) return {};
  const Finding& finding = done.verdict.findings().front();
  return fmt::format("step {} failed, which all others need: {}; check {}", name, finding.found, finding.check);
}

}  // namespace

std::vector<const Step*> chosen(std::string_view name) {
  std::vector<const Step*> list;
  for (const Step& step : steps()) {
    const bool wanted = name == step.name;
    if (name.empty() || step.needed || wanted) list.push_back(&step);
    if (wanted) return list;
  }
  return name.empty() ? list : std::vector<const Step*>{};
}

void run(card::Card& card, const std::vector<const Step*>& steps, const Options& options, Listener& listener) {
  listener.plan(steps);
  Bench bench(card, options.seed);
  std::string death;
  for (const Step* step : steps) {
    listener.begin(*step);
    Done done{step, Verdict(step->check)};
    const auto begin = Clock::now();
    const std::uint64_t first = card::cycles(card);
    const std::size_t failures = options.card_failures();
    attempt(bench, *step, done.verdict);
    if (const std::size_t more = options.card_failures() - failures; more != 0)
      done.verdict.fail("the card keeps the rules of its buses and of its own assertions",
                        fmt::format("{} failures, told on standard error", more), "the RTL");
    const std::uint64_t last = card::cycles(card);
    // Where a step's reset was the whole function's, the clock began anew.
    done.cycles = bench.gone() ? 0 : last - (last < first ? 0 : first);
    done.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    listener.done(done);
    death = verdict_of_death(bench, done);
    if (!death.empty()) break;
  }
  // Nothing is written to what is not this card.
  if (bench.identified() && !bench.gone()) try {
      bench.reset();
    } catch (const Trouble& trouble) {
      if (death.empty()) death = std::string("the card cannot be reset: ") + trouble.what();
    }
  if (!death.empty()) listener.bail_out(death);
}

}  // namespace aperture::sw::selftest
