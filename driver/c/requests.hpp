// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "c/iommufd_structures.h"  // ours in full, whatever the machine's are
// The order matters: the line above keeps this one from including the machine's.
#include "c/aperture_iommufd.h"
#include "c/objects.hpp"

namespace aperture::c {

/// A request on its way.
struct Call {
  aperture_context& context;
  std::uint64_t argument;   ///< address of the caller's structure
  std::uint32_t user_size;  ///< its size in the caller's version

  /// Writes the structure back, as far as the caller's reaches. 0 or EFAULT.
  int respond(const void* structure, std::size_t size) const;
};

// Each gives 0 or an errno; `request` has been read, with zeros where the caller's structure is shorter.
int serve(Call& call, iommu_destroy& request);
int serve(Call& call, iommu_ioas_alloc& request);
int serve(Call& call, iommu_ioas_allow_iovas& request);
int serve(Call& call, iommu_ioas_copy& request);
int serve(Call& call, iommu_ioas_iova_ranges& request);
int serve(Call& call, iommu_ioas_map& request);
int serve(Call& call, iommu_ioas_map_file& request);
int serve(Call& call, iommu_ioas_unmap& request);
int serve(Call& call, iommu_option& request);
int serve(Call& call, iommu_hwpt_alloc& request);
int serve(Call& call, iommu_hwpt_set_dirty_tracking& request);
int serve(Call& call, iommu_hwpt_get_dirty_bitmap& request);
int serve(Call& call, aperture_device_alloc& request);
int serve(Call& call, aperture_device_attach& request);
int serve(Call& call, aperture_device_detach& request);
int serve(Call& call, aperture_device_dma& request);

// Between the files of requests.

int no_object(const char* kind, std::uint32_t id);
int unknown_bits(const char* what);
/// The caller's ranges. 0; EFAULT; EINVAL: start is above last, or not below it where `proper`, or ranges overlap.
int read_ranges(std::uint64_t address, std::uint32_t count, bool proper, std::vector<IovaRange>& out);

}  // namespace aperture::c
