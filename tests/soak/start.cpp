// SPDX-License-Identifier: Apache-2.0
#include "soak/world.hpp"

namespace aperture::soak {
namespace {

namespace rp = tb::replay;
namespace cap = regs::iommu::capabilities_f;
namespace iommu = regs::iommu;

constexpr std::uint32_t kMsiStride = 16;

std::uint64_t base(std::uint64_t address, unsigned log2_entries) { return (address >> 12) << 10 | (log2_entries - 1); }

Step reset(const World& world) {
  std::uint64_t fctl = 0;
  if (world.features.be) fctl |= iommu::fctl_f::be.mask();
  if (world.features.wsi) fctl |= iommu::fctl_f::wsi.mask();
  if (world.features.gxl) fctl |= iommu::fctl_f::gxl.mask();
  return {.needed = true,
          .before = {rp::Reset{world.features.straps}, set_register(iommu::fctl.offset, 4, fctl),
                     get_register(iommu::fctl.offset, 4), get_register(iommu::capabilities.offset, 8)}};
}

Step queues(World& world) {
  Random& random = world.random;
  const bool big = world.features.be;
  world.commands = {world.places.frames(), static_cast<unsigned>(random.within(5, 8)), big};
  world.fault_log2 = static_cast<unsigned>(random.within(2, 7));
  world.fault_queue = world.places.frames();
  world.page_request_queue = world.places.frames();
  Step step{.needed = true};
  step.before = {set_register(iommu::cqb.offset, 8, base(world.commands.address, world.commands.log2_entries)),
                 set_register(iommu::cqt.offset, 4, 0),
                 set_register(iommu::cqcsr.offset, 4, 3),
                 set_register(iommu::fqb.offset, 8, base(world.fault_queue, world.fault_log2)),
                 set_register(iommu::fqh.offset, 4, 0),
                 set_register(iommu::fqcsr.offset, 4, 3),
                 settle()};
  if (world.features.has(cap::ats)) {
    step.before.push_back(set_register(iommu::pqb.offset, 8, base(world.page_request_queue, world.page_request_log2)));
    step.before.push_back(set_register(iommu::pqh.offset, 4, 0));
    step.before.push_back(set_register(iommu::pqcsr.offset, 4, 3));
    step.before.push_back(settle());
  }
  return step;
}

Step interrupts(World& world) {
  Random& random = world.random;
  Step step;
  // The text does not say in which order the bytes of a message's data go out where structures are big-endian.
  const std::uint64_t data = world.features.be ? random.below(256) * 0x0101'0101 : random.bits() & 0xffff'ffff;
  step.before.push_back(set_register(iommu::icvec.offset, 8, random.bits()));
  step.before.push_back(get_register(iommu::icvec.offset, 8));
  for (unsigned v = 0; v < 1U << world.features.straps.vectors_log2; ++v) {
    const std::uint32_t at = v * kMsiStride;
    step.before.push_back(set_register(iommu::msi_addr.offset + at, 8, Places::leaf_target(random, 12, 34) + 4 * v));
    step.before.push_back(set_register(iommu::msi_data.offset + at, 4, data));
    step.before.push_back(set_register(iommu::msi_vec_ctl.offset + at, 4, random.chance(20) ? 1 : 0));
  }
  return step;
}

/// Counter 1 counts requests; how often tables are read is a card's own affair.
Step counters(World& world) {
  Random& random = world.random;
  Step step;
  std::uint64_t event = random.within(1, 3);
  if (random.chance(50)) {
    event |= 1ULL << 61 | std::uint64_t{random.pick(world.directory.devices).device_id} << 36;
    if (random.chance(30)) event |= 1ULL << 15;
  }
  step.before = {set_register(iommu::iohpmevt.offset, 8, event), set_register(iommu::iohpmctr.offset, 8, 0),
                 set_register(iommu::iocountinh.offset, 4, 0xffff'fffd), get_register(iommu::iohpmevt.offset, 8)};
  return step;
}

}  // namespace

void start(World& world, std::uint64_t capabilities, std::vector<Step>& steps) {
  world.features = random_features(world.random, capabilities);
  steps.push_back(reset(world));
  steps.push_back(queues(world));
  steps.push_back(interrupts(world));
  Step tables;
  world.guests = random_guests(world.random, world.features, world.places, tables.before);
  steps.push_back(std::move(tables));
  Step directory;
  world.directory = random_directory(world.random, world.features, world.places, world.guests, directory.before);
  steps.push_back(std::move(directory));
  if (world.features.has(cap::hpm)) steps.push_back(counters(world));
  Step on{.needed = true};
  const std::uint64_t mode = world.directory.levels + 1;
  on.before = {set_register(iommu::ddtp.offset, 8, (world.directory.root >> 12) << 10 | mode), settle(),
               get_register(iommu::ddtp.offset, 8)};
  on.commands = forget_all(world);
  steps.push_back(std::move(on));
}

}  // namespace aperture::soak
