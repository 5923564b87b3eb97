// SPDX-License-Identifier: Apache-2.0
#include "tb/card/waves.hpp"

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <utility>

#include "tb/kernel/report.hpp"

namespace aperture::tb {
namespace {

std::atomic<bool> pending{false};
std::atomic<bool> toggle{false};
std::atomic<int> ending{0};

extern "C" void aperture_tb_signal(int number) {
  if (number == SIGUSR1) {
    toggle = true;
  } else {
    ending = number;
    std::signal(number, SIG_DFL);
  }
  pending = true;
}

}  // namespace

void Waves::plan(std::filesystem::path file, std::uint64_t now, std::uint64_t delay, std::uint64_t cycles) {
  constexpr std::uint64_t kNever = ~std::uint64_t{0};
  file_ = std::move(file);
  from_ = file_.empty() || delay > kNever - now ? kNever : now + delay;
  until_ = from_ == kNever || cycles == 0 || cycles > kNever - from_ ? kNever : from_ + cycles;
  std::signal(SIGUSR1, aperture_tb_signal);
}

void Waves::before_cycle(Dut& dut, std::uint64_t cycle) {
  if (pending.load(std::memory_order_relaxed)) signals(dut);
  if (cycle >= until_) {
    until_ = ~std::uint64_t{0};
    close(dut);
  } else if (cycle >= from_) {
    from_ = ~std::uint64_t{0};
    open(dut, file_);
  }
}

bool Waves::open(Dut& dut, const std::filesystem::path& file) {
  if (!dut.open_waves(file)) {
    report_failure("waves cannot be written to " + file.string());
    return false;
  }
  std::signal(SIGINT, aperture_tb_signal);
  std::signal(SIGTERM, aperture_tb_signal);
  return true;
}

void Waves::close(Dut& dut) {
  if (!dut.waves_open()) return;
  dut.close_waves();
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

void Waves::signals(Dut& dut) {
  pending = false;
  if (const int number = ending.load(); number != 0) {
    dut.close_waves();
    std::raise(number);
  }
  if (toggle.exchange(false)) {
    if (dut.waves_open()) {
      close(dut);
    } else {
      const std::filesystem::path base = file_.empty() ? std::filesystem::path("aperture.fst") : file_;
      std::filesystem::path file = base;
      if (toggles_++ != 0 || !file_.empty()) {
        file.replace_filename(fmt::format("{}.{}{}", base.stem().string(), toggles_, base.extension().string()));
      }
      open(dut, file);
    }
  }
}

}  // namespace aperture::tb
