// SPDX-License-Identifier: Apache-2.0
#pragma once

// The device under test, whatever its data width: pins in, pins out, a clock.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "tb/card/pins.hpp"
#include "tb/options.hpp"

namespace aperture::tb {

class Dut {
 public:
  virtual ~Dut() = default;
  virtual unsigned width() const = 0;
  /// Sampled by the card while reset_n is low.
  virtual void straps(const Straps& straps) = 0;
  /// The rising edge that starts cycle `cycle`. `pins` has the inputs of that cycle and gets its outputs.
  virtual void edge(Pins& pins, std::uint64_t cycle) = 0;
  /// Starts an FST file (10 time units a cycle) with the cycle `cycle`, which is now, ending an earlier one; false: it
  /// cannot be written.
  virtual bool open_waves(const std::filesystem::path& file, std::uint64_t cycle) = 0;
  virtual void close_waves() = 0;
  virtual bool waves_open() const = 0;
};

/// Whether this build has a card of that data width: 64, 128.
bool has_width(unsigned width);

/// Whether it has the card as an FPGA has it.
bool has_fpga();

/// nullptr for what this build does not have. `on_assertion` is called for each assertion of the RTL that fails.
std::unique_ptr<Dut> make_dut(const Options& options, std::function<void(const std::string&)> on_assertion);
/// fpga_top, with 64 bits of data and 32 of address, between a bus of 125 MHz and a card of 50. Pins: the bus is
/// m_data, and a cycle one of its clocks; there are no wires, no device port and no m_iommu. It writes no waves.
std::unique_ptr<Dut> make_fpga_dut(std::uint64_t seed);

}  // namespace aperture::tb
