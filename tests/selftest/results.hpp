// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "selftest/run.hpp"

namespace aperture::test {

/// What a self-test said.
struct Results final : sw::selftest::Listener {
  void plan(const std::vector<const sw::selftest::Step*>& steps) override { planned = steps; }
  void begin(const sw::selftest::Step&) override {}
  void done(const sw::selftest::Done& one) override { results.push_back(one); }
  void bail_out(const std::string& reason) override { death = reason; }

  const sw::selftest::Done* of(std::string_view name) const {
    const auto one = std::ranges::find_if(results, [name](const auto& done) { return name == done.step->name; });
    return one == results.end() ? nullptr : &*one;
  }
  /// Names of the steps that failed.
  std::vector<std::string> failed() const {
    std::vector<std::string> names;
    for (const auto& one : results)
      if (one.verdict.failed()) names.emplace_back(one.step->name);
    return names;
  }
  /// For failure messages: every finding.
  std::string text() const {
    std::string all = death.value_or("");
    for (const auto& one : results)
      for (const auto& finding : one.verdict.findings())
        all += std::string("\n") + one.step->name + ": expected " + finding.expected + "; found " + finding.found +
               "; check " + finding.check;
    return all;
  }

  std::vector<const sw::selftest::Step*> planned;
  std::vector<sw::selftest::Done> results;
  std::optional<std::string> death;
};

}  // namespace aperture::test
