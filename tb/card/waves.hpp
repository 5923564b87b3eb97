// SPDX-License-Identifier: Apache-2.0
#pragma once

// When an FST file is written: a window of cycles, from a trigger on, on request, or toggled by SIGUSR1. SIGINT and
// SIGTERM end an open file properly before they end the program; a second one ends it at once.

#include <cstdint>
#include <filesystem>
#include <optional>

#include "tb/card/dut.hpp"
#include "tb/card/pins.hpp"
#include "tb/options.hpp"

namespace aperture::tb {

/// Sees a trigger at the pins. Each cycle once.
class TriggerWatch {
 public:
  explicit TriggerWatch(WaveTrigger trigger = {}) : trigger_(trigger) {}
  const WaveTrigger& trigger() const { return trigger_; }
  /// Whether it happens in the cycle with these settled pins.
  bool seen(const Pins& pins);

 private:
  bool write_seen(const AxiPins& host);

  WaveTrigger trigger_;
  std::optional<std::uint64_t> address_{};  ///< of a register write whose data is still to come
  std::optional<std::uint16_t> strobes_{};  ///< of one whose address is still to come
};

class Waves {
 public:
  /// The window that the options state, counted from the cycle `now` on.
  void plan(const Options& options, std::uint64_t now);
  /// In each cycle, with its pins: opens what is due.
  void in_cycle(Dut& dut, const Pins& pins, std::uint64_t cycle) {
    if (from_ != kNever || signalled()) open_due(dut, pins, cycle);
  }
  /// Before the edge that starts `cycle`: closes what is due.
  void before_edge(Dut& dut, std::uint64_t cycle) {
    if (cycle < until_) return;
    until_ = kNever;
    close(dut);
  }
  /// From the cycle `cycle` on, which is now.
  bool open(Dut& dut, const std::filesystem::path& file, std::uint64_t cycle);
  void close(Dut& dut);
  /// At the end: says so if the window that was stated never started.
  void finish(Dut& dut, std::uint64_t cycle);

 private:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  static bool signalled();
  void open_due(Dut& dut, const Pins& pins, std::uint64_t cycle);
  void signals(Dut& dut, std::uint64_t cycle);

  std::filesystem::path file_;
  TriggerWatch watch_{};
  std::uint64_t from_ = kNever;   ///< first cycle of the window, or the earliest that its trigger may be in
  std::uint64_t length_ = 0;      ///< of the window in cycles, 0: no end
  std::uint64_t until_ = kNever;  ///< of the window that is open
  unsigned toggles_ = 0;
};

}  // namespace aperture::tb
