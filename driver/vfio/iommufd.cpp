// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "ioas/range_set.hpp"
#include "vfio/space.hpp"
#include "vfio/uapi.hpp"

namespace aperture::vfio {
namespace {

std::uint32_t flags_of(ioas::Prot prot) {
  return (ioas::readable(prot) ? uapi::kMapReadable : 0) | (ioas::writable(prot) ? uapi::kMapWriteable : 0);
}

}  // namespace

std::vector<std::string> Iommufd::fallbacks() const {
  const std::lock_guard lock(mutex_);
  return fallbacks_;
}

void Iommufd::fall_back(std::string sentence) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(fallbacks_, sentence) == fallbacks_.end()) fallbacks_.push_back(std::move(sentence));
}

bool Iommufd::maps_files() const {
  const std::lock_guard lock(mutex_);
  return maps_files_;
}

void Iommufd::lack_map_file() {
  fall_back(without_map_file());
  const std::lock_guard lock(mutex_);
  maps_files_ = false;
}

Result<std::unique_ptr<KernelIoas>> KernelIoas::create(std::shared_ptr<Iommufd> iommufd) {
  uapi::IoasAlloc alloc{.size = sizeof alloc, .flags = 0, .out_ioas_id = 0};
  if (const int done = iommufd->kernel().call(iommufd->fd(), uapi::kIoasAlloc, alloc); done < 0)
    return std::unexpected(request_failed("/dev/iommu", "IOMMU_IOAS_ALLOC", -done));
  return std::unique_ptr<KernelIoas>(new KernelIoas(std::move(iommufd), alloc.out_ioas_id));
}

KernelIoas::~KernelIoas() {
  uapi::Destroy destroy{.size = sizeof destroy, .id = id_};
  (void)iommufd_->kernel().call(iommufd_->fd(), uapi::kDestroy, destroy);
}

Result<Ranges> KernelIoas::ranges() const {
  std::vector<uapi::IovaRange> raw(8);
  for (;;) {
    uapi::IoasIovaRanges query{.size = sizeof query,
                               .ioas_id = id_,
                               .num_iovas = static_cast<std::uint32_t>(raw.size()),
                               .reserved = 0,
                               .allowed_iovas = reinterpret_cast<std::uintptr_t>(raw.data()),
                               .out_iova_alignment = 0};
    const int done = iommufd_->kernel().call(iommufd_->fd(), uapi::kIoasIovaRanges, query);
    if (done == -EMSGSIZE && query.num_iovas > raw.size()) {
      raw.resize(query.num_iovas);
      continue;
    }
    if (done < 0) return std::unexpected(request_failed("/dev/iommu", "IOMMU_IOAS_IOVA_RANGES", -done));
    Ranges out{{}, query.out_iova_alignment};
    for (std::uint32_t i = 0; i < query.num_iovas; ++i) out.ranges.push_back({{raw[i].start}, {raw[i].last}});
    return out;
  }
}

Result<Iova> KernelIoas::map(const std::byte* memory, std::uint64_t length, std::uint32_t flags, Iova iova) {
  uapi::IoasMap map{.size = sizeof map,
                    .flags = flags,
                    .ioas_id = id_,
                    .reserved = 0,
                    .user_va = reinterpret_cast<std::uintptr_t>(memory),
                    .length = length,
                    .iova = iova.value};
  if (const int done = iommufd_->kernel().call(iommufd_->fd(), uapi::kIoasMap, map); done < 0)
    return std::unexpected(map_refused(iommufd_->kernel(), Backend::kIommufd, -done, length, iova.value));
  return Iova{map.iova};
}

Result<> KernelIoas::map(const std::byte* memory, std::uint64_t length, Iova iova, ioas::Prot prot) {
  auto done = map(memory, length, flags_of(prot) | uapi::kMapFixedIova, iova);
  if (!done) return std::unexpected(std::move(done.error()));
  return {};
}

Result<Iova> KernelIoas::map(const std::byte* memory, std::uint64_t length, ioas::Prot prot) {
  return map(memory, length, flags_of(prot), Iova{0});
}

Result<Iova> KernelIoas::map_file(int fd, std::uint64_t start, std::uint64_t length, ioas::Prot prot) {
  uapi::IoasMapFile map{.size = sizeof map,
                        .flags = flags_of(prot),
                        .ioas_id = id_,
                        .fd = fd,
                        .start = start,
                        .length = length,
                        .iova = 0};
  const int done = iommufd_->kernel().call(iommufd_->fd(), uapi::kIoasMapFile, map);
  if (done == -ENOTTY) iommufd_->lack_map_file();
  if (done < 0) return std::unexpected(map_refused(iommufd_->kernel(), Backend::kIommufd, -done, length, start));
  return Iova{map.iova};
}

Result<> KernelIoas::allow(std::span<const IovaRange> ranges) {
  std::vector<uapi::IovaRange> raw;
  for (const IovaRange& range : ranges) raw.push_back({range.first.value, range.last.value});
  uapi::IoasAllowIovas allow{.size = sizeof allow,
                             .ioas_id = id_,
                             .num_iovas = static_cast<std::uint32_t>(raw.size()),
                             .reserved = 0,
                             .allowed_iovas = reinterpret_cast<std::uintptr_t>(raw.data())};
  const int done = iommufd_->kernel().call(iommufd_->fd(), uapi::kIoasAllowIovas, allow);
  if (done == 0) return {};
  if (const auto now = this->ranges(); done == -EADDRINUSE && now) {
    const ioas::RangeSet kept = ioas::RangeSet(now->ranges).complement();
    for (const IovaRange& range : ranges)
      if (const auto hole = kept.from(range.first); hole != kept.ranges().end() && hole->overlaps(range))
        return std::unexpected(allow_refused(range, *hole));
  }
  return std::unexpected(request_failed("/dev/iommu", "IOMMU_IOAS_ALLOW_IOVAS", -done));
}

Result<> KernelIoas::set_huge_pages(bool allowed) {
  uapi::Option option{.size = sizeof option,
                      .option_id = uapi::kOptionHugePages,
                      .op = uapi::kOptionSet,
                      .reserved = 0,
                      .object_id = id_,
                      .val64 = allowed ? 1U : 0U};
  if (const int done = iommufd_->kernel().call(iommufd_->fd(), uapi::kOption, option); done < 0)
    return std::unexpected(request_failed("/dev/iommu", "IOMMU_OPTION (huge pages)", -done));
  return {};
}

Result<> KernelIoas::copy(const KernelIoas& from, Iova source, std::uint64_t length, Iova iova, ioas::Prot prot) {
  uapi::IoasCopy copy{.size = sizeof copy,
                      .flags = flags_of(prot) | uapi::kMapFixedIova,
                      .dst_ioas_id = id_,
                      .src_ioas_id = from.id_,
                      .length = length,
                      .dst_iova = iova.value,
                      .src_iova = source.value};
  if (const int done = iommufd_->kernel().call(iommufd_->fd(), uapi::kIoasCopy, copy); done < 0)
    return std::unexpected(map_refused(iommufd_->kernel(), Backend::kIommufd, -done, length, iova.value));
  return {};
}

Result<> KernelIoas::unmap(Iova iova, std::uint64_t length) noexcept {
  uapi::IoasUnmap unmap{.size = sizeof unmap, .ioas_id = id_, .iova = iova.value, .length = length};
  if (const int done = iommufd_->kernel().call(iommufd_->fd(), uapi::kIoasUnmap, unmap); done < 0)
    return std::unexpected(request_failed("/dev/iommu", "IOMMU_IOAS_UNMAP", -done));
  return {};
}

}  // namespace aperture::vfio
