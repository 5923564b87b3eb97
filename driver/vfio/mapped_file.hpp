// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace aperture::vfio {

/// As Kernel::maps_file, by `maps`, what /proc/self/maps says.
bool maps_file(const std::string& maps, const std::byte* first, std::uint64_t size, bool writable, int fd,
               std::uint64_t offset);

}  // namespace aperture::vfio
