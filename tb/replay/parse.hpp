// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string_view>

#include "tb/replay/operation.hpp"

namespace aperture::tb::replay {

/// A line of a trace (docs/replay-a-trace.md), or what is wrong with its form. `document`, if not null, gets the line
/// as JSON.
std::expected<Operation, Complaint> parse(std::string_view line, Json* document = nullptr);

}  // namespace aperture::tb::replay
