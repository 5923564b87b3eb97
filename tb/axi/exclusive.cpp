// SPDX-License-Identifier: Apache-2.0
#include "tb/axi/exclusive.hpp"

#include <algorithm>

namespace aperture::tb {

void ExclusiveMonitor::reserve(Port port, std::uint8_t id, std::uint64_t address, std::span<const std::byte> bytes) {
  std::erase_if(reserved_, [&](const Reservation& r) { return r.port == port && r.id == id; });
  reserved_.push_back({port, id, address, {bytes.begin(), bytes.end()}});
}

bool ExclusiveMonitor::holds(Port port, std::uint8_t id, std::uint64_t address, std::span<const std::byte> now) const {
  return std::any_of(reserved_.begin(), reserved_.end(), [&](const Reservation& r) {
    return r.port == port && r.id == id && r.address == address && std::ranges::equal(r.bytes, now);
  });
}

void ExclusiveMonitor::drop(std::uint64_t address, std::size_t size) {
  std::erase_if(reserved_, [&](const Reservation& r) {
    return r.address < address + size && address < r.address + r.bytes.size();
  });
}

}  // namespace aperture::tb
