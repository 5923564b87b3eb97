// SPDX-License-Identifier: Apache-2.0
#include "vfio/space.hpp"
#include "vfio/uapi.hpp"

namespace aperture::vfio {

Result<std::unique_ptr<PageTable>> PageTable::create(std::shared_ptr<Iommufd> iommufd, std::uint32_t function,
                                                     const KernelIoas& ioas) {
  uapi::HwptAlloc alloc{
      .size = sizeof alloc, .flags = 0, .dev_id = function, .pt_id = ioas.id(), .out_hwpt_id = 0, .reserved = 0};
  if (const int done = iommufd->kernel().call(iommufd->fd(), uapi::kHwptAlloc, alloc); done < 0)
    return std::unexpected(request_failed("/dev/iommu", "IOMMU_HWPT_ALLOC", -done));
  return std::unique_ptr<PageTable>(new PageTable(std::move(iommufd), alloc.out_hwpt_id));
}

PageTable::~PageTable() {
  uapi::Destroy destroy{.size = sizeof destroy, .id = id_};
  (void)iommufd_->kernel().call(iommufd_->fd(), uapi::kDestroy, destroy);
}

}  // namespace aperture::vfio
