// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ioas/report.hpp"
#include "run/arguments.hpp"
#include "run/world.hpp"

namespace aperture::sw::run {

/// How a change of address spaces ended: of one step, or of those of a transaction.
struct ChangeEnd {
  std::vector<Json> results;             ///< of each step, where all were applied
  std::optional<ioas::Refusal> refusal;  ///< else why
  std::size_t refused_step{};
  std::string refused_by;  ///< the IOAS that did; it may be gone with what the change had made
};

/// All steps or none. `fail_at`: see ioas::Change.
ChangeEnd apply_steps(World& world, const std::vector<const Json*>& steps, std::uint64_t fail_at = 0);

}  // namespace aperture::sw::run
