// SPDX-License-Identifier: Apache-2.0
#pragma once

// What AXI carries beside address and data, as TLM-2.0 extensions. All are owned by the initiator of a transaction.

#include <cstddef>
#include <cstdint>
#include <tlm>

#include "tb/axi/device_master.hpp"

namespace aperture::tb {

/// On `device`: who makes the access. Required there.
class IdentityExtension final : public tlm::tlm_extension<IdentityExtension> {
 public:
  Identity who{};
  std::uint8_t axi_id = 0;

  tlm::tlm_extension_base* clone() const override { return new IdentityExtension(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const IdentityExtension&>(other);
  }
};

/// On `data` and `iommu`.
class AccessExtension final : public tlm::tlm_extension<AccessExtension> {
 public:
  std::uint64_t access = 0;  ///< which access it is, from its first transaction until one is answered
  std::uint64_t user = 0;    ///< AxUSER
  bool poison = false;       ///< set by memory
  /// Of a write: memory is to make it only if it holds these bytes, as many as the write has, in one indivisible step;
  /// `held`, which memory sets, says whether it did. nullptr: a usual write.
  const std::byte* expected = nullptr;
  bool held = false;

  tlm::tlm_extension_base* clone() const override { return new AccessExtension(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override { *this = static_cast<const AccessExtension&>(other); }
};

}  // namespace aperture::tb
