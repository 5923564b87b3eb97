// SPDX-License-Identifier: Apache-2.0
#include "tb/memory/host_memory.hpp"

#include <span>

#include "tb/tlm/extensions.hpp"

namespace aperture::tb {

HostMemory::HostMemory(const sc_core::sc_module_name& name, MemoryTarget& memory)
    : sc_core::sc_module(name), memory_(&memory) {
  data.register_b_transport(this, &HostMemory::transport);
  iommu.register_b_transport(this, &HostMemory::transport);
}

void HostMemory::transport(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  auto* bytes = reinterpret_cast<std::byte*>(payload.get_data_ptr());
  const std::size_t size = payload.get_data_length();
  auto* extension = payload.get_extension<AccessExtension>();
  const std::uint64_t access = extension == nullptr ? 0 : extension->access;
  MemoryAnswer answer = MemoryAnswer::kOk;
  if (payload.is_read()) {
    answer = memory_->perform_read(access, payload.get_address(), std::span(bytes, size));
  } else {
    const unsigned char* enables = payload.get_byte_enable_ptr();
    std::uint32_t strobes = enables == nullptr ? (std::uint32_t{1} << size) - 1 : 0;
    for (std::size_t i = 0; enables != nullptr && i < size; ++i) {
      if (enables[i % payload.get_byte_enable_length()] != TLM_BYTE_DISABLED) strobes |= 1U << i;
    }
    answer = memory_->perform_write(access, payload.get_address(), std::span(bytes, size), strobes);
  }
  if (extension != nullptr) extension->poison = answer == MemoryAnswer::kPoison;
  // The initiator makes it again.
  if (answer == MemoryAnswer::kPending) return;
  payload.set_response_status(answer == MemoryAnswer::kError    ? tlm::TLM_GENERIC_ERROR_RESPONSE
                              : answer == MemoryAnswer::kDecode ? tlm::TLM_ADDRESS_ERROR_RESPONSE
                                                                : tlm::TLM_OK_RESPONSE);
}

}  // namespace aperture::tb
