// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>

namespace aperture::sw {

namespace {

constexpr auto kInterval = std::chrono::milliseconds(200);

}  // namespace

Progress::Progress(std::uint64_t total_bytes, std::uint64_t cycle_at_start)
    : total_(total_bytes),
      first_cycle_(cycle_at_start),
      start_(Clock::now()),
      last_(start_),
      terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (shown_) {
    fmt::print(stderr, "\r\033[K");
  }
}

void Progress::update(std::uint64_t bytes, std::uint64_t cycle) {
  const auto now = Clock::now();
  if (!terminal_ || now - last_ < kInterval) {
    return;
  }
  last_ = now;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double kilohertz = static_cast<double>(cycle - first_cycle_) / seconds / 1e3;
  const double left = bytes == 0 ? 0 : seconds * static_cast<double>(total_ - bytes) / static_cast<double>(bytes);
  fmt::print(stderr, "\r\033[K{:.1f} of {:.1f} MiB  {:.0f} kHz  {:.0f} s left", static_cast<double>(bytes) / (1 << 20),
             static_cast<double>(total_) / (1 << 20), kilohertz, left);
  std::fflush(stderr);
}

}  // namespace aperture::sw
