// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "command.hpp"

namespace aperture::sw {

/// `aperture bench ioas`, with what stands behind it. Needs no card.
Exit run_bench_ioas(const Arguments& arguments);

/// Whether the first argument asks for it; takes that away then.
inline bool wants_bench_ioas(Arguments& arguments) {
  if (arguments.empty() || arguments.front() != "ioas") return false;
  arguments.erase(arguments.begin());
  return true;
}

}  // namespace aperture::sw
