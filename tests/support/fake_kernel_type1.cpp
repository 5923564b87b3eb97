// SPDX-License-Identifier: Apache-2.0
// Type1's containers in memory.
#include <linux/vfio.h>

#include <cerrno>
#include <cstring>

#include "support/fake_kernel.hpp"

namespace aperture::test {
namespace {

template <typename Structure>
Structure& as(std::uintptr_t argument) {
  return *reinterpret_cast<Structure*>(argument);
}

}  // namespace

int FakeKernel::type1_info(std::uintptr_t argument) {
  struct Capability {
    vfio_info_cap_header header;
    std::uint32_t count;
    std::uint32_t reserved;
  };
  // A capability of another kind stands first, as Linux has it.
  const std::size_t first = sizeof(vfio_iommu_type1_info);
  const std::size_t second = first + sizeof(vfio_iommu_type1_info_dma_avail) + 4;
  const std::size_t size = second + sizeof(Capability) + ranges.size() * sizeof(vfio_iova_range);
  auto& info = as<vfio_iommu_type1_info>(argument);
  info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
  info.iova_pgsizes = 0x4020'1000;
  const bool fits = info.argsz >= size;
  info.argsz = static_cast<std::uint32_t>(size);
  if (!fits) {
    info.cap_offset = 0;
    return 0;
  }
  info.cap_offset = static_cast<std::uint32_t>(first);
  const vfio_iommu_type1_info_dma_avail available{
      {VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1, static_cast<std::uint32_t>(second)}, 65535};
  std::memcpy(reinterpret_cast<std::byte*>(argument) + first, &available, sizeof available);
  auto* at = reinterpret_cast<std::byte*>(argument) + second;
  const Capability capability{
      {VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1, 0}, static_cast<std::uint32_t>(ranges.size()), 0};
  std::memcpy(at, &capability, sizeof capability);
  at += sizeof capability;
  for (const IovaRange& range : ranges) {
    const vfio_iova_range raw{range.first.value, range.last.value};
    std::memcpy(at, &raw, sizeof raw);
    at += sizeof raw;
  }
  return 0;
}

int FakeKernel::container_request(Fd& fd, unsigned long request, std::uintptr_t argument) {
  Space& space = spaces_.at(fd.space);
  switch (request) {
    case VFIO_GET_API_VERSION:
      return VFIO_API_VERSION;
    case VFIO_CHECK_EXTENSION:
      return argument == VFIO_TYPE1v2_IOMMU ? 1 : 0;
    case VFIO_SET_IOMMU:
      if (!space.group || argument != VFIO_TYPE1v2_IOMMU) return -EINVAL;
      space.iommu = true;
      return 0;
    case VFIO_IOMMU_GET_INFO:
      return space.iommu ? type1_info(argument) : -EINVAL;
    case VFIO_IOMMU_MAP_DMA: {
      const auto& map = as<vfio_iommu_type1_dma_map>(argument);
      return add_map(
          fd.space, map.iova,
          {map.vaddr, map.size, (map.flags & VFIO_DMA_MAP_FLAG_READ) != 0, (map.flags & VFIO_DMA_MAP_FLAG_WRITE) != 0});
    }
    case VFIO_IOMMU_UNMAP_DMA: {
      auto& unmap = as<vfio_iommu_type1_dma_unmap>(argument);
      std::uint64_t length = unmap.size;
      const int done = remove_maps(fd.space, unmap.iova, length);
      unmap.size = length;
      return done == 0 ? 0 : -EINVAL;
    }
    default:
      return -ENOTTY;
  }
}

}  // namespace aperture::test
