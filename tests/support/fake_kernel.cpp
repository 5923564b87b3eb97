// SPDX-License-Identifier: Apache-2.0
#include "support/fake_kernel.hpp"

#include <fmt/format.h>
#include <linux/vfio.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>
#include <stdexcept>

#include "vfio/uapi.hpp"

namespace aperture::test {
namespace {

namespace uapi = vfio::uapi;

template <typename Structure>
Structure& as(std::uintptr_t argument) {
  return *reinterpret_cast<Structure*>(argument);
}

std::string sysfs(const std::string& address) { return "/sys/bus/pci/devices/" + address; }

constexpr unsigned kRegionShift = 40;  // where Linux has regions in a device's file

}  // namespace

FakeKernel::Function& FakeKernel::add(const std::string& address, unsigned group, std::uint16_t vendor,
                                      std::uint16_t device) {
  const std::string cdev = fmt::format("vfio{}", functions_.size());
  auto& function = functions_.emplace_back();
  function.address = address;
  function.group = group;
  function.cdev = cdev;
  function.bars[0].resize(0x10000 / 8);
  function.bars[2].resize(0x10000 / 8);
  files[sysfs(address) + "/vendor"] = fmt::format("{:#06x}\n", vendor);
  files[sysfs(address) + "/device"] = fmt::format("{:#06x}\n", device);
  files[sysfs(address) + "/vfio-dev/" + cdev + "/dev"] = "";
  files[fmt::format("/sys/kernel/iommu_groups/{}/devices/{}/", group, address)] = "";
  links[sysfs(address) + "/iommu_group"] = fmt::format("../../../kernel/iommu_groups/{}", group);
  links[sysfs(address) + "/driver"] = "../../../bus/pci/drivers/vfio-pci";
  return function;
}

void FakeKernel::bind(const std::string& address, const std::string& driver) {
  std::erase_if(files, [&](const auto& file) { return file.first.starts_with(sysfs(address) + "/vfio-dev"); });
  links.erase(sysfs(address) + "/driver");
  if (!driver.empty()) links[sysfs(address) + "/driver"] = "../../../bus/pci/drivers/" + driver;
}

void FakeKernel::fail(unsigned long request, int number, unsigned n) {
  auto& next = answers[request];
  next.resize(std::max<std::size_t>(next.size(), n));
  next[n - 1] = -number;
}

void FakeKernel::raise(Function& function, unsigned vector) { ++fds_.at(function.eventfds.at(vector)).count; }

FakeKernel::Function& FakeKernel::function(const std::string& address) {
  return *std::ranges::find(functions_, address, &Function::address);
}

std::size_t FakeKernel::dma_maps() const {
  std::size_t count = 0;
  for (const auto& [id, space] : spaces_) count += space.maps.size();
  return count;
}

unsigned FakeKernel::calls(unsigned long request) const {
  const auto found = calls_.find(request);
  return found == calls_.end() ? 0 : found->second;
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

int FakeKernel::add_fd(Fd fd) {
  fds_.emplace(next_fd_, fd);
  return next_fd_++;
}

int FakeKernel::open(const std::string& path, int) {
  opened_.push_back(path);
  if (const auto error = open_fails.find(path); error != open_fails.end()) return -error->second;
  if (path == "/dev/iommu") return iommufd ? add_fd({.kind = Kind::kIommufd}) : -ENOENT;
  if (path == "/dev/vfio/vfio") {
    spaces_[next_space_].container = true;
    return add_fd({.kind = Kind::kContainer, .space = next_space_++});
  }
  for (Function& function : functions_) {
    if (path == "/dev/vfio/devices/" + function.cdev && iommufd)
      return add_fd({.kind = Kind::kDevice, .function = &function});
    if (path != fmt::format("/dev/vfio/{}", function.group)) continue;
    for (const auto& [number, fd] : fds_)
      if (fd.kind == Kind::kGroup && fd.group == function.group) return -EBUSY;
    return add_fd({.kind = Kind::kGroup, .group = function.group});
  }
  return -ENOENT;
}

void FakeKernel::close(int number) noexcept {
  const Fd fd = fds_.at(number);
  fds_.erase(number);
  if (fd.kind == Kind::kContainer) spaces_.erase(fd.space);
  if (fd.kind == Kind::kIommufd) std::erase_if(spaces_, [](const auto& space) { return !space.second.container; });
  if (fd.kind == Kind::kDevice) {
    fd.function->bound = false;
    fd.function->attached.reset();
    fd.function->eventfds.clear();
  }
}

int FakeKernel::ioctl(int number, unsigned long request, std::uintptr_t argument) {
  ++calls_[request];
  if (auto& next = answers[request]; !next.empty()) {
    const int answer = next.front();
    next.pop_front();
    if (answer != 0) return answer;
  }
  Fd& fd = fds_.at(number);
  switch (fd.kind) {
    case Kind::kIommufd:
      return iommufd_request(request, argument);
    case Kind::kContainer:
      return container_request(fd, request, argument);
    case Kind::kGroup:
      return group_request(fd, request, argument);
    case Kind::kDevice:
      return device_request(fd, request, argument);
    default:
      return -ENOTTY;
  }
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

int FakeKernel::group_request(Fd& fd, unsigned long request, std::uintptr_t argument) {
  switch (request) {
    case VFIO_GROUP_GET_STATUS:
      as<vfio_group_status>(argument).flags = viable ? VFIO_GROUP_FLAGS_VIABLE : 0;
      return 0;
    case VFIO_GROUP_SET_CONTAINER:
      fd.space = fds_.at(as<int>(argument)).space;
      spaces_.at(fd.space).group = fd.group;
      return 0;
    case VFIO_GROUP_GET_DEVICE_FD: {
      Function& found = function(reinterpret_cast<const char*>(argument));
      if (found.group != fd.group || !spaces_.at(fd.space).iommu) return -EINVAL;
      return add_fd({.kind = Kind::kDevice, .function = &found});
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

int FakeKernel::device_request(Fd& fd, unsigned long request, std::uintptr_t argument) {
  Function& function = *fd.function;
  switch (request) {
    case uapi::kDeviceBindIommufd:
      if (std::exchange(function.bound, true)) return -EINVAL;
      as<uapi::DeviceBindIommufd>(argument).out_devid = 1;
      return 0;
    case uapi::kDeviceAttachIommufdPt:
      return attach(function, as<uapi::DeviceAttachIommufdPt>(argument).pt_id);
    case uapi::kDeviceDetachIommufdPt:
      function.attached.reset();
      return 0;
    case VFIO_DEVICE_GET_INFO:
      as<vfio_device_info>(argument).flags = VFIO_DEVICE_FLAGS_PCI | (function.resets ? VFIO_DEVICE_FLAGS_RESET : 0);
      return 0;
    case VFIO_DEVICE_GET_REGION_INFO: {
      auto& info = as<vfio_region_info>(argument);
      info.offset = std::uint64_t{info.index} << kRegionShift;
      const auto bar = function.bars.find(info.index);
      info.size = info.index == VFIO_PCI_CONFIG_REGION_INDEX ? 4096
                  : bar == function.bars.end()               ? 0
                                                             : bar->second.size() * 8;
      info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
                   (function.mappable && info.index < 6 ? VFIO_REGION_INFO_FLAG_MMAP : 0);
      return 0;
    }
    case VFIO_DEVICE_GET_IRQ_INFO: {
      auto& info = as<vfio_irq_info>(argument);
      info.count = info.index == VFIO_PCI_MSIX_IRQ_INDEX ? function.vectors : 0;
      info.flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
      return 0;
    }
    case VFIO_DEVICE_SET_IRQS: {
      const auto& set = as<vfio_irq_set>(argument);
      if (set.count > function.vectors_there.value_or(function.vectors))
        return static_cast<int>(*function.vectors_there);
      function.eventfds.resize(set.count);
      if (set.count > 0) std::memcpy(function.eventfds.data(), &set.data, set.count * sizeof(int));
      return 0;
    }
    case VFIO_DEVICE_RESET:
      ++function.reset_count;
      function.config[0] &= 0xffff'ffff;  // COMMAND and STATUS
      return 0;
    default:
      return -ENOTTY;
  }
}

std::byte* FakeKernel::region(Function& function, std::uint64_t offset, std::uint64_t size) {
  const auto index = static_cast<unsigned>(offset >> kRegionShift);
  auto& words = index == VFIO_PCI_CONFIG_REGION_INDEX ? function.config : function.bars.at(index);
  const std::uint64_t inside = offset & ((std::uint64_t{1} << kRegionShift) - 1);
  if (inside + size > words.size() * 8) throw std::out_of_range("beyond a region of the fake device");
  return reinterpret_cast<std::byte*>(words.data()) + inside;
}

std::int64_t FakeKernel::pread(int fd, std::span<std::byte> to, std::uint64_t offset) {
  std::memcpy(to.data(), region(*fds_.at(fd).function, offset, to.size()), to.size());
  return static_cast<std::int64_t>(to.size());
}

std::int64_t FakeKernel::pwrite(int fd, std::span<const std::byte> from, std::uint64_t offset) {
  Function& function = *fds_.at(fd).function;
  std::memcpy(region(function, offset, from.size()), from.data(), from.size());
  if (offset >> kRegionShift == 0 && function.on_write) function.on_write(offset);
  return static_cast<std::int64_t>(from.size());
}

std::expected<std::byte*, int> FakeKernel::map(int fd, std::uint64_t size, std::uint64_t offset) {
  std::byte* const first = region(*fds_.at(fd).function, offset, size);
  memory_.emplace(first, std::unique_ptr<std::byte, void (*)(void*)>(first, [](void*) {}));
  return first;
}

std::expected<std::byte*, int> FakeKernel::allocate(std::uint64_t size, bool huge) {
  if (huge && !huge_pages) return std::unexpected(ENOMEM);
  if (huge) ++huge_allocations_;
  auto* const first = static_cast<std::byte*>(std::aligned_alloc(std::size_t{2} << 20, size));
  std::memset(first, 0, size);
  memory_.emplace(first, std::unique_ptr<std::byte, void (*)(void*)>(first, std::free));
  return first;
}

void FakeKernel::unmap(std::byte* first, std::uint64_t) noexcept { memory_.erase(first); }

int FakeKernel::eventfd() { return add_fd({.kind = Kind::kEventfd}); }

int FakeKernel::drain(int eventfd) {
  return std::exchange(fds_.at(eventfd).count, 0) > 0 ? static_cast<int>(sizeof(std::uint64_t)) : -EAGAIN;
}

int FakeKernel::poll(std::span<pollfd> polled, std::chrono::nanoseconds limit) {
  int ready = 0;
  for (pollfd& one : polled) {
    one.revents = one.fd >= 0 && fds_.at(one.fd).count > 0 ? one.events : short{0};
    if (one.revents != 0) ++ready;
  }
  if (ready == 0) slept += limit;
  return ready;
}

std::expected<std::string, int> FakeKernel::read_file(const std::string& path) {
  const auto file = files.find(path);
  if (file == files.end()) return std::unexpected(ENOENT);
  return file->second;
}

std::expected<std::string, int> FakeKernel::read_link(const std::string& path) {
  const auto link = links.find(path);
  if (link == links.end()) return std::unexpected(ENOENT);
  return link->second;
}

std::expected<std::vector<std::string>, int> FakeKernel::list(const std::string& path) {
  std::set<std::string> names;
  for (const auto& [file, content] : files)
    if (file.starts_with(path + "/"))
      names.insert(file.substr(path.size() + 1, file.find('/', path.size() + 1) - path.size() - 1));
  if (names.empty()) return std::unexpected(ENOENT);
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace aperture::test
