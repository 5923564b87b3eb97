// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "options.hpp"
#include "run/scenario.hpp"
#include "session.hpp"

namespace aperture::sw::run {

/// The card of --card for this scenario, freshly reset, with its straps and profile, and its IOMMU on. Throws
/// UsageError (no such card) or Unsuitable: it does not know straps or profiles, or lacks what the straps ask for.
std::unique_ptr<Session> open_for(const Scenario& scenario, const CommonOptions& options);

}  // namespace aperture::sw::run
