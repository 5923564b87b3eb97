// SPDX-License-Identifier: Apache-2.0
#include "soak/episode.hpp"

#include "soak/world.hpp"

namespace aperture::soak {
namespace {

namespace cap = regs::iommu::capabilities_f;

constexpr unsigned kLookEvery = 8;
constexpr unsigned kRestartEvery = 60;

Step next(World& world) {
  Random& random = world.random;
  const Features& f = world.features;
  const auto what = random.below(100);
  if (what < 12) return change(world);
  if (what < 20 && f.has(cap::ats)) return ats_request(world);
  if (what < 23 && f.has(cap::ats)) return page_request(world);
  if (what < 24 && f.has(cap::ats)) return invalidate_device_caches(world);
  if (what < 27 && f.has(cap::dbg)) return debug_request(world);
  return access(world);
}

}  // namespace

Episode make_episode(std::uint64_t seed, std::uint64_t capabilities, unsigned actions) {
  World world(seed);
  Episode episode;
  episode.seed = seed;
  start(world, capabilities, episode.steps);
  for (unsigned i = 1; i <= actions; ++i) {
    episode.steps.push_back(next(world));
    if (i % kLookEvery == 0) episode.steps.push_back(look(world));
    if (i % kRestartEvery == 0) episode.steps.push_back(restart_queues(world));
  }
  episode.steps.push_back(look(world));
  episode.queue = world.commands;
  return episode;
}

}  // namespace aperture::soak
