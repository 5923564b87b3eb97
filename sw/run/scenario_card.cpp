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

/// A scenario that says how the card is made can only run on a card that is made for it.
std::vector<std::pair<std::string, std::string>> keys_of(const Scenario& scenario, const CommonOptions& options) {
  std::vector<std::pair<std::string, std::string>> keys;
  const auto parsed = card::registry().parse(options.card);
  if (!parsed) throw UsageError("option '--card': " + parsed.error().what);
  const auto& [factory, given] = *parsed;
  const auto add = [&, kind = factory](const std::string& key, const std::string& value) {
    if (value.empty()) return;
    const bool known = std::ranges::find(kind->keys, key, &card::Key::name) != kind->keys.end();
    if (!known) throw Unsuitable(fmt::format("the scenario has {} for it, which {} does not take", key, kind->name));
    keys.emplace_back(key, value);
  };
  for (const auto& [key, value] : {std::pair{"straps", scenario.straps}, std::pair{"profile", scenario.profile}}) {
    if (!value.empty() && given.has(key)) {
      throw UsageError(fmt::format("option '--card': the {} come from the scenario {}", key, scenario.place));
    }
    add(key, value);
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
