// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

namespace aperture::sw {

/// What the program's exit code says.
enum class Exit : int {
  kOk = 0,
  kCheckFailed = 1,  ///< it ran, and something that was to hold did not
  kUsage = 2,        ///< the command line makes no sense
  kEnvironment = 3,  ///< the machine lacks something: card, file, memory
};

using Arguments = std::vector<std::string>;

/// A sub-command. `run` gets what stands behind its name.
struct Command {
  const char* name;
  const char* synopsis;  ///< its own arguments, for the help
  const char* summary;
  Exit (*run)(const Arguments& arguments);
};

/// All of them: the table in commands.cpp.
std::span<const Command> commands();

Exit run_bench(const Arguments& arguments);
Exit run_demo(const Arguments& arguments);
Exit run_dma(const Arguments& arguments);
Exit run_dump(const Arguments& arguments);
Exit run_replay(const Arguments& arguments);
Exit run_run(const Arguments& arguments);
Exit run_selftest(const Arguments& arguments);
Exit run_serve(const Arguments& arguments);
Exit run_windows(const Arguments& arguments);

}  // namespace aperture::sw
