// SPDX-License-Identifier: Apache-2.0
#include "tb/kernel/kernel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "tb/kernel/report.hpp"

namespace aperture::tb {

Kernel::Kernel(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
  for (std::size_t i = 0; i < kThreads; ++i) {
    sc_core::sc_spawn_options options;
    options.set_stack_size(8 << 20);
    sc_core::sc_spawn([this, i] { work(i); }, fmt::format("thread{}", i).c_str(), &options);
  }
}

void Kernel::work(std::size_t index) {
  Worker& worker = workers_[index];
  for (;;) {
    while (!worker.job) sc_core::wait(worker.start);
    try {
      worker.job();
    } catch (const sc_core::sc_unwind_exception&) {
      throw;
    } catch (...) {
      worker.failure = std::current_exception();
    }
    worker.job = nullptr;
    if (--working_ == 0) sc_core::sc_pause();
  }
}

void Kernel::start() {
  const auto from = std::chrono::steady_clock::now();
  sc_core::sc_start();
  seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

Outcome Kernel::wait_until(const std::function<bool()>& happened, std::uint64_t cycles, std::string_view who,
                           std::string_view what) {
  if (happened()) return Outcome::kHappened;
  if (cycles == 0) return Outcome::kTimedOut;
  const auto kind = sc_core::sc_get_current_process_handle().proc_kind();
  if (kind == sc_core::SC_METHOD_PROC_) throw std::logic_error("wait_until called from an SC_METHOD");
  const bool threaded = kind == sc_core::SC_THREAD_PROC_ || kind == sc_core::SC_CTHREAD_PROC_;
  const std::uint64_t deadline = cycles > ~cycle_ ? ~std::uint64_t{0} : cycle_ + cycles;
  Wait wait{&happened, deadline, cycle_, who, what, threaded};
  waits_.push_back(&wait);
  wake_();
  while (!wait.finished) {
    if (threaded) {
      sc_core::wait(wait.event);
      continue;
    }
    start();
    if (!wait.finished && !sc_core::sc_pending_activity()) {
      std::erase(waits_, &wait);
      report_failure(
          fmt::format("the simulation stopped while {} waited for {} since cycle {}", who, what, wait.since));
      return Outcome::kIdle;
    }
  }
  return wait.outcome;
}

void Kernel::finish(Wait& wait, Outcome outcome) {
  wait.outcome = outcome;
  wait.finished = true;
  if (wait.threaded) {
    wait.event.notify(sc_core::SC_ZERO_TIME);
  } else {
    sc_core::sc_pause();
  }
}

bool Kernel::finish_due(bool asleep) {
  bool finished = false;
  for (Wait* wait : waits_) {
    if ((*wait->happened)()) {
      finish(*wait, Outcome::kHappened);
    } else if (cycle_ >= wait->deadline) {
      finish(*wait, Outcome::kTimedOut);
    } else if (asleep) {
      finish(*wait, Outcome::kIdle);
    }
    finished |= wait->finished;
  }
  if (finished) std::erase_if(waits_, [](const Wait* wait) { return wait->finished; });
  return finished;
}

bool Kernel::after_cycle(std::uint64_t cycle) {
  cycle_ = cycle;
  return finish_due(false);
}

void Kernel::asleep() { finish_due(true); }

std::string Kernel::waits() const {
  std::string text;
  for (const Wait* wait : waits_) {
    if (!text.empty()) text += "; ";
    text += fmt::format("{} waits for {} since cycle {}", wait->who, wait->what, wait->since);
  }
  return text.empty() ? "nobody waits" : text;
}

void Kernel::run_threads(const std::vector<std::function<void()>>& jobs) {
  if (jobs.size() > kThreads) throw std::out_of_range("more jobs than threads");
  working_ = jobs.size();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    workers_[i].job = jobs[i];
    workers_[i].failure = nullptr;
    workers_[i].start.notify(sc_core::SC_ZERO_TIME);
  }
  while (working_ != 0) {
    start();
    if (working_ != 0 && !sc_core::sc_pending_activity()) {
      report_failure("the simulation stopped with threads waiting: " + waits());
      return;
    }
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (workers_[i].failure) std::rethrow_exception(workers_[i].failure);
  }
}

}  // namespace aperture::tb
