// SPDX-License-Identifier: Apache-2.0
#include "tb/sim_card.hpp"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

#include "card/pci.hpp"

namespace aperture::tb {

void Host::access(card::Bar bar, std::uint64_t offset, void* data, unsigned size, bool write) {
  if (offset % size != 0 || offset >= card::pci::kBarSize) {
    throw std::out_of_range(
        fmt::format("register access of {} bytes at {:#x} of BAR {}", size, offset, static_cast<int>(bar)));
  }
  tlm::tlm_generic_payload payload;
  payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  payload.set_address((bar == card::Bar::kCard ? card::pci::kBarSize : 0) + offset);
  payload.set_data_ptr(static_cast<unsigned char*>(data));
  payload.set_data_length(size);
  payload.set_streaming_width(size);
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  socket->b_transport(payload, delay);
  // What a PCIe host sees of a failed read.
  if (!write && payload.is_response_error()) std::memset(data, 0xff, size);
}

std::uint32_t Host::read32(card::Bar bar, std::uint64_t offset) {
  std::uint32_t value = 0;
  access(bar, offset, &value, sizeof value, false);
  return value;
}

std::uint64_t Host::read64(card::Bar bar, std::uint64_t offset) {
  std::uint64_t value = 0;
  access(bar, offset, &value, sizeof value, false);
  return value;
}

void Host::write32(card::Bar bar, std::uint64_t offset, std::uint32_t value) {
  access(bar, offset, &value, sizeof value, true);
}

void Host::write64(card::Bar bar, std::uint64_t offset, std::uint64_t value) {
  access(bar, offset, &value, sizeof value, true);
}

std::string SimCard::description() const {
  if (options_.top == Top::kFpga) return fmt::format("sim-fpga (packets of {} bytes)", options_.payload);
  return fmt::format("sim ({} memory, {} bits)", name(options_.profile), options_.width);
}

Result<std::unique_ptr<card::DmaBuffer>> SimCard::allocate(std::uint64_t size, std::uint64_t alignment) {
  return memory_.allocate(size, alignment);
}

Result<std::unique_ptr<card::PinnedMemory>> SimCard::pin(std::byte* first, std::uint64_t size, bool writable) {
  return memory_.pin(first, size, writable);
}

std::vector<BusRange> SimCard::outer_ranges() const {
  return {{BusAddress{0}, BusAddress{(std::uint64_t{1} << memory_.space()) - 1}}};
}

unsigned SimCard::vectors() const { return card::pci::kVectors; }

std::uint64_t SimCard::wait(std::uint64_t mask, std::uint64_t cycles) {
  kernel_.wait_until([&] { return (model_.latched() & mask) != 0; }, cycles, "driver", "an interrupt");
  return model_.take_latched(mask);
}

}  // namespace aperture::tb
