// SPDX-License-Identifier: Apache-2.0
#include "tb/memory/host_memory.hpp"

#include <span>

#include "tb/card/pins.hpp"
#include "tb/tlm/extensions.hpp"

namespace aperture::tb {
namespace {

void perform(MemoryTarget& memory, tlm::tlm_generic_payload& payload) {
  auto* bytes = reinterpret_cast<std::byte*>(payload.get_data_ptr());
  const std::size_t size = payload.get_data_length();
  auto* extension = payload.get_extension<AccessExtension>();
  const std::uint64_t access = extension == nullptr ? 0 : extension->access;
  MemoryAnswer answer = MemoryAnswer::kOk;
  if (payload.is_read()) {
    answer = memory.perform_read(access, payload.get_address(), std::span(bytes, size));
  } else if (extension != nullptr && extension->expected != nullptr) {
    answer = memory.perform_exchange(access, payload.get_address(), std::span(extension->expected, size),
                                     std::span(bytes, size), extension->held);
  } else {
    const unsigned char* enables = payload.get_byte_enable_ptr();
    std::uint32_t strobes = enables == nullptr ? (std::uint32_t{1} << size) - 1 : 0;
    for (std::size_t i = 0; enables != nullptr && i < size; ++i) {
      if (enables[i % payload.get_byte_enable_length()] != TLM_BYTE_DISABLED) strobes |= 1U << i;
    }
    answer = memory.perform_write(access, payload.get_address(), std::span(bytes, size), strobes);
  }
  if (extension != nullptr) extension->poison = answer == MemoryAnswer::kPoison;
  // The initiator makes it again.
  if (answer == MemoryAnswer::kPending) return;
  payload.set_response_status(answer == MemoryAnswer::kError    ? tlm::TLM_GENERIC_ERROR_RESPONSE
                              : answer == MemoryAnswer::kDecode ? tlm::TLM_ADDRESS_ERROR_RESPONSE
                                                                : tlm::TLM_OK_RESPONSE);
}

}  // namespace

HostMemory::HostMemory(const sc_core::sc_module_name& name, MemoryTarget& memory)
    : sc_core::sc_module(name), data_memory_(&memory), iommu_memory_(&memory) {
  data.register_b_transport(this, &HostMemory::transport_data);
  iommu.register_b_transport(this, &HostMemory::transport_iommu);
}

void HostMemory::transport_data(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  perform(*data_memory_, payload);
}

void HostMemory::transport_iommu(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  const auto* extension = payload.get_extension<AccessExtension>();
  const auto kind = static_cast<IommuAccess>(extension == nullptr ? 0 : extension->user);
  if (!messages_ || !payload.is_write() || (kind != IommuAccess::kMsi && kind != IommuAccess::kNoticeMsi)) {
    perform(*iommu_memory_, payload);
    return;
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(payload.get_data_ptr());
  const std::size_t size = payload.get_data_length();
  const unsigned char* enables = payload.get_byte_enable_ptr();
  const auto enabled = [&](std::size_t i) {
    return enables == nullptr || enables[i % payload.get_byte_enable_length()] != TLM_BYTE_DISABLED;
  };
  std::size_t first = 0;
  while (first < size && !enabled(first)) ++first;
  std::size_t last = size;
  while (last > first && !enabled(last - 1)) --last;
  // Memory only says whether it would have taken it.
  const MemoryAnswer answer = iommu_memory_->perform_write(extension->access, payload.get_address() + first,
                                                           std::span(bytes + first, last - first), 0);
  if (answer == MemoryAnswer::kPending) return;
  if (answer == MemoryAnswer::kOk) messages_(payload.get_address() + first, std::span(bytes + first, last - first));
  payload.set_response_status(answer == MemoryAnswer::kOk ? tlm::TLM_OK_RESPONSE : tlm::TLM_GENERIC_ERROR_RESPONSE);
}

}  // namespace aperture::tb
