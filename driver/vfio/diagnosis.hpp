// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is wrong on this machine, and which command mends it: one function for each way in which Linux refuses.

#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "vfio/kernel.hpp"
#include "vfio/location.hpp"

namespace aperture::vfio {

/// How the kernel's IOMMU is reached.
enum class Backend : std::uint8_t {
  kIommufd,  ///< /dev/iommu and the device's own node, since Linux 6.6 where the kernel was built with them
  kType1,    ///< group and container, everywhere
};
std::string_view name(Backend backend);

/// No IOMMU translates for the function.
Error without_iommu(const Location& location);
/// No VFIO driver has the function.
Error not_bound(const Location& location);
/// A file of VFIO's or iommufd's cannot be opened.
Error cannot_open(const std::string& path, int number, const Location& location);
/// backend=iommufd was asked for and the kernel lacks part of it.
Error without_iommufd(const std::string& path, const Location& location);
/// Functions of the group still have drivers of the kernel's.
Error group_not_viable(Kernel& kernel, const Location& location);
/// VFIO_SET_IOMMU (type1) or VFIO_DEVICE_BIND_IOMMUFD failed.
Error iommu_refused(Backend backend, int number, const Location& location);
/// A map of the kernel's failed: `length` bytes at `iova`.
Error map_refused(Kernel& kernel, Backend backend, int number, std::uint64_t length, std::uint64_t iova);
/// VFIO_DEVICE_ATTACH_IOMMUFD_PT failed.
Error attach_refused(Kernel& kernel, int number, const Location& location);
/// IOMMU_IOAS_ALLOW_IOVAS failed because of `range`, which meets `kept`.
Error allow_refused(IovaRange range, IovaRange kept);

// What a kernel lacks, and what is done instead: a sentence for a log.
std::string without_map_file();
std::string without_page_table(const Location& location, const std::string& why);

/// Any other request of VFIO's or iommufd's.
Error request_failed(const std::string& who, const std::string& request, int number);

}  // namespace aperture::vfio
