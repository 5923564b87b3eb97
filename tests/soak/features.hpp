// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "regs/registers.hpp"
#include "soak/random.hpp"
#include "tb/options.hpp"

namespace aperture::soak {

/// What the card of an episode can do: straps, and the mode that software puts it into.
struct Features {
  tb::Straps straps{};
  bool be = false;   ///< fctl.BE: directories, second-stage tables, MSI tables and queues are big-endian
  bool gxl = false;  ///< fctl.GXL: second stages are Sv32x4
  bool wsi = false;  ///< fctl.WSI

  bool has(const regs::Field& capability) const { return capability.get(straps.capabilities) != 0; }
  bool extended() const { return has(regs::iommu::capabilities_f::msi_flat); }
  unsigned device_context_size() const { return extended() ? 64 : 32; }
};

/// A legal subset of `available` (a value of the register), and other straps at random.
Features random_features(Random& random, std::uint64_t available);

}  // namespace aperture::soak
