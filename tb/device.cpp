// SPDX-License-Identifier: Apache-2.0
#include "tb/device.hpp"

#include <algorithm>
#include <bit>
#include <string_view>

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

std::uint64_t Device::request_translation(const DeviceAccess& access) { return streams_().request_translation(access); }

std::optional<AtsResult> Device::ats(const DeviceAccess& access, std::uint64_t cycles) {
  const std::uint64_t number = request_translation(access);
  std::optional<AtsResult> result;
  waiter_.wait_until([&] { return (result = streams_().take_translation(number)).has_value(); }, cycles, "device",
                     "its translation");
  return result;
}

bool Device::sent(std::uint64_t cycles, std::string_view what) {
  return waiter_.wait_until([&] { return streams_().unsent() == 0; }, cycles, "device", what) == Outcome::kHappened;
}

bool Device::page_request(const PageRequest& request, std::uint64_t cycles) {
  streams_().request_page(request);
  return sent(cycles, "the IOMMU to take its page request");
}

bool Device::complete_invalidation(std::uint32_t device_id, std::uint32_t itag_vector, unsigned cc,
                                   std::uint64_t cycles) {
  streams_().complete_invalidation(device_id, itag_vector, cc);
  return sent(cycles, "the IOMMU to take its invalidation completion");
}

void Device::hold(Stream stream, bool on) { streams_().hold(stream, on); }

}  // namespace aperture::tb
