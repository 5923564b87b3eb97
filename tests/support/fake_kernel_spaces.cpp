// SPDX-License-Identifier: Apache-2.0
// What the address spaces of the kernel in memory have in common: maps, and what a device reaches by them.
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "support/fake_kernel.hpp"

namespace aperture::test {

std::size_t FakeKernel::dma_maps() const {
  std::size_t count = 0;
  for (const auto& [id, space] : spaces_) count += space.maps.size();
  return count;
}

std::byte* FakeKernel::reach(const Function& function, std::uint64_t iova, bool write) {
  if ((function.command() & 4) == 0) return nullptr;
  for (const auto& [id, space] : spaces_) {
    const bool used = space.container ? space.iommu && space.group == function.group
                                      : function.attached && tables_.at(*function.attached).ioas == id;
    if (!used) continue;
    auto map = space.maps.upper_bound(iova);
    if (map == space.maps.begin()) return nullptr;
    --map;
    if (iova - map->first >= map->second.length || !(write ? map->second.write : map->second.read)) return nullptr;
    return reinterpret_cast<std::byte*>(map->second.memory + (iova - map->first));
  }
  return nullptr;
}

bool FakeKernel::translates(std::uint32_t id) const {
  return spaces_.at(id).container ||
         std::ranges::any_of(tables_, [id](const auto& table) { return table.second.ioas == id; });
}

int FakeKernel::pin(std::uint32_t id) const {
  // Each page of memory is locked once behind iommufd, and once for each container.
  const bool container = spaces_.at(id).container;
  std::map<std::uint64_t, std::uint64_t> locked;
  for (const auto& [other, space] : spaces_) {
    if (space.container != container || !translates(other)) continue;
    for (const auto& [at, map] : space.maps) {
      if (map.unpinnable) return -EINVAL;
      locked[map.memory] = std::max(locked[map.memory], map.length);
    }
  }
  std::uint64_t sum = 0;
  for (const auto& [memory, length] : locked) sum += length;
  return sum > memlock ? -ENOMEM : 0;
}

int FakeKernel::add_map(std::uint32_t id, std::uint64_t iova, const Map& map) {
  Space& space = spaces_.at(id);
  if (space.container && space.maps.size() >= most_maps) return -ENOSPC;
  const std::uint64_t mask = alignment(id) - 1;
  if (((iova | map.length) & mask) != 0) return -EINVAL;
  if (iova > ~std::uint64_t{0} - (map.length - 1)) return -EOVERFLOW;
  const IovaRange range{{iova}, {iova + (map.length - 1)}};
  if (reserved(id).overlaps(range)) return -EINVAL;
  const auto next = space.maps.upper_bound(range.last.value);
  if (next != space.maps.begin() && std::prev(next)->first + (std::prev(next)->second.length - 1) >= iova)
    return -EEXIST;
  if ((map.memory & mask) != 0) return -EINVAL;
  const auto added = space.maps.emplace(iova, map).first;
  const int pinned = translates(id) ? pin(id) : 0;
  if (pinned != 0) space.maps.erase(added);
  return pinned;
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

ioas::RangeSet FakeKernel::kept(const Function& function) const {
  ioas::RangeSet out(function.keeps);
  const IovaRange all = aperture();
  ioas::RangeSet gaps(std::span(&all, 1));
  gaps.subtract(ioas::RangeSet(ranges));
  out.add(gaps);
  return out;
}

ioas::RangeSet FakeKernel::reserved(std::uint32_t id) const {
  if (spaces_.at(id).container) return ioas::RangeSet(ranges).complement();
  ioas::RangeSet out;
  for (const auto& [number, table] : tables_)
    if (table.ioas == id) out.add(ioas::RangeSet(std::span(&table.aperture, 1)).complement());
  for (const Function& function : functions_)
    if (function.attached && tables_.at(*function.attached).ioas == id) out.add(kept(function));
  return out;
}

std::uint64_t FakeKernel::alignment(std::uint32_t id) const {
  return translates(id) || spaces_.at(id).small_pages ? kPageSize : 1;
}

}  // namespace aperture::test
