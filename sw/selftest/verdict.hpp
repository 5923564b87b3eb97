// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace aperture::sw::selftest {

/// Something that was not as it has to be.
struct Finding {
  std::string expected;
  std::string found;
  std::string check;  ///< what a person should look at
};

/// A figure that was measured, for the diagnostics.
struct Fact {
  std::string name;
  std::variant<std::uint64_t, double, std::string> value;
};

/// What a step found out. It passes unless something was found or a reason to skip it was given.
class Verdict {
 public:
  static constexpr std::size_t kKept = 8;  ///< findings that are kept; the rest is counted

  /// `check`: what findings without an advice of their own say.
  explicit Verdict(std::string check) : check_(std::move(check)) {}

  /// Gives false, so that a step can `return` or `if` on it.
  bool fail(std::string expected, std::string found, std::string check = {}) {
    ++found_;
    if (findings_.size() < kKept)
      findings_.push_back({std::move(expected), std::move(found), check.empty() ? check_ : std::move(check)});
    return false;
  }
  /// There is nothing to test here, and why. Findings win over it.
  void skip(std::string reason) { skipped_ = std::move(reason); }
  void fact(std::string name, std::unsigned_integral auto value) {
    facts_.push_back({std::move(name), std::uint64_t{value}});
  }
  void fact(std::string name, double value) { facts_.push_back({std::move(name), value}); }
  void fact(std::string name, std::string value) { facts_.push_back({std::move(name), std::move(value)}); }

  bool failed() const { return found_ != 0; }
  bool skipped() const { return !failed() && skipped_.has_value(); }
  const std::string& reason() const { return *skipped_; }
  std::size_t found() const { return found_; }
  const std::vector<Finding>& findings() const { return findings_; }
  const std::vector<Fact>& facts() const { return facts_; }

 private:
  std::string check_;
  std::size_t found_{};
  std::vector<Finding> findings_;
  std::optional<std::string> skipped_;
  std::vector<Fact> facts_;
};

}  // namespace aperture::sw::selftest
