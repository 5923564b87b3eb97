// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>
#include <verilated.h>
#include <verilated_cov.h>

#include <cstdlib>
#include <set>
#include <string>

namespace aperture::tb {

/// In a build with APERTURE_COVERAGE: writes what the models of a context have run into a file of its own in the folder
/// that the environment variable APERTURE_COVERAGE_FOLDER names, when it goes out of scope or when the process ends,
/// whichever is first. Does nothing without that variable, and in every other build. To be declared after the model: it
/// has to go first.
class Coverage {
 public:
  explicit Coverage(VerilatedContext& context) : context_(context) {
    if (alive().empty()) std::atexit(write_all);
    alive().insert(this);
  }
  ~Coverage() {
    if (alive().erase(this) != 0) write();
  }
  Coverage(const Coverage&) = delete;
  Coverage& operator=(const Coverage&) = delete;

 private:
  static std::set<Coverage*>& alive() {
    static std::set<Coverage*> all;
    return all;
  }
  static void write_all() {
    for (const Coverage* each : alive()) each->write();
    alive().clear();
  }
  void write() const;

  VerilatedContext& context_;
};

inline void Coverage::write() const {
  if constexpr (APERTURE_COVERAGE != 0) {
    static unsigned files = 0;
    const char* folder = std::getenv("APERTURE_COVERAGE_FOLDER");
    if (folder == nullptr) return;
    const std::string name = std::to_string(::getpid()) + "." + std::to_string(files++) + ".dat";
    context_.coveragep()->write((std::string(folder) + "/" + name).c_str());
  }
}

}  // namespace aperture::tb
