// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "formats/expectation.hpp"
#include "tb/replay/operation.hpp"

namespace aperture::tb::replay {

using formats::Mismatch;

/// What is wrong with the form of `expect` as the expectation of `action`: a key that its result never has, a value of
/// another type than there.
std::optional<Complaint> check_expectation(const Action& action, const Json& expect);

/// Where the result of `action` is not as expected: docs/replay-a-trace.md, "Expectations". Both have their form.
std::vector<Mismatch> compare(const Action& action, const Json& expect, const Json& result);

}  // namespace aperture::tb::replay
