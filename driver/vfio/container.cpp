// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/vfio.h>

#include <cstring>

#include "vfio/space.hpp"

namespace aperture::vfio {

Result<std::shared_ptr<Container>> Container::open(Kernel& kernel, const Location& location) {
  const std::string container_path = "/dev/vfio/vfio";
  File container(kernel, kernel.open(container_path, O_RDWR));
  if (container.fd() < 0) return std::unexpected(cannot_open(container_path, -container.fd(), location));
  if (const int version = kernel.ioctl(container.fd(), VFIO_GET_API_VERSION, 0); version != VFIO_API_VERSION)
    return fail(Code::kEnvironment, ENOTSUP, container_path + " speaks another version of VFIO");
  if (kernel.ioctl(container.fd(), VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
    return std::unexpected(iommu_refused(Backend::kType1, EINVAL, location));

  File group(kernel, kernel.open(location.group_path(), O_RDWR));
  if (group.fd() < 0) return std::unexpected(cannot_open(location.group_path(), -group.fd(), location));
  vfio_group_status status{.argsz = sizeof status, .flags = 0};
  if (const int done = kernel.call(group.fd(), VFIO_GROUP_GET_STATUS, status); done < 0)
    return std::unexpected(request_failed(location.group_path(), "VFIO_GROUP_GET_STATUS", -done));
  if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0) return std::unexpected(group_not_viable(kernel, location));
  int fd = container.fd();
  if (const int done = kernel.call(group.fd(), VFIO_GROUP_SET_CONTAINER, fd); done < 0)
    return std::unexpected(request_failed(location.group_path(), "VFIO_GROUP_SET_CONTAINER", -done));
  if (const int done = kernel.ioctl(container.fd(), VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU); done < 0)
    return std::unexpected(iommu_refused(Backend::kType1, -done, location));
  return std::shared_ptr<Container>(new Container(kernel, std::move(container), std::move(group)));
}

Result<File> Container::device(const Location& location) {
  const int fd =
      kernel_.ioctl(group_.fd(), VFIO_GROUP_GET_DEVICE_FD, reinterpret_cast<std::uintptr_t>(location.address.c_str()));
  if (fd < 0) return std::unexpected(request_failed(location.address, "VFIO_GROUP_GET_DEVICE_FD", -fd));
  return File(kernel_, fd);
}

Result<Ranges> Container::ranges() const {
  std::vector<std::byte> buffer(sizeof(vfio_iommu_type1_info));
  for (;;) {
    auto& info = *reinterpret_cast<vfio_iommu_type1_info*>(buffer.data());
    info.argsz = static_cast<std::uint32_t>(buffer.size());
    if (const int done = kernel_.call(container_.fd(), VFIO_IOMMU_GET_INFO, info); done < 0)
      return std::unexpected(request_failed("/dev/vfio/vfio", "VFIO_IOMMU_GET_INFO", -done));
    if (info.argsz <= buffer.size()) break;
    buffer.resize(info.argsz);
  }
  const auto& info = *reinterpret_cast<const vfio_iommu_type1_info*>(buffer.data());
  Ranges out{{}, (info.flags & VFIO_IOMMU_INFO_PGSIZES) != 0 ? info.iova_pgsizes : kPageSize};
  // A chain of capabilities, each with the offset of the next.
  std::size_t at = (info.flags & VFIO_IOMMU_INFO_CAPS) != 0 ? info.cap_offset : 0;
  while (at != 0 && at + sizeof(vfio_iommu_type1_info_cap_iova_range) <= buffer.size()) {
    const auto& cap = *reinterpret_cast<const vfio_iommu_type1_info_cap_iova_range*>(buffer.data() + at);
    if (cap.header.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
      const std::size_t room = (buffer.size() - at - sizeof cap) / sizeof(vfio_iova_range);
      for (std::uint32_t i = 0; i < cap.nr_iovas && i < room; ++i)
        out.ranges.push_back({{cap.iova_ranges[i].start}, {cap.iova_ranges[i].end}});
    }
    at = cap.header.next;
  }
  if (out.ranges.empty())
    return fail(Code::kUnsupported, EOPNOTSUPP,
                "VFIO_IOMMU_GET_INFO names no IOVA ranges: the kernel is older than Linux 5.4");
  return out;
}

Result<> Container::map(const std::byte* memory, std::uint64_t length, Iova iova, ioas::Prot prot) {
  vfio_iommu_type1_dma_map map{.argsz = sizeof map,
                               .flags = (ioas::readable(prot) ? VFIO_DMA_MAP_FLAG_READ : 0U) |
                                        (ioas::writable(prot) ? VFIO_DMA_MAP_FLAG_WRITE : 0U),
                               .vaddr = reinterpret_cast<std::uintptr_t>(memory),
                               .iova = iova.value,
                               .size = length};
  if (const int done = kernel_.call(container_.fd(), VFIO_IOMMU_MAP_DMA, map); done < 0)
    return std::unexpected(map_refused(kernel_, Backend::kType1, -done, length, iova.value));
  return {};
}

Result<> Container::unmap(Iova iova, std::uint64_t length) noexcept {
  vfio_iommu_type1_dma_unmap unmap{};
  unmap.argsz = sizeof unmap;
  unmap.iova = iova.value;
  unmap.size = length;
  if (const int done = kernel_.call(container_.fd(), VFIO_IOMMU_UNMAP_DMA, unmap); done < 0)
    return std::unexpected(request_failed("/dev/vfio/vfio", "VFIO_IOMMU_UNMAP_DMA", -done));
  return {};
}

}  // namespace aperture::vfio
