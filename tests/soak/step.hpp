// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tb/replay/operation.hpp"

namespace aperture::soak {

using tb::replay::Action;
using tb::replay::Operation;
using Command = std::array<std::uint64_t, 2>;

/// What an episode is made of: it makes sense without any other step that may be left out. A change of a structure has
/// the commands that make it known with it, since what a card does in between is its own affair.
struct Step {
  bool needed = false;              ///< cannot be left out
  std::vector<Action> before{};     ///< first these,
  std::vector<Command> commands{};  ///< then these through the command queue,
  bool illegal = false;             ///< the last of which the IOMMU refuses: it is replaced, and the queue goes on,
  std::vector<Action> after{};      ///< then these
};

/// Where the command queue lies.
struct CommandQueue {
  std::uint64_t address = 0;
  unsigned log2_entries = 6;
  bool big_endian = false;
};

/// The steps as operations of a trace: commands get their places in the queue.
std::vector<Operation> lower(const std::vector<Step>& steps, const CommandQueue& queue);

// Little actions that steps are made of.
Action write64(std::uint64_t address, std::uint64_t value, bool big_endian);
Action write32(std::uint64_t address, std::uint32_t value, bool big_endian);
Action set_register(std::uint32_t offset, unsigned size, std::uint64_t value);
Action get_register(std::uint32_t offset, unsigned size);
Action settle();

}  // namespace aperture::soak
