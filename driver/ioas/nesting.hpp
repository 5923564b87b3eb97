// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/types.hpp"

namespace aperture::ioas {

/// A device's first stage where a guest owns it: in front of a domain whose IOVAs are the guest's physical addresses.
/// What Linux makes a nested HWPT of.
struct GuestTable {
  /// "Sv39", "Sv48", "Sv57"; "PD8", "PD17", "PD20": a directory of the guest's processes, where an access without
  /// process id has no first stage; "Bare": no first stage at all.
  std::string format;
  GuestPhysical root;  ///< a multiple of 4 KiB; need not be mapped yet: an access then is a guest page fault
  /// The guest's own number for it (PSCID), up to 20 bits; none: one that no other table has. Of a process directory it
  /// has no meaning: its contexts hold their own.
  std::optional<std::uint32_t> address_space{};
  bool hardware_update{};  ///< the IOMMU sets A and D in the guest's table (DC.tc.SADE)
  bool operator==(const GuestTable&) const = default;
};

/// What a guest says it has changed in its table, as its IOTINVAL.VMA and IODIR.INVAL_PDT would.
struct GuestInvalidation {
  std::optional<std::uint32_t> address_space{};  ///< PSCID; none: all of them, global entries too
  std::optional<Iova> page{};                    ///< the leaf over this address; none: all leaves
  std::optional<std::uint32_t> process{};        ///< the context of this process has changed, beside the leaves
};

}  // namespace aperture::ioas
