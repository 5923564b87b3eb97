// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "soak/step.hpp"
#include "tb/bus_card.hpp"

namespace aperture::soak {

/// Where two cards differ.
struct Difference {
  std::size_t operation = 0;  ///< index into what was run
  tb::replay::Json first{}, second{};
};

struct Count {
  std::uint64_t operations = 0;
  std::uint64_t translations = 0;
};

/// Runs the operations on both cards, one after the other, until they differ.
std::optional<Difference> run(tb::BusCard& first, tb::BusCard& second, const std::vector<Operation>& operations,
                              Count& count);

/// Leaves out steps for as long as a difference stays, but at most `runs` times.
std::vector<Step> shrink(tb::BusCard& first, tb::BusCard& second, std::vector<Step> steps, const CommandQueue& queue,
                         unsigned runs);

/// A trace that shows the difference, with what the first card answers as what is expected.
std::string trace_of(const std::vector<Operation>& operations, const Difference& difference);

}  // namespace aperture::soak
