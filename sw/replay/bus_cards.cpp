// SPDX-License-Identifier: Apache-2.0
#include "replay/bus_cards.hpp"

#include <utility>

#include "card/registry.hpp"
#include "session.hpp"
#include "tb/card/dut.hpp"
#include "tb/model/model.hpp"
#include "tb/sim_bus_card.hpp"
#include "tb/sim_factory.hpp"

namespace aperture::sw {

namespace {

constexpr unsigned kWide = 128;

[[noreturn]] void refuse(const std::string& why) { throw UsageError("option '--card': " + why); }

std::unique_ptr<tb::BusCard> open_sim(card::Options keys, std::uint64_t seed) {
  if (keys.has("straps")) {
    refuse("straps come from the trace");
  }
  if (!keys.has("seed")) {
    keys.set("seed", std::to_string(seed));
  }
  // What a trace says does not depend on time: as little as possible passes. A wide port has room for 4 KiB in one
  // burst.
  if (!keys.has("latency")) {
    keys.set("latency", "1");
  }
  if (!keys.has("width") && tb::has_width(kWide)) {
    keys.set("width", std::to_string(kWide));
  }
  auto options = tb::parse_options(keys);
  if (!options) {
    refuse(options.error().what);
  }
  if (!tb::has_width(options->width)) {
    throw Failure(Exit::kEnvironment, "sim: this build has no card of " + std::to_string(options->width) + " bits");
  }
  return std::make_unique<tb::SimBusCard>(*options);
}

}  // namespace

std::unique_ptr<tb::BusCard> open_bus_card(const CommonOptions& options) {
  if (options.card == "model") {
    return tb::model::make_model();
  }
  auto parsed = card::registry().parse(options.card);
  if (!parsed) {
    refuse(parsed.error().what);
  }
  auto& [factory, keys] = *parsed;
  if (factory->name == "sim") {
    return open_sim(std::move(keys), options.seed);
  }
  refuse("a trace replays where the buses can be reached: sim, model");
}

}  // namespace aperture::sw
