// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "soak/guest.hpp"

namespace aperture::soak {

/// A process directory: PD8, PD17, PD20.
struct ProcessDirectory {
  struct Process {
    std::uint32_t process_id = 0;
    std::uint64_t entry = 0;  ///< address of its context
  };
  std::uint64_t mode = 0;  ///< 0: Bare
  std::uint64_t root = 0;
  std::vector<Process> processes{};
};

/// A device behind the IOMMU, whose context may be broken.
struct Device {
  std::uint32_t device_id = 0;
  Guest* guest = nullptr;
  std::uint64_t context = 0;     ///< address
  const Space* space = nullptr;  ///< of its own first stage; nullptr: Bare, or a process directory
  std::optional<ProcessDirectory> processes{};
  bool ats = false;
};

/// The words of a device context: mostly good ones.
std::array<std::uint64_t, 8> random_context(Random& random, const Features& features, const Device& device);
void write_context(const Features& features, std::uint64_t address, const std::array<std::uint64_t, 8>& words,
                   std::vector<Action>& out);
/// A process's context.
void write_process(Random& random, const Device& device, const ProcessDirectory::Process& process,
                   std::vector<Action>& out);

/// A device directory of `levels` levels with some devices in it.
struct DeviceDirectory {
  unsigned levels = 1;
  std::uint64_t root = 0;
  std::vector<Device> devices{};
};
DeviceDirectory random_directory(Random& random, const Features& features, Places& places,
                                 const std::vector<std::unique_ptr<Guest>>& guests, std::vector<Action>& out);

}  // namespace aperture::soak
