// SPDX-License-Identifier: Apache-2.0
#pragma once

// Memory as a TLM-2.0 target, one socket for each master of the card. Never blocks and adds no delay: when things
// happen is decided at the card's pins.

#include <tlm_utils/simple_target_socket.h>

#include <systemc>
#include <tlm>

#include "tb/memory/target.hpp"

namespace aperture::tb {

class HostMemory final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<HostMemory> data{"data"};
  tlm_utils::simple_target_socket<HostMemory> iommu{"iommu"};

  HostMemory(const sc_core::sc_module_name& name, MemoryTarget& memory);
  /// Another memory from now on; nothing may be under way.
  void connect(MemoryTarget& memory) { memory_ = &memory; }

 private:
  void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  MemoryTarget* memory_;
};

}  // namespace aperture::tb
