// SPDX-License-Identifier: Apache-2.0
#include "run/scenario_card.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "card/registers.hpp"
#include "card/registry.hpp"
#include "run/unsuitable.hpp"
#include "tb/options.hpp"

namespace aperture::sw::run {
namespace {

/// A scenario that says how the card is made can only run on a card that is made for it. The profile is not the card's
/// but the memory's: where there is no choice of it, it is what it is, and so are the results.
std::vector<std::pair<std::string, std::string>> keys_of(const Scenario& scenario, const CommonOptions& options) {
  std::vector<std::pair<std::string, std::string>> keys;
  const auto parsed = card::registry().parse(options.card);
  if (!parsed) throw UsageError("option '--card': " + parsed.error().what);
  const auto& [factory, given] = *parsed;
  for (const auto& [key, value] : {std::pair{"straps", scenario.straps}, std::pair{"profile", scenario.profile}}) {
    if (value.empty()) continue;
    if (given.has(key)) {
      throw UsageError(fmt::format("option '--card': {} comes from the scenario {}", key, scenario.place));
    }
    if (std::ranges::find(factory->keys, key, &card::Key::name) != factory->keys.end()) {
      keys.emplace_back(key, value);
    } else if (key == std::string_view("straps")) {
      throw Unsuitable(fmt::format("the scenario has straps for it, which {} does not take", factory->name));
    }
  }
  return keys;
}

/// Capabilities that the straps state and the card does not show.
std::string missing(std::uint64_t asked, std::uint64_t shown) {
  std::string names;
  for (const regs::Field& field : regs::iommu::capabilities.fields) {
    if ((field.mask() & (asked ^ shown)) != 0) names += fmt::format(" {}", field.name);
  }
  return names;
}

}  // namespace

std::unique_ptr<Session> open_for(const Scenario& scenario, const CommonOptions& options) {
  const auto keys = keys_of(scenario, options);
  std::unique_ptr<Session> session;
  try {
    session = std::make_unique<Session>(options, keys);
    if (scenario.straps.find("\"capabilities\"") != std::string::npos) {
      const std::uint64_t asked = tb::parse_iommu_straps(scenario.straps)->capabilities;
      const std::uint64_t shown = card::read(session->card().mmio(), regs::iommu::capabilities);
      if (asked != shown) throw Unsuitable("it does not have the capabilities" + missing(asked, shown));
    }
    session->bring_up();
  } catch (const UsageError&) {
    throw;
  } catch (const Unsuitable&) {
    throw;
  } catch (const Failure& failure) {
    throw Failure(Exit::kEnvironment, failure.what());
  }
  return session;
}

}  // namespace aperture::sw::run
