// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "base/types.hpp"
#include "riscv/command.hpp"

namespace aperture::riscv {

/// By what the IOMMU's caches tell the entries of one address space from those of others. A first stage alone has a
/// PSCID, a second stage a GSCID, a guest's first stage both.
struct AddressSpace {
  std::optional<std::uint32_t> gscid{};
  std::optional<std::uint32_t> pscid{};
  auto operator<=>(const AddressSpace&) const = default;

  /// The command that makes the IOMMU forget the leaf over `iova`, or all entries, of this address space. With a GSCID
  /// alone that is what it knows of the second stage, results of both stages included.
  Command invalidation(std::optional<Iova> iova) const {
    if (gscid && !pscid)
      return command::iotinval_gvma(gscid, iova ? std::optional(GuestPhysical{iova->value}) : std::nullopt);
    return command::iotinval_vma(pscid, iova, gscid);
  }
};

}  // namespace aperture::riscv
