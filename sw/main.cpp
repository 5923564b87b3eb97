// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <exception>
#include <string_view>

#include "command.hpp"
#include "options.hpp"
#include "session.hpp"

namespace {

using namespace aperture::sw;

std::string usage() {
  std::string text = "usage: aperture COMMAND [ARGUMENTS]\n\n";
  for (const Command& command : commands()) {
    text += fmt::format("  {:<8} {}\n", command.name, command.summary);
  }
  return text +
         "\naperture COMMAND --help lists a command's options.\nExit: 0 ok, 1 a check failed, 2 usage, 3 "
         "environment.\n";
}

int say(Exit exit, std::string_view what) {
  fmt::print(stderr, "aperture: {}\n", what);
  return static_cast<int>(exit);
}

const Command* find(std::string_view name) {
  for (const Command& command : commands()) {
    if (name == command.name) {
      return &command;
    }
  }
  return nullptr;
}

int run(const Command& command, const Arguments& arguments) {
  try {
    return static_cast<int>(command.run(arguments));
  } catch (const HelpWanted& help) {
    fmt::print("{}", help.what());
    return static_cast<int>(Exit::kOk);
  } catch (const UsageError& error) {
    return say(Exit::kUsage, fmt::format("{}\n(aperture {} --help)", error.what(), command.name));
  } catch (const Failure& failure) {
    return say(failure.exit(), failure.what());
  } catch (const std::exception& error) {
    return say(Exit::kEnvironment, error.what());
  }
}

}  // namespace

int main(int count, char** words) {
  const Arguments arguments(words + 1, words + count);
  if (arguments.empty()) {
    return say(Exit::kUsage, "which command?\n" + usage());
  }
  if (arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    fmt::print("{}", usage());
    return static_cast<int>(Exit::kOk);
  }
  const Command* command = find(arguments[0]);
  if (command == nullptr) {
    return say(Exit::kUsage, "no such command: " + arguments[0] + "\n" + usage());
  }
  return run(*command, {arguments.begin() + 1, arguments.end()});
}
