// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "soak/world.hpp"

namespace aperture::soak {
namespace {

namespace rp = tb::replay;
namespace cap = regs::iommu::capabilities_f;
using tb::MemoryFault;

constexpr unsigned kFaultRecord = 32, kPageRequest = 16;

/// Memory refuses, or spoils, a part of the structures; or no longer.
Step change_memory(World& world) {
  Random& random = world.random;
  Step step;
  if (world.faulty != 0) {
    step.before.push_back(rp::MemFault{world.faulty, 4096, MemoryFault::kNone});
    world.faulty = 0;
  } else {
    // Not the queues, which come first: what is left of a record that memory refuses in part is nobody's.
    world.faulty = world.places.first_table() + (random.below(256) << 12);
    const std::uint64_t first = world.faulty + (random.chance(50) ? 0 : random.below(512) * 8);
    const std::uint64_t length = random.chance(50) ? 4096 - (first & 0xfff) : 8;
    step.before.push_back(rp::MemFault{first, length, random.chance(50) ? MemoryFault::kError : MemoryFault::kPoison});
  }
  step.commands = forget_all(world);
  return step;
}

Step change_first_stage(World& world, Guest& guest) {
  Random& random = world.random;
  Space& space = random.pick(guest.spaces);
  Step step;
  const bool leaf = random.chance(80);
  const auto change =
      leaf ? space.table->change_leaf(random, step.before) : space.table->change_pointer(random, step.before);
  step.commands = forget(random, guest, space, change);
  return step;
}

Step change_second_stage(World& world, Guest& guest) {
  Random& random = world.random;
  Step step;
  if (random.chance(85)) {
    guest.second->change_leaf(random, step.before);
    step.commands = forget(random, guest);
  } else {
    // Process contexts may lie behind it, which IOTINVAL leaves cached.
    guest.second->change_pointer(random, step.before);
    step.commands = forget_all(world);
  }
  return step;
}

Step change_msi_table(World& world, Guest& guest) {
  Random& random = world.random;
  Step step;
  const auto entry = static_cast<unsigned>(random.below(guest.msi_entries));
  write_msi_entry(random, world.features, world.places, guest, entry, step.before);
  step.commands = forget(random, guest);
  return step;
}

Step change_device(World& world) {
  Random& random = world.random;
  Step step;
  Device& device = random.pick(world.directory.devices);
  if (device.processes && !device.processes->processes.empty() && random.chance(60)) {
    const auto& process = random.pick(device.processes->processes);
    write_process(random, device, process, step.before);
    step.commands = forget_process(device.device_id, process.process_id);
    return step;
  }
  auto words = random_context(random, world.features, device);
  if (random.chance(10)) words[0] = 0;
  write_context(world.features, device.context, words, step.before);
  step.commands = forget_device(random, device.device_id);
  return step;
}

/// Their A and D bits.
void look_at_leaves(const PageTable& table, std::vector<Action>& out) {
  for (const PageTable::Slot& slot : table.slots()) {
    out.push_back(rp::MemRead{slot.entries.front(), table.format().pte_size()});
  }
}

/// The text leaves open whose access fault it is when a second-stage table that leads to a process directory cannot be
/// read.
bool processes_behind_second_stage(const World& world) {
  return std::any_of(world.directory.devices.begin(), world.directory.devices.end(),
                     [](const Device& device) { return device.processes && device.guest->mode != 0; });
}

}  // namespace

Step change(World& world) {
  Random& random = world.random;
  Guest& guest = *random.pick(world.guests);
  const auto what = random.below(100);
  if (what < 45 && !guest.spaces.empty()) return change_first_stage(world, guest);
  if (what < 60 && guest.second != nullptr) return change_second_stage(world, guest);
  if (what < 70 && guest.msi_entries != 0) return change_msi_table(world, guest);
  if (what < 78 && !processes_behind_second_stage(world)) return change_memory(world);
  if (what < 88) return random_commands(world);
  return change_device(world);
}

Step look(World& world) {
  Step step;
  step.before = {settle(),
                 rp::TakeMessages{},
                 get_register(regs::iommu::ipsr.offset, 4),
                 get_register(regs::iommu::cqcsr.offset, 4),
                 get_register(regs::iommu::fqcsr.offset, 4),
                 get_register(regs::iommu::fqt.offset, 4),
                 rp::MemRead{world.fault_queue, std::uint64_t{kFaultRecord} << world.fault_log2}};
  if (world.features.has(cap::ats)) {
    step.before.push_back(get_register(regs::iommu::pqcsr.offset, 4));
    step.before.push_back(get_register(regs::iommu::pqt.offset, 4));
    step.before.push_back(
        rp::MemRead{world.page_request_queue, std::uint64_t{kPageRequest} << world.page_request_log2});
  }
  if (world.features.has(cap::hpm)) step.before.push_back(get_register(regs::iommu::iohpmctr.offset, 8));
  for (const auto& guest : world.guests) {
    for (const Space& space : guest->spaces) look_at_leaves(*space.table, step.before);
    if (guest->second != nullptr) look_at_leaves(*guest->second, step.before);
  }
  if (world.random.chance(50)) {
    step.after = {set_register(regs::iommu::ipsr.offset, 4, world.random.within(1, 15)), settle(), rp::TakeMessages{}};
  }
  return step;
}

Step restart_queues(World& world) {
  namespace f = regs::iommu::fqcsr_f;
  Step step;
  step.before.push_back(settle());
  const auto restart = [&](std::uint64_t csr, std::uint64_t head) {
    const auto at = static_cast<std::uint32_t>(csr);
    step.before.push_back(set_register(at, 4, 0));
    step.before.push_back(settle());
    step.before.push_back(set_register(static_cast<std::uint32_t>(head), 4, 0));
    step.before.push_back(set_register(at, 4, f::fqen.mask() | f::fie.mask() | f::fqmf.mask() | f::fqof.mask()));
    step.before.push_back(settle());
    step.before.push_back(get_register(at, 4));
  };
  restart(regs::iommu::fqcsr.offset, regs::iommu::fqh.offset);
  if (world.features.has(cap::ats)) restart(regs::iommu::pqcsr.offset, regs::iommu::pqh.offset);
  return step;
}

}  // namespace aperture::soak
