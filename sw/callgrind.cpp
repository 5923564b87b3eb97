// SPDX-License-Identifier: Apache-2.0
#include "callgrind.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace aperture::sw {
namespace {

/// A folder that goes with the object.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "aperture-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The child's exit status, or -1 with errno when there is no such program.
int run(const std::vector<std::string>& words, const std::filesystem::path& output) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failure = ::posix_spawnp(&child, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  int status = -1;
  if (failure != 0) {
    errno = failure;
  } else if (::waitpid(child, &status, 0) != child) {
    status = -1;
  }
  return status;
}

}  // namespace

Result<Counted> count_instructions(const std::vector<std::string>& command, const std::string& functions) {
  const Scratch scratch;
  if (scratch.path().empty()) return fail(Code::kEnvironment, errno, "no folder for callgrind's output");
  const auto output = scratch.path() / "stdout", profile = scratch.path() / "callgrind";
  std::vector<std::string> words{"valgrind", "--tool=callgrind", "--collect-atstart=no",
                                 "--toggle-collect=" + functions, "--callgrind-out-file=" + profile.string()};
  words.insert(words.end(), command.begin(), command.end());
  const int status = run(words, output);
  if (status == -1) return fail(Code::kEnvironment, errno, "valgrind cannot be run (Debian package valgrind)");
  if (status != 0) return fail(Code::kEnvironment, EIO, fmt::format("{} failed under valgrind", command.at(0)));

  Counted counted;
  std::ifstream text(output);
  counted.output.assign(std::istreambuf_iterator<char>(text), {});
  std::ifstream lines(profile);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("totals: ")) counted.instructions = std::strtoull(line.c_str() + 8, nullptr, 10);
  }
  if (counted.instructions == 0) return fail(Code::kEnvironment, EIO, "callgrind met no function " + functions);
  return counted;
}

}  // namespace aperture::sw
