// SPDX-License-Identifier: Apache-2.0
#include "card/registry.hpp"
#include "tb/sim_factory.hpp"

namespace {

const aperture::card::Registration kSimulated{aperture::tb::factory()};
const aperture::card::Registration kSimulatedFpga{aperture::tb::fpga_factory()};

}  // namespace
