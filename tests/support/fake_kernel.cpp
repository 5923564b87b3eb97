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

unsigned vectors_of(const FakeKernel::Function& function, std::uint32_t irqs) {
  return irqs == VFIO_PCI_MSIX_IRQ_INDEX ? function.vectors : irqs == VFIO_PCI_MSI_IRQ_INDEX ? function.msi_vectors : 0;
}

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

unsigned FakeKernel::calls(unsigned long request) const {
  const auto found = calls_.find(request);
  return found == calls_.end() ? 0 : found->second;
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
    spaces_[next_id_].container = true;
    return add_fd({.kind = Kind::kContainer, .space = next_id_++});
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
  if (fd.kind == Kind::kIommufd) tables_.clear();
  if (fd.kind == Kind::kIommufd) std::erase_if(spaces_, [](const auto& space) { return !space.second.container; });
  if (fd.kind == Kind::kDevice) {
    fd.function->bound = false;
    fd.function->attached.reset();
    drop_unused_tables();
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
  if (lacks.contains(request)) return -ENOTTY;
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

int FakeKernel::device_request(Fd& fd, unsigned long request, std::uintptr_t argument) {
  Function& function = *fd.function;
  switch (request) {
    case uapi::kDeviceBindIommufd:
      if (std::exchange(function.bound, true)) return -EINVAL;
      as<uapi::DeviceBindIommufd>(argument).out_devid = function.iommufd_id = next_id_++;
      return 0;
    case uapi::kDeviceAttachIommufdPt:
      return attach(function, as<uapi::DeviceAttachIommufdPt>(argument).pt_id);
    case uapi::kDeviceDetachIommufdPt:
      function.attached.reset();
      drop_unused_tables();
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
      info.count = vectors_of(function, info.index);
      info.flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
      return 0;
    }
    case VFIO_DEVICE_SET_IRQS: {
      const auto& set = as<vfio_irq_set>(argument);
      if (set.count > vectors_of(function, set.index)) return -EINVAL;
      if (set.count > function.vectors_there.value_or(set.count)) return static_cast<int>(*function.vectors_there);
      function.eventfds.resize(set.count);
      if (set.count > 0) std::memcpy(function.eventfds.data(), &set.data, set.count * sizeof(int));
      return 0;
    }
    case VFIO_DEVICE_RESET:
      ++function.reset_count;
      function.config[0] &= ~(std::uint64_t{0xffff} << 32);  // COMMAND
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
