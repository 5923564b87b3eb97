// SPDX-License-Identifier: Apache-2.0
#pragma once

// The only place that starts and pauses SystemC. Driver code is ordinary blocking code, on the main stack or in an
// SC_THREAD.

#include <array>
#include <exception>
#include <functional>
#include <string>
#include <systemc>
#include <vector>

#include "tb/kernel/waiter.hpp"

namespace aperture::tb {

class Kernel final : public sc_core::sc_module, public Waiter {
 public:
  static constexpr std::size_t kThreads = 4;

  explicit Kernel(const sc_core::sc_module_name& name);

  Outcome wait_until(const std::function<bool()>& happened, std::uint64_t cycles, std::string_view who,
                     std::string_view what) override;
  std::uint64_t cycle() const override { return cycle_; }

  /// Runs each job in an SC_THREAD of its own (8 MiB of stack), all in the same simulated time, until all have
  /// returned; at most kThreads. From the main stack. An exception that leaves a job comes out here.
  void run_threads(const std::vector<std::function<void()>>& jobs);

  // For the clocked module.
  /// `wake` starts the clock if it stands.
  void set_wake(std::function<void()> wake) { wake_ = std::move(wake); }
  /// After each cycle, with the number of cycles so far. Whether a wait ended.
  bool after_cycle(std::uint64_t cycle);
  /// The clock stands and nothing but a new request can start it.
  void asleep();

  /// "driver waits for interrupts since cycle 17; ..." of all who wait now.
  std::string waits() const;
  /// Wall time spent inside the simulation.
  double seconds() const { return seconds_; }

 private:
  struct Wait {
    const std::function<bool()>* happened;
    std::uint64_t deadline;
    std::uint64_t since;
    std::string_view who, what;
    bool threaded;
    bool finished = false;
    Outcome outcome{};
    sc_core::sc_event event{};
  };
  struct Worker {
    std::function<void()> job;
    sc_core::sc_event start;
    std::exception_ptr failure;
  };

  void finish(Wait& wait, Outcome outcome);
  bool finish_due(bool asleep);
  void start();
  void work(std::size_t index);

  std::function<void()> wake_;
  std::uint64_t cycle_ = 0;
  std::vector<Wait*> waits_;
  std::array<Worker, kThreads> workers_;
  std::size_t working_ = 0;
  double seconds_ = 0;
};

}  // namespace aperture::tb
