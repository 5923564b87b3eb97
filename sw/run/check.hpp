// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "run/scenario.hpp"
#include "run/table.hpp"

namespace aperture::sw::run {

/// Holds a document against the tables. The first complaint ends a check.
class Check {
 public:
  using Wrong = std::optional<Complaint>;

  /// The whole scenario.
  Wrong scenario(const Json& document);

 private:
  /// Names that an object declares, and those of the objects in it.
  void declare(const Json& object, std::span<const Field> fields);
  void declare_steps(const Json& steps);
  Wrong object(const Json& object, std::span<const Field> fields, std::span<const Field> common, const std::string& at);
  Wrong value(const Json& value, const Field& field, const std::string& at);
  Wrong objects(const Json& list, const Field& field, const std::string& at);
  Wrong reference(const Json& value, Named named, const std::string& at);
  Wrong steps(const Json& list, bool nested, const std::string& at);
  Wrong step(const Json& step, bool nested, const std::string& at);
  Wrong expectation(const Json& expect, const StepKind& kind, const std::string& at);
  Wrong devices(const Json& list, const std::string& at);

  std::array<std::set<std::string, std::less<>>, 8> names_;
};

/// What the tables cannot say of a step: keys that exclude or need each other.
std::optional<Complaint> check_combination(std::string_view kind, const Json& step, const std::string& at);

}  // namespace aperture::sw::run
