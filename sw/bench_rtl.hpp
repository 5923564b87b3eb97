// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the IOMMU costs in clock cycles, measured at the pins of the simulated card.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace aperture::sw {

/// One figure. Every row is measured with base-format device contexts, Sv39, 4 KiB pages, 8-byte single-beat bursts and
/// memory that answers in order after `latency` cycles (AR handshake to first R beat).
struct RtlRow {
  std::string name;
  std::string definition;  ///< what was started and stopped where, with which ids
  unsigned width{};        ///< AXI data width in bits
  unsigned latency{};
  double value{};
  std::string unit;
  std::optional<double> law;  ///< bound promised by docs/microarchitecture.md
  bool at_least = false;      ///< the law bounds from below (rates), else from above (cycles)
  bool holds() const { return !law || (at_least ? value >= *law : value <= *law); }
};

struct RtlFigures {
  std::vector<RtlRow> rows;
  double simulated_khz{};    ///< during all hit streams; 0 if none was measured
  double calibration_mhz{};  ///< steps of a fixed loop of integer arithmetic on the same machine, in millions a second
  std::uint64_t cycles{};    ///< simulated in all
  std::uint64_t stream_cycles{};  ///< of these, in hit streams
};

struct RtlPlan {
  std::vector<unsigned> widths{64, 128};  ///< of those that the build has
  std::vector<unsigned> latencies{1, 20, 100};
  std::uint64_t seed{1};
  std::string row{};  ///< only this one; empty: all
};

/// The row whose cost on the host counts as that of a busy cycle.
inline constexpr const char* kBusiestRow = "hit stream, both";
/// What callgrind is told to count in: the function that clocks a hit stream from its first cycle to its last.
inline constexpr const char* kStreamFunction = "*clock_hit_stream*";

/// Powers the process's bench on for each width and latency. `progress` gets the share done, 0 to 1. Throws
/// std::invalid_argument, which lists the rows there are, for a row that is not one of them; std::runtime_error when
/// the card does not do what a measurement needs (a request is refused or never answered).
RtlFigures measure_rtl(const RtlPlan& plan, const std::function<void(double)>& progress = {});

}  // namespace aperture::sw
