// SPDX-License-Identifier: Apache-2.0
#include "tb/card/waves.hpp"

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <cstdio>

#include "tb/kernel/report.hpp"

namespace aperture::tb {
namespace {

/// Bytes of the register bus.
constexpr unsigned kLanes = 8;

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

bool TriggerWatch::seen(const Pins& pins) {
  switch (trigger_.kind) {
    case WaveTrigger::Kind::kFault: {
      const AddressChannel& aw = pins[Port::kIommu].aw;
      return aw.valid && aw.ready && static_cast<IommuAccess>(aw.user) == IommuAccess::kFaultQueue;
    }
    case WaveTrigger::Kind::kWrite:
      return write_seen(pins[Port::kMmio]);
    default:
      return true;
  }
}

bool TriggerWatch::write_seen(const AxiPins& host) {
  if (host.aw.valid && host.aw.ready) address_ = host.aw.addr;
  if (host.w.valid && host.w.ready) strobes_ = host.w.strb;
  if (!address_ || !strobes_) return false;
  const bool hit = *address_ / kLanes == trigger_.offset / kLanes && (*strobes_ >> trigger_.offset % kLanes & 1) != 0;
  address_.reset();
  strobes_.reset();
  return hit;
}

void Waves::plan(const Options& options, std::uint64_t now) {
  file_ = options.wave;
  watch_ = TriggerWatch(options.wave_trigger);
  from_ = file_.empty() || options.wave_from > kNever - now ? kNever : now + options.wave_from;
  length_ = options.wave_cycles;
  until_ = kNever;
  std::signal(SIGUSR1, aperture_tb_signal);
}

bool Waves::signalled() { return pending.load(std::memory_order_relaxed); }

void Waves::open_due(Dut& dut, const Pins& pins, std::uint64_t cycle) {
  if (signalled()) signals(dut, cycle);
  if (from_ != kNever && watch_.seen(pins) && cycle >= from_) {
    from_ = kNever;
    until_ = length_ == 0 || length_ > kNever - cycle ? kNever : cycle + length_;
    open(dut, file_, cycle);
  }
}

bool Waves::open(Dut& dut, const std::filesystem::path& file, std::uint64_t cycle) {
  if (!dut.open_waves(file, cycle)) {
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

void Waves::finish(Dut& dut, std::uint64_t cycle) {
  close(dut);
  if (from_ == kNever) return;
  fmt::print(stderr,
             "waves: {} was not written: at cycle {} its window had not started (from cycle {} on, trigger {})\n",
             file_.string(), cycle, from_, watch_.trigger().text());
}

void Waves::signals(Dut& dut, std::uint64_t cycle) {
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
      open(dut, file, cycle);
    }
  }
}

}  // namespace aperture::tb
