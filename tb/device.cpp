// SPDX-License-Identifier: Apache-2.0
#include "tb/device.hpp"

#include <algorithm>
#include <bit>

namespace aperture::tb {

Completion Device::wait(Ticket ticket, std::uint64_t cycles) {
  waiter_.wait_until([&] { return master_().at(ticket).done; }, cycles, "device", "its burst");
  return master_().take(ticket);
}

DeviceBurst Device::make(const Identity& who, std::uint64_t address, std::uint64_t size, std::uint8_t id) const {
  const unsigned bus = master_().bus_bytes();
  DeviceBurst burst;
  burst.who = who;
  burst.id = id;
  burst.address = address;
  if (size != 0 && size <= bus && std::has_single_bit(size) && address % size == 0) {
    burst.size = static_cast<unsigned>(std::countr_zero(size));
  } else {
    burst.size = static_cast<unsigned>(std::countr_zero(bus));
    burst.beats = static_cast<unsigned>((address % bus + std::max<std::uint64_t>(size, 1) - 1) / bus + 1);
  }
  return burst;
}

Completion Device::read(const Identity& who, std::uint64_t address, std::uint64_t size, std::uint8_t id) {
  Completion completion = run(make(who, address, size, id));
  if (completion.data.size() > size) completion.data.resize(size);
  return completion;
}

Completion Device::write(const Identity& who, std::uint64_t address, std::span<const std::byte> data, std::uint8_t id) {
  DeviceBurst burst = make(who, address, data.size(), id);
  burst.write = true;
  burst.data.assign(data.begin(), data.end());
  return run(std::move(burst));
}

}  // namespace aperture::tb
