// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "run/execute.hpp"

namespace aperture::sw::run {

/// A page about a run that needs nothing beside itself.
std::string html_report(std::span<const ScenarioEnd> scenarios, const std::string& card);

}  // namespace aperture::sw::run
