// SPDX-License-Identifier: Apache-2.0
#include "tb/axi/exclusive.hpp"

#include <algorithm>

namespace aperture::tb {

void ExclusiveMonitor::reserve(Port port, std::uint8_t id, std::uint64_t address, std::span<const std::byte> bytes) {
  std::erase_if(reserved_, [&](const Reservation& r) { return r.port == port && r.id == id; });
  reserved_.push_back({port, id, address, {bytes.begin(), bytes.end()}});
}

std::span<const std::byte> ExclusiveMonitor::reserved(Port port, std::uint8_t id, std::uint64_t address,
                                                      std::size_t size) const {
  const auto found = std::ranges::find_if(reserved_, [&](const Reservation& r) {
    return r.port == port && r.id == id && r.address == address && r.bytes.size() == size;
  });
  return found == reserved_.end() ? std::span<const std::byte>() : found->bytes;
}

void ExclusiveMonitor::drop(std::uint64_t address, std::size_t size) {
  std::erase_if(reserved_, [&](const Reservation& r) {
    return r.address < address + size && address < r.address + r.bytes.size();
  });
}

}  // namespace aperture::tb
