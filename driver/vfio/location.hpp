// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"
#include "vfio/kernel.hpp"

namespace aperture::vfio {

/// A PCI function as sysfs tells it.
struct Location {
  std::string address;  ///< "0000:01:00.0"
  std::uint16_t vendor{};
  std::uint16_t device{};
  std::string driver;             ///< Linux's driver that it is bound to; empty: none
  std::optional<unsigned> group;  ///< IOMMU group; none: no IOMMU translates for it
  std::string cdev;               ///< "vfio3" when a VFIO driver has it and the kernel names such devices, else empty

  std::string sysfs() const { return "/sys/bus/pci/devices/" + address; }
  std::string group_path() const { return "/dev/vfio/" + std::to_string(group.value_or(0)); }
  std::string cdev_path() const { return "/dev/vfio/devices/" + cdev; }
  bool bound_to_vfio() const { return !cdev.empty() || driver.find("vfio") != std::string::npos; }
};

/// The function at `place`: "0000:01:00.0", "01:00.0" (domain 0) or a path in sysfs that ends in either. EINVAL: not
/// such a place; ENODEV: nothing there.
Result<Location> locate(Kernel& kernel, std::string_view place);

/// Addresses that the group's devices and its IOMMU keep for themselves.
struct ReservedRegion {
  IovaRange range;
  std::string type;  ///< "msi", "reserved", "direct", ...
};
/// What sysfs says; empty where it says nothing.
std::vector<ReservedRegion> reserved_regions(Kernel& kernel, unsigned group);

/// The addresses of all functions of the group.
std::vector<std::string> group_members(Kernel& kernel, unsigned group);

}  // namespace aperture::vfio
