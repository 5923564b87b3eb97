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
  double simulated_khz{};    ///< during all hit streams
  double calibration_mhz{};  ///< steps of a fixed loop of integer arithmetic on the same machine, in millions a second
  std::uint64_t cycles{};    ///< simulated in all
};

/// Powers the process's bench on for each width and latency. `progress` gets the share done, 0 to 1. Throws
/// std::runtime_error when the card does not do what a measurement needs (a request is refused or never answered).
RtlFigures measure_rtl(const std::vector<unsigned>& widths, const std::vector<unsigned>& latencies, std::uint64_t seed,
                       const std::function<void(double)>& progress = {});

}  // namespace aperture::sw
