// SPDX-License-Identifier: Apache-2.0
#pragma once

// Memory as a TLM-2.0 target, one socket for each master of the card. Never blocks and adds no delay: when things
// happen is decided at the card's pins.

#include <tlm_utils/simple_target_socket.h>

#include <functional>
#include <span>
#include <systemc>
#include <tlm>
#include <utility>

#include "tb/memory/target.hpp"

namespace aperture::tb {

class HostMemory final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<HostMemory> data{"data"};
  tlm_utils::simple_target_socket<HostMemory> iommu{"iommu"};

  HostMemory(const sc_core::sc_module_name& name, MemoryTarget& memory);
  /// Another memory behind each socket from now on; nothing may be under way.
  void connect(MemoryTarget& behind_data, MemoryTarget& behind_iommu) {
    data_memory_ = &behind_data;
    iommu_memory_ = &behind_iommu;
  }
  /// Where MSIs go that memory would have taken, instead of into it; nothing: they are written like everything else.
  using MessageSink = std::function<void(std::uint64_t address, std::span<const std::byte> data)>;
  void divert_messages(MessageSink sink) { messages_ = std::move(sink); }

 private:
  void transport_data(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void transport_iommu(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  MemoryTarget* data_memory_;
  MemoryTarget* iommu_memory_;
  MessageSink messages_;
};

}  // namespace aperture::tb
