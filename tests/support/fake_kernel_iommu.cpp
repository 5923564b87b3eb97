// SPDX-License-Identifier: Apache-2.0
// The address spaces of the kernel in memory: iommufd's IOASes and type1's containers.
#include <linux/vfio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "support/fake_kernel.hpp"
#include "vfio/uapi.hpp"

namespace aperture::test {
namespace {

namespace uapi = vfio::uapi;

template <typename Structure>
Structure& as(std::uintptr_t argument) {
  return *reinterpret_cast<Structure*>(argument);
}

}  // namespace

std::size_t FakeKernel::dma_maps() const {
  std::size_t count = 0;
  for (const auto& [id, space] : spaces_) count += space.maps.size();
  return count;
}

std::byte* FakeKernel::reach(const Function& function, std::uint64_t iova, bool write) {
  if ((function.command() & 4) == 0) return nullptr;
  for (const auto& [id, space] : spaces_) {
    const bool used = space.container ? space.iommu && space.group == function.group : function.attached == id;
    if (!used) continue;
    auto map = space.maps.upper_bound(iova);
    if (map == space.maps.begin()) return nullptr;
    --map;
    if (iova - map->first >= map->second.length || !(write ? map->second.write : map->second.read)) return nullptr;
    return reinterpret_cast<std::byte*>(map->second.memory + (iova - map->first));
  }
  return nullptr;
}

bool FakeKernel::in_use(std::uint32_t space) const {
  return std::ranges::any_of(functions_, [space](const Function& f) { return f.attached == space; });
}

bool FakeKernel::possible(const Maps& maps) const {
  return std::ranges::all_of(maps, [this](const auto& map) {
    const IovaRange range{{map.first}, {map.first + (map.second.length - 1)}};
    return std::ranges::any_of(ranges, [&](const IovaRange& usable) { return usable.contains(range); });
  });
}

int FakeKernel::add_map(std::uint32_t id, std::uint64_t iova, const Map& map) {
  Space& space = spaces_.at(id);
  if (space.container && space.maps.size() >= most_maps) return -ENOSPC;
  if ((space.container || in_use(id)) && (!possible({{iova, map}}) || ((iova | map.length) & 0xfff) != 0))
    return -EINVAL;
  const auto next = space.maps.upper_bound(iova + (map.length - 1));
  if (next != space.maps.begin() && std::prev(next)->first + (std::prev(next)->second.length - 1) >= iova)
    return -EEXIST;
  // Each page of memory is locked once behind iommufd, and once for each container.
  std::map<std::uint64_t, std::uint64_t> locked{{map.memory, map.length}};
  for (const auto& [other_id, other] : spaces_)
    if (other.container == space.container)
      for (const auto& [at, m] : other.maps) locked[m.memory] = std::max(locked[m.memory], m.length);
  std::uint64_t sum = 0;
  for (const auto& [memory, length] : locked) sum += length;
  if (sum > memlock) return -ENOMEM;
  space.maps.emplace(iova, map);
  return 0;
}

int FakeKernel::remove_maps(std::uint32_t id, std::uint64_t iova, std::uint64_t& length) {
  unmapped_under_way_ = std::ranges::any_of(functions_, [](const Function& f) { return (f.command() & 4) != 0; });
  Maps& maps = spaces_.at(id).maps;
  const std::uint64_t last = iova + (length - 1);
  length = 0;
  for (auto map = maps.begin(); map != maps.end();) {
    const std::uint64_t end = map->first + (map->second.length - 1);
    if (end < iova || map->first > last) {
      ++map;
    } else if (map->first < iova || end > last) {
      return -ENOENT;
    } else {
      length += map->second.length;
      map = maps.erase(map);
    }
  }
  return 0;
}

int FakeKernel::iommufd_request(unsigned long request, std::uintptr_t argument) {
  switch (request) {
    case uapi::kIoasAlloc:
      as<uapi::IoasAlloc>(argument).out_ioas_id = next_space_;
      spaces_[next_space_++];
      return 0;
    case uapi::kDestroy: {
      const std::uint32_t id = as<uapi::Destroy>(argument).id;
      if (!spaces_.contains(id)) return -ENOENT;
      if (in_use(id)) return -EBUSY;
      spaces_.erase(id);
      return 0;
    }
    case uapi::kIoasIovaRanges: {
      auto& query = as<uapi::IoasIovaRanges>(argument);
      const bool used = in_use(query.ioas_id);
      const auto list = used ? ranges : std::vector<IovaRange>{{{0}, {~std::uint64_t{0}}}};
      query.out_iova_alignment = used ? 4096 : 1;
      auto* out = reinterpret_cast<uapi::IovaRange*>(query.allowed_iovas);
      for (std::size_t i = 0; i < list.size() && i < query.num_iovas; ++i)
        out[i] = {list[i].first.value, list[i].last.value};
      const bool fits = list.size() <= query.num_iovas;
      query.num_iovas = static_cast<std::uint32_t>(list.size());
      return fits ? 0 : -EMSGSIZE;
    }
    case uapi::kIoasMap: {
      auto& map = as<uapi::IoasMap>(argument);
      if ((map.flags & uapi::kMapFixedIova) == 0) {
        map.iova = 0x1000;
        for (const auto& [at, other] : spaces_.at(map.ioas_id).maps)
          map.iova = std::max(map.iova, (at + other.length + 0x1fffff) & ~std::uint64_t{0x1fffff});
      }
      return add_map(
          map.ioas_id, map.iova,
          {map.user_va, map.length, (map.flags & uapi::kMapReadable) != 0, (map.flags & uapi::kMapWriteable) != 0});
    }
    case uapi::kIoasCopy: {
      const auto& copy = as<uapi::IoasCopy>(argument);
      const Maps& from = spaces_.at(copy.src_ioas_id).maps;
      auto source = from.upper_bound(copy.src_iova);
      if (source == from.begin()) return -ENOENT;
      --source;
      const std::uint64_t skip = copy.src_iova - source->first;
      if (skip >= source->second.length || source->second.length - skip < copy.length) return -ENOENT;
      const bool write = (copy.flags & uapi::kMapWriteable) != 0;
      if (write && !source->second.write) return -EPERM;
      return add_map(copy.dst_ioas_id, copy.dst_iova,
                     {source->second.memory + skip, copy.length, (copy.flags & uapi::kMapReadable) != 0, write});
    }
    case uapi::kIoasUnmap: {
      auto& unmap = as<uapi::IoasUnmap>(argument);
      const int done = remove_maps(unmap.ioas_id, unmap.iova, unmap.length);
      return done == 0 && unmap.length == 0 ? -ENOENT : done;
    }
    default:
      return -ENOTTY;
  }
}

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

int FakeKernel::attach(Function& function, std::uint32_t id) {
  if (!spaces_.contains(id)) return -ENOENT;
  Space& space = spaces_.at(id);
  if (function.attached && replace_needs_empty && !space.maps.empty()) return -EADDRINUSE;
  for (const Function& other : functions_)
    if (&other != &function && other.group == function.group && other.attached && other.attached != id) return -EINVAL;
  if (!possible(space.maps)) return -EADDRINUSE;
  function.attached = id;
  return 0;
}

}  // namespace aperture::test
