// SPDX-License-Identifier: Apache-2.0
// aperture bench in a build without the simulated card.
#include "bench_ioas.hpp"
#include "command.hpp"
#include "session.hpp"

namespace aperture::sw {

Exit run_bench(const Arguments& given) {
  Arguments arguments = given;
  if (wants_bench_ioas(arguments)) return run_bench_ioas(arguments);
  throw Failure(
      Exit::kEnvironment,
      "cycles are counted on the simulated card: this build has no simulated card (APERTURE_SIMULATION is off)");
}

}  // namespace aperture::sw
