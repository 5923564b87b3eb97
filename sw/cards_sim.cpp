// SPDX-License-Identifier: Apache-2.0
#include "card/registry.hpp"
#include "cards.hpp"
#include "tb/kernel/report.hpp"
#include "tb/sim_factory.hpp"

// SystemC's library wants this symbol, although nothing calls it in a program with a main() of its own.
extern "C" int sc_main(int, char**) { return 0; }

namespace aperture::sw {

namespace {

const card::Registration kSimulated{tb::factory()};
const card::Registration kSimulatedFpga{tb::fpga_factory()};

}  // namespace

std::size_t card_failures() { return tb::failures(); }

}  // namespace aperture::sw
