// SPDX-License-Identifier: Apache-2.0
#pragma once

// When an FST file is written: a window of cycles, on request, or toggled by SIGUSR1. SIGINT and SIGTERM end an open
// file properly before they end the program; a second one ends it at once.

#include <cstdint>
#include <filesystem>

#include "tb/card/dut.hpp"

namespace aperture::tb {

class Waves {
 public:
  /// From `delay` cycles after `now` on, for `cycles` cycles; 0: no end. Empty file: none.
  void plan(std::filesystem::path file, std::uint64_t now, std::uint64_t delay, std::uint64_t cycles);
  /// Before each cycle: opens and closes what is due.
  void before_cycle(Dut& dut, std::uint64_t cycle);
  bool open(Dut& dut, const std::filesystem::path& file);
  void close(Dut& dut);

 private:
  void signals(Dut& dut);

  std::filesystem::path file_;
  std::uint64_t from_ = ~std::uint64_t{0};
  std::uint64_t until_ = ~std::uint64_t{0};
  unsigned toggles_ = 0;
};

}  // namespace aperture::tb
