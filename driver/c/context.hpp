// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.hpp"
#include "ioas/device.hpp"
#include "ioas/ioas.hpp"
#include "ioas/platform.hpp"

struct aperture_context;

// The C interface (aperture_iommufd.h) from the side of C++: real devices under its ids.
namespace aperture::c {

/// As aperture_open, on the caller's platform, so that devices which are attached to IOASes of it elsewhere can be
/// replaced from here and back. It outlives the context.
aperture_context* open(ioas::Platform& platform);

/// Makes the caller's device, any kind of it, an object of the context, for APERTURE_DEVICE_ATTACH and
/// IOMMU_HWPT_ALLOC. It outlives the context. The id; ENOMEM.
Result<std::uint32_t> bind(aperture_context& context, ioas::Device& device);
/// The id is free again. ENOENT; EBUSY: the device is attached. What is bound cannot be destroyed (EBUSY), as in Linux.
Result<> unbind(aperture_context& context, std::uint32_t device_id);

/// The address space behind an id, for all that the C interface does not have; null if that is no IOAS's.
std::shared_ptr<ioas::Ioas> find_ioas(aperture_context& context, std::uint32_t ioas_id);

}  // namespace aperture::c
