// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a command costs on the host, in instructions: exact, whatever else the machine does.

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace aperture::sw {

struct Counted {
  std::uint64_t instructions{};
  std::string output;  ///< what the command wrote to its standard output
};

/// Runs `command` under valgrind's callgrind, which counts inside of functions that match `functions` (a glob pattern)
/// alone. Blocks; about 50 times slower than the command. ENOENT: valgrind is not installed; EIO: the command failed
/// or never came to such a function.
Result<Counted> count_instructions(const std::vector<std::string>& command, const std::string& functions);

}  // namespace aperture::sw
