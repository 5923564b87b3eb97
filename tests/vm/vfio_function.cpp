// SPDX-License-Identifier: Apache-2.0
#include "vm/vfio_function.hpp"

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace aperture::test {
namespace {

std::runtime_error failure(const std::string& what) {
  return std::runtime_error(what + ": " + std::strerror(errno));  // NOLINT: one thread
}

int opened(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) throw failure(path);
  return file;
}

std::string address() {
  const char* card = std::getenv("APERTURE_CARD");
  const std::string prefix = "vfio:";
  if (card == nullptr || std::string(card).rfind(prefix, 0) != 0)
    throw std::runtime_error("APERTURE_CARD has to be vfio:DOMAIN:BUS:DEVICE.FUNCTION");
  return std::string(card).substr(prefix.size());
}

int result(int code) { return code < 0 ? -errno : code; }

}  // namespace

VfioFunction::VfioFunction() {
  const std::string function = address();
  const auto link = std::filesystem::read_symlink("/sys/bus/pci/devices/" + function + "/iommu_group");
  container_ = opened("/dev/vfio/vfio");
  group_ = opened("/dev/vfio/" + link.filename().string());
  if (::ioctl(group_, VFIO_GROUP_SET_CONTAINER, &container_) != 0) throw failure("VFIO_GROUP_SET_CONTAINER");
  if (::ioctl(container_, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) != 0) throw failure("VFIO_SET_IOMMU");
  device_ = ::ioctl(group_, VFIO_GROUP_GET_DEVICE_FD, function.c_str());
  if (device_ < 0) throw failure("VFIO_GROUP_GET_DEVICE_FD");
}

VfioFunction::~VfioFunction() {
  for (const int file : {device_, group_, container_})
    if (file >= 0) ::close(file);
}

int VfioFunction::call(unsigned long request, void* argument) const {
  return result(::ioctl(device_, request, argument));
}
int VfioFunction::container_call(unsigned long request, void* argument) const {
  return result(::ioctl(container_, request, argument));
}
int VfioFunction::container_extension(unsigned long extension) const {
  return result(::ioctl(container_, VFIO_CHECK_EXTENSION, extension));
}
int VfioFunction::group_call(unsigned long request, void* argument) const {
  return result(::ioctl(group_, request, argument));
}

vfio_region_info VfioFunction::region(unsigned index) const {
  vfio_region_info info{};
  info.argsz = sizeof info;
  info.index = index;
  if (const int code = call(VFIO_DEVICE_GET_REGION_INFO, &info); code != 0)
    throw std::runtime_error("VFIO_DEVICE_GET_REGION_INFO " + std::to_string(index) + ": " + std::to_string(code));
  return info;
}

vfio_irq_info VfioFunction::irq(unsigned index) const {
  vfio_irq_info info{};
  info.argsz = sizeof info;
  info.index = index;
  if (const int code = call(VFIO_DEVICE_GET_IRQ_INFO, &info); code != 0)
    throw std::runtime_error("VFIO_DEVICE_GET_IRQ_INFO " + std::to_string(index) + ": " + std::to_string(code));
  return info;
}

long VfioFunction::read(unsigned index, std::uint64_t offset, void* to, std::size_t size) const {
  const long count = ::pread(device_, to, size, static_cast<off_t>(region(index).offset + offset));
  return count < 0 ? -errno : count;
}

long VfioFunction::write(unsigned index, std::uint64_t offset, const void* from, std::size_t size) const {
  const long count = ::pwrite(device_, from, size, static_cast<off_t>(region(index).offset + offset));
  return count < 0 ? -errno : count;
}

std::uint32_t VfioFunction::config(std::uint64_t offset, unsigned size) const {
  std::uint32_t value = 0;
  if (read(VFIO_PCI_CONFIG_REGION_INDEX, offset, &value, size) != static_cast<long>(size))
    throw std::runtime_error("config space cannot be read at " + std::to_string(offset));
  return value;
}

void VfioFunction::set_config(std::uint64_t offset, unsigned size, std::uint32_t value) const {
  if (write(VFIO_PCI_CONFIG_REGION_INDEX, offset, &value, size) != static_cast<long>(size))
    throw std::runtime_error("config space cannot be written at " + std::to_string(offset));
}

std::optional<std::uint8_t> VfioFunction::capability(std::uint8_t id) const {
  auto at = static_cast<std::uint8_t>(config(PCI_CAPABILITY_LIST, 1));
  for (int count = 0; at != 0; ++count) {
    if (count == 48) throw std::runtime_error("the list of capabilities does not end");
    if (config(at, 1) == id) return at;
    at = static_cast<std::uint8_t>(config(at + PCI_CAP_LIST_NEXT, 1));
  }
  return std::nullopt;
}

int VfioFunction::set_irqs(std::uint32_t index, std::uint32_t flags, std::uint32_t start, std::uint32_t count,
                           const std::vector<std::int32_t>& words, std::uint32_t argsz) const {
  std::vector<std::uint32_t> message(sizeof(vfio_irq_set) / 4 + words.size());
  const vfio_irq_set header{.argsz = argsz != 0 ? argsz : static_cast<std::uint32_t>(4 * message.size()),
                            .flags = flags,
                            .index = index,
                            .start = start,
                            .count = count};
  std::memcpy(message.data(), &header, sizeof header);
  if (!words.empty()) std::memcpy(message.data() + sizeof header / 4, words.data(), 4 * words.size());
  return call(VFIO_DEVICE_SET_IRQS, message.data());
}

}  // namespace aperture::test
