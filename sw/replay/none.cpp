// SPDX-License-Identifier: Apache-2.0
// aperture replay in a build without the simulated card.
#include "command.hpp"
#include "session.hpp"

namespace aperture::sw {

Exit run_replay(const Arguments&) {
  throw Failure(Exit::kEnvironment, "this build has no simulated card (APERTURE_SIMULATION is off)");
}

}  // namespace aperture::sw
