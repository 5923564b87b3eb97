// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "soak/device.hpp"
#include "soak/features.hpp"
#include "soak/step.hpp"

namespace aperture::soak {

/// A card with directories and tables, then what devices and software do with it.
struct Episode {
  std::uint64_t seed = 0;
  CommandQueue queue{};
  std::vector<Step> steps{};
};

/// The episode of a seed for a card with these capabilities (value of the register), with that many requests and
/// changes.
Episode make_episode(std::uint64_t seed, std::uint64_t capabilities, unsigned actions);

}  // namespace aperture::soak
