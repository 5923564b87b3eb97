// SPDX-License-Identifier: Apache-2.0
#include "card/registry.hpp"
#include "tb/sim_factory.hpp"

// SystemC's library wants this symbol, although nothing calls it in a program with a main() of its own.
extern "C" int sc_main(int, char**) { return 0; }

namespace {

const aperture::card::Registration kSimulated{aperture::tb::factory()};

}  // namespace
