// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "options.hpp"
#include "tb/bus_card.hpp"

namespace aperture::sw {

/// The card that --card names, by its buses. Throws UsageError for one whose buses nobody but its own machine reaches,
/// and for straps, which a trace has itself; Failure where the card cannot be.
std::unique_ptr<tb::BusCard> open_bus_card(const CommonOptions& options);

}  // namespace aperture::sw
