// SPDX-License-Identifier: Apache-2.0
#include "soak/world.hpp"

namespace aperture::soak {
namespace {

namespace cap = regs::iommu::capabilities_f;
namespace w0 = regs::cmd::w0;

enum : std::uint64_t { kIotinval = 1, kIofence = 2, kIodir = 3, kAts = 4 };
constexpr std::uint64_t kGvma = 1ULL << 7, kInvalPdt = 1ULL << 7;
constexpr std::uint64_t kAv = 1ULL << 10, kPscv = 1ULL << 32, kGv = 1ULL << 33, kDv = 1ULL << 33;
constexpr std::uint64_t kFencePr = 1ULL << 12, kFencePw = 1ULL << 13;

std::uint64_t gscid(const Guest& guest) { return guest.mode == 0 ? 0 : kGv | std::uint64_t{guest.gscid} << 44; }
std::uint64_t address(std::uint64_t va) { return (va >> 12) << 10; }
Command plain_fence() { return {kIofence | kFencePr | kFencePw, 0}; }

}  // namespace

std::vector<Command> forget_all(const World& world) {
  std::vector<Command> commands{{kIodir, 0}, {kIotinval, 0}, {kIotinval | kGvma, 0}};
  for (const auto& guest : world.guests) {
    if (guest->mode != 0) commands.push_back({kIotinval | gscid(*guest), 0});
  }
  commands.push_back(plain_fence());
  return commands;
}

std::vector<Command> forget(Random& random, const Guest& guest, const Space& space, const PageTable::Change& change) {
  Command command{kIotinval | gscid(guest), 0};
  if (change.leaves_only && random.chance(60)) {
    command[0] |= kAv;
    command[1] = address(change.va);
  }
  if (!guest.global && random.chance(50)) command[0] |= kPscv | std::uint64_t{space.pscid} << 12;
  return {command, plain_fence()};
}

std::vector<Command> forget(Random& random, const Guest& guest) {
  Command command{kIotinval | kGvma, 0};
  if (random.chance(70)) command[0] |= gscid(guest);
  return {command, plain_fence()};
}

std::vector<Command> forget_device(Random& random, std::uint32_t device_id) {
  if (random.chance(30)) return {{kIodir, 0}, plain_fence()};
  return {{kIodir | kDv | std::uint64_t{device_id} << 40, 0}, plain_fence()};
}

std::vector<Command> forget_process(std::uint32_t device_id, std::uint32_t process_id) {
  const std::uint64_t who = kDv | std::uint64_t{device_id} << 40 | std::uint64_t{process_id} << 12;
  return {{kIodir | kInvalPdt | who, 0}, plain_fence()};
}

Command fence(Random& random, const World& world) {
  Command command = plain_fence();
  if (random.chance(30)) command[0] &= ~(random.chance(50) ? kFencePr : kFencePw);
  if (world.features.wsi && random.chance(30)) command[0] |= 1ULL << 11;
  if (random.chance(40)) {
    const std::uint64_t to = Places::leaf_target(random, 12, 34) + 4 * random.below(1024);
    command[0] |= kAv | random.bits() << 32;
    command[1] = to >> 2;
  }
  return command;
}

Step random_commands(World& world) {
  Random& random = world.random;
  Step step;
  for (std::uint64_t n = random.below(3); n != 0; --n) step.commands.push_back(fence(random, world));
  if (random.chance(50)) {
    step.commands.push_back({kIotinval | (random.chance(50) ? kGvma : 0) | (random.chance(50) ? kAv : 0) |
                                 (random.chance(50) ? kGv | random.below(3) << 44 : 0),
                             address(random.bits())});
  }
  if (random.chance(60) || step.commands.empty()) {
    // Nothing that is legal anywhere.
    Command bad = plain_fence();
    switch (random.below(7)) {
      case 0:
        bad[0] = random.pick({0ULL, 5ULL, 63ULL, 127ULL});
        break;
      case 1:
        bad[0] = kIotinval | random.within(2, 7) << 7;
        break;
      case 2:
        bad[0] = kIotinval | kGvma | kPscv;
        break;
      case 3:
        bad[1] = 3ULL << 62;
        break;
      case 4:
        bad[0] = kIodir | 1ULL << 12;
        break;
      case 5:
        bad[0] = kIodir | kInvalPdt;
        break;
      default:
        bad[0] = kIodir | 1ULL << 10;
        break;
    }
    step.commands.push_back(bad);
    step.illegal = true;
  }
  return step;
}

Step invalidate_device_caches(World& world) {
  Random& random = world.random;
  const Device& device = random.pick(world.directory.devices);
  Step step;
  Command command{kAts | std::uint64_t{device.device_id & 0xffff} << 40, 0};
  if (random.chance(30)) command[0] |= kPscv | random.below(1U << 20) << 12;
  command[1] = (random.bits() & ~0xfffULL) | random.below(2) | (random.chance(50) ? 1ULL << 11 : 0);
  step.commands = {command};
  step.after = {tb::replay::TakeMessages{}, tb::replay::CompleteInvalidation{device.device_id & 0xffff, 1, 1}, settle(),
                get_register(regs::iommu::cqh.offset, 4)};
  return step;
}

}  // namespace aperture::soak
