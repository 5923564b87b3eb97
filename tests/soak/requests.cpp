// SPDX-License-Identifier: Apache-2.0
#include <bit>

#include "soak/world.hpp"

namespace aperture::soak {
namespace {

namespace rp = tb::replay;
using tb::AccessType;
using tb::DeviceAccess;

constexpr std::uint64_t kPage = 4096;

/// Who asks, and where: an address that means something to the device's tables.
template <typename Request>
std::uint64_t somewhere(World& world, Request& request, Guest** guest = nullptr) {
  Random& random = world.random;
  const Device& device = random.pick(world.directory.devices);
  request.device_id = random.chance(94) ? device.device_id : static_cast<std::uint32_t>(random.below(1U << 24));
  request.privileged = random.chance(25);
  const Space* space = device.space;
  if (device.processes && random.chance(85)) {
    const auto& processes = device.processes->processes;
    request.process_id = static_cast<std::uint32_t>(processes.empty() || random.chance(8)
                                                        ? random.below(1U << 20)
                                                        : processes[random.below(processes.size())].process_id);
  } else if (random.chance(6)) {
    request.process_id = static_cast<std::uint32_t>(random.below(16));
  }
  const auto& spaces = device.guest->spaces;
  if (device.processes && !spaces.empty()) space = &spaces[random.below(spaces.size())];
  if (guest != nullptr) *guest = device.guest;
  for (int i = 0; i < 100; ++i) {
    const bool virtual_address = space != nullptr && random.chance(90);
    const std::uint64_t to = virtual_address ? space->table->address(random) : device.guest->address(random);
    if (Places::free(to)) return to;
  }
  return 0;
}

/// Interrupt identities as MSIs carry them.
std::vector<std::byte> identity(Random& random) {
  const std::uint64_t d = random.chance(85) ? random.below(2048) : random.bits() & 0xffff'ffff;
  std::vector<std::byte> data(4);
  for (unsigned i = 0; i < 4; ++i) data[i] = static_cast<std::byte>(d >> 8 * i);
  return data;
}

}  // namespace

Step access(World& world) {
  Random& random = world.random;
  rp::Translate op;
  DeviceAccess& a = op.access;
  Guest* guest = nullptr;
  a.iova = somewhere(world, a, &guest);
  a.type = random.chance(12) ? AccessType::kTranslated : AccessType::kUntranslated;
  if (a.type == AccessType::kTranslated) {
    for (int i = 0; i < 100 && (i == 0 || !Places::free(a.iova)); ++i) a.iova = guest->address(random);
    if (!Places::free(a.iova)) a.iova = 0;
  }
  a.write = random.chance(45);
  // Only PCIe requests with a PASID say that they execute; a translated one without is none that a device sends.
  const bool may_execute = a.type == AccessType::kUntranslated || a.process_id;
  a.exec = !a.write && may_execute && random.chance(20);
  if (guest->msi_entries != 0 && random.chance(25)) {
    // As a device sends an MSI.
    a.iova &= ~(kPage - 1);
    a.write = true;
    a.exec = false;
    a.data = identity(random);
    a.length = 4;
    return {.before = {op}};
  }
  a.length = random.pick({1U, 4U, 8U, 8U, 16U, 64U});
  a.iova &= ~std::uint64_t{a.length - 1};
  if (a.length == 4 && random.chance(20)) a.iova &= ~(kPage - 1);
  if (a.write && random.chance(95)) {
    a.data.emplace(a.length);
    for (std::byte& b : *a.data) b = static_cast<std::byte>(random.bits());
  }
  return {.before = {op}};
}

Step ats_request(World& world) {
  Random& random = world.random;
  rp::Translate op;
  op.access.iova = somewhere(world, op.access) & ~(kPage - 1);
  op.access.type = AccessType::kAts;
  op.access.write = random.chance(50);
  op.access.exec = op.access.process_id && random.chance(20);
  return {.before = {op}};
}

Step page_request(World& world) {
  Random& random = world.random;
  rp::RequestPage op;
  const std::uint64_t to = somewhere(world, op.request);
  op.request.exec = random.chance(20);
  op.request.payload = (to & ~(kPage - 1)) | random.below(512) << 3 | random.below(8);
  return {.before = {op, settle()}};
}

Step debug_request(World& world) {
  Random& random = world.random;
  namespace ctl = regs::iommu::tr_req_ctl_f;
  DeviceAccess who;
  const std::uint64_t to = somewhere(world, who);
  const bool exec = random.chance(20);
  const bool read_only = exec || random.chance(60);
  std::uint64_t go = ctl::go_busy.mask();
  if (who.privileged) go |= ctl::priv.mask();
  if (exec) go |= ctl::exe.mask();
  if (read_only) go |= ctl::nw.mask();
  if (who.process_id) go = ctl::pid.set(go | ctl::pv.mask(), *who.process_id);
  go = ctl::did.set(go, who.device_id);
  return {.before = {set_register(regs::iommu::tr_req_iova.offset, 8, to & ~(kPage - 1)),
                     set_register(regs::iommu::tr_req_ctl.offset, 8, go), settle(),
                     get_register(regs::iommu::tr_response.offset, 8)}};
}

}  // namespace aperture::soak
