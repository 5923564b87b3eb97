// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "soak/device.hpp"
#include "soak/features.hpp"
#include "soak/step.hpp"

namespace aperture::soak {

/// What an episode knows of its card.
struct World {
  explicit World(std::uint64_t seed) : random(seed) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Random random;
  Features features{};
  Places places{};
  std::vector<std::unique_ptr<Guest>> guests{};
  DeviceDirectory directory{};
  CommandQueue commands{};
  std::uint64_t fault_queue = 0, page_request_queue = 0;
  unsigned fault_log2 = 6, page_request_log2 = 3;
  std::uint64_t faulty = 0;  ///< an address that memory refuses; 0: none
};

// commands.cpp
/// Everything that the card may have cached.
std::vector<Command> forget_all(const World& world);
/// What a change of a first-stage table of `guest` takes.
std::vector<Command> forget(Random& random, const Guest& guest, const Space& space, const PageTable::Change& change);
std::vector<Command> forget(Random& random, const Guest& guest);
std::vector<Command> forget_device(Random& random, std::uint32_t device_id);
std::vector<Command> forget_process(std::uint32_t device_id, std::uint32_t process_id);
Command fence(Random& random, const World& world);
/// Legal and illegal ones that change nothing but caches.
Step random_commands(World& world);

// requests.cpp
Step access(World& world);
Step ats_request(World& world);
Step page_request(World& world);
Step debug_request(World& world);
Step invalidate_device_caches(World& world);

// changes.cpp
Step change(World& world);
/// What the card has recorded and sent.
Step look(World& world);
/// The queues start anew.
Step restart_queues(World& world);

// start.cpp
void start(World& world, std::uint64_t capabilities, std::vector<Step>& steps);

}  // namespace aperture::soak
