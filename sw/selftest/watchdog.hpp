// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace aperture::sw::selftest {

/// Ends a program whose current step takes longer than it may: a register access that never comes back cannot be
/// interrupted otherwise. `expired` runs on a thread of its own, and does not return.
class Watchdog {
 public:
  Watchdog(std::chrono::milliseconds limit, std::function<void()> expired)
      : limit_(limit), thread_([this, expired = std::move(expired)](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          while (!stop.stop_requested()) {
            const std::chrono::steady_clock::time_point end = begun_ + limit_;
            changed_.wait_until(lock, stop, end, [this, end] { return begun_ + limit_ != end; });
            if (!stop.stop_requested() && std::chrono::steady_clock::now() >= begun_ + limit_) expired();
          }
        }) {}

  /// A step begins.
  void restart() {
    const std::scoped_lock lock(mutex_);
    begun_ = std::chrono::steady_clock::now();
    changed_.notify_one();
  }

 private:
  std::chrono::milliseconds limit_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::chrono::steady_clock::time_point begun_{std::chrono::steady_clock::now()};
  std::jthread thread_;
};

}  // namespace aperture::sw::selftest
