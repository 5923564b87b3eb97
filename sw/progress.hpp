// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace aperture::sw {

/// A line on standard error that says how far a long job is: bytes, simulated kHz, time left. Only on a terminal, a few
/// times a second, and wiped at the end.
class Progress {
 public:
  Progress(std::uint64_t total_bytes, std::uint64_t cycle_at_start);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::uint64_t bytes, std::uint64_t cycle);

 private:
  using Clock = std::chrono::steady_clock;
  std::uint64_t total_;
  std::uint64_t first_cycle_;
  Clock::time_point start_;
  Clock::time_point last_;
  bool terminal_;
  bool shown_{};
};

}  // namespace aperture::sw
