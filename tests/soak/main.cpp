// SPDX-License-Identifier: Apache-2.0
// Random lockstep: the model of the IOMMU and the simulated RTL do the same, and everything that shows is compared.

#include <fmt/core.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "regs/registers.hpp"
#include "soak/episode.hpp"
#include "soak/lockstep.hpp"
#include "tb/kernel/report.hpp"
#include "tb/model/model.hpp"
#include "tb/sim_bus_card.hpp"

// SystemC's library wants this symbol, although nothing calls it in a program with a main() of its own.
extern "C" int sc_main(int, char**) { return 0; }

namespace aperture::soak {
namespace {

namespace po = boost::program_options;
using Clock = std::chrono::steady_clock;

constexpr unsigned kShrinkRuns = 400;
constexpr auto kProgressInterval = std::chrono::seconds(10);

struct Wish {
  std::uint64_t seed = 1;
  double minutes = 0;
  std::uint64_t episodes = 0;
  unsigned actions = 300;
  std::string save = ".";
  unsigned differences = 1;
  bool against_itself = false;
};

struct Total {
  Count count{};
  std::uint64_t episodes = 0;
  double seconds = 0;

  void print(std::FILE* to) const {
    fmt::print(to, "{} episodes, {} operations, {} translations in {:.1f} s: {:.0f} translations per second\n",
               episodes, count.operations, count.translations, seconds,
               static_cast<double>(count.translations) / std::max(seconds, 1e-9));
  }
};

/// What two texts have around the place where they begin to differ.
std::pair<std::string, std::string> around_difference(const std::string& one, const std::string& other) {
  constexpr std::size_t kBefore = 80, kLength = 200;
  const auto [at, same] = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  const auto place = static_cast<std::size_t>(at - one.begin());
  const std::size_t from = place > kBefore ? place - kBefore : 0;
  return {one.substr(from, kLength), other.substr(std::min(from, other.size()), kLength)};
}

/// Says what differs, and saves a short trace of it.
void tell(const Episode& episode, tb::BusCard& first, tb::BusCard& second, const Wish& wish) {
  fmt::print("the cards differ: repeat with --seed {} --episodes 1 --actions {}; shortening\n", episode.seed,
             wish.actions);
  std::fflush(stdout);
  const auto steps = shrink(first, second, episode.steps, episode.queue, kShrinkRuns);
  const auto operations = lower(steps, episode.queue);
  Count count;
  const auto difference = run(first, second, operations, count);
  if (!difference) {
    fmt::print("and no longer do: a card's answer depends on what came before its reset\n");
    return;
  }
  const std::string file = fmt::format("{}/soak-{}.jsonl", wish.save, episode.seed);
  std::ofstream(file) << trace_of(operations, *difference);
  const auto [one, other] = around_difference(difference->first.dump(), difference->second.dump());
  fmt::print("{} of {} steps, {} operations: {}\n  first  {}\n  second {}\n", steps.size(), episode.steps.size(),
             difference->operation + 1, file, one, other);
}

int soak(const Wish& wish) {
  std::string broken;
  tb::set_failure_hook([&](const std::string& text) { broken = broken.empty() ? text : broken; });
  tb::Options options;
  options.latency = 1;
  options.seed = wish.seed;
  const auto model = tb::model::make_model();
  std::unique_ptr<tb::BusCard> other;
  if (wish.against_itself) {
    other = tb::model::make_model();
  } else {
    other = std::make_unique<tb::SimBusCard>(options);
  }
  if (const auto done = other->reset({}); !done) {
    fmt::print(stderr, "{}\n", done.error().what);
    return 3;
  }
  const std::uint64_t capabilities = other->read_register(regs::iommu::capabilities.offset, 8);
  fmt::print("seed {}, capabilities {:#x}\n", wish.seed, capabilities);
  Total total;
  const auto since = Clock::now();
  auto shown = since;
  int code = 0;
  unsigned differences = 0;
  const auto ends = [&] {
    total.seconds = std::chrono::duration<double>(Clock::now() - since).count();
    return differences >= wish.differences ||
           (wish.minutes != 0 ? total.seconds >= wish.minutes * 60 : total.episodes >= wish.episodes);
  };
  for (std::uint64_t seed = wish.seed; !ends(); ++seed) {
    const Episode episode = make_episode(seed, capabilities, wish.actions);
    ++total.episodes;
    if (run(*model, *other, lower(episode.steps, episode.queue), total.count)) {
      code = 1;
      ++differences;
      tell(episode, *model, *other, wish);
    }
    if (!broken.empty()) {
      fmt::print("the simulated card broke a rule, with --seed {} --episodes 1 --actions {}: {}\n", seed, wish.actions,
                 broken);
      broken.clear();
      code = 1;
      ++differences;
    }
    if (Clock::now() - shown > kProgressInterval) {
      shown = Clock::now();
      ends();
      total.print(stderr);
    }
  }
  total.print(stdout);
  return code;
}

int parse_and_soak(int count, char** words) {
  Wish wish;
  po::options_description options("soak: the model of the IOMMU and the simulated RTL in lockstep, at random");
  auto add = options.add_options();
  add("seed", po::value(&wish.seed)->default_value(wish.seed), "of the first episode; the next has the next");
  add("minutes", po::value(&wish.minutes), "how long to go on");
  add("episodes", po::value(&wish.episodes), "or how many episodes (default 100)");
  add("actions", po::value(&wish.actions)->default_value(wish.actions), "requests and changes of an episode");
  add("save", po::value(&wish.save)->default_value(wish.save), "folder for the trace of a difference");
  add("differences", po::value(&wish.differences)->default_value(wish.differences), "how many to find before it ends");
  add("against-itself", po::bool_switch(&wish.against_itself), "two models: checks the generator");
  add("help", "this text");
  try {
    po::variables_map values;
    po::store(po::parse_command_line(count, words, options), values);
    po::notify(values);
    if (values.contains("help")) {
      std::ostringstream text;
      text << options;
      fmt::print("{}", text.str());
      return 0;
    }
    if (!values.contains("minutes") && !values.contains("episodes")) wish.episodes = 100;
    if (values.contains("minutes") && (values.contains("episodes") || wish.minutes <= 0)) {
      throw po::error("either minutes, more than 0, or episodes");
    }
  } catch (const po::error& error) {
    fmt::print(stderr, "soak: {}\n", error.what());
    return 2;
  }
  return soak(wish);
}

}  // namespace
}  // namespace aperture::soak

int main(int count, char** words) { return aperture::soak::parse_and_soak(count, words); }
