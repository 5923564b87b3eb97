// SPDX-License-Identifier: Apache-2.0
#include "vfio/function.hpp"

#include <fmt/format.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <bit>
#include <cstring>
#include <vector>

#include "vfio/uapi.hpp"

namespace aperture::vfio {
namespace {

const char* name_of(std::uint32_t irqs) { return irqs == VFIO_PCI_MSIX_IRQ_INDEX ? "MSI-X" : "MSI"; }

}  // namespace

Function::~Function() { (void)set_bus_master(false); }

Result<> Function::start() {
  vfio_device_info info{};
  info.argsz = sizeof info;
  if (const int done = kernel_.call(device_.fd(), VFIO_DEVICE_GET_INFO, info); done < 0)
    return std::unexpected(request_failed(location_.address, "VFIO_DEVICE_GET_INFO", -done));
  vfio_region_info config{};
  config.argsz = sizeof config;
  config.index = VFIO_PCI_CONFIG_REGION_INDEX;
  if (const int done = kernel_.call(device_.fd(), VFIO_DEVICE_GET_REGION_INFO, config); done < 0)
    return std::unexpected(request_failed(location_.address, "VFIO_DEVICE_GET_REGION_INFO (configuration)", -done));
  config_ = config.offset;
  resets_ = (info.flags & VFIO_DEVICE_FLAGS_RESET) != 0 && has_function_level_reset();
  return command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
}

std::uint32_t Function::config_word(unsigned offset) const {
  std::uint32_t value = 0;
  const auto bytes = std::as_writable_bytes(std::span(&value, 1));
  return kernel_.pread(device_.fd(), bytes, *config_ + offset) == sizeof value ? value : 0;
}

bool Function::has_function_level_reset() const {
  constexpr int kMost = 48;  // capabilities that 192 bytes have room for
  if ((config_word(PCI_COMMAND) >> 16 & PCI_STATUS_CAP_LIST) == 0) return false;
  unsigned at = config_word(PCI_CAPABILITY_LIST) & 0xfc;
  for (int i = 0; i < kMost && at != 0; ++i) {
    const std::uint32_t header = config_word(at);
    if ((header & 0xff) == PCI_CAP_ID_EXP) return (config_word(at + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR) != 0;
    at = header >> 8 & 0xfc;
  }
  return false;
}

Result<> Function::command(std::uint16_t set, std::uint16_t clear) {
  std::uint16_t value{};
  const auto bytes = std::span(&value, 1);
  if (!config_) return fail(Code::kEnvironment, EIO, location_.address + " has told no configuration space");
  const std::uint64_t at = *config_ + PCI_COMMAND;
  auto moved = kernel_.pread(device_.fd(), std::as_writable_bytes(bytes), at);
  if (moved == sizeof value) {
    value = static_cast<std::uint16_t>((value & ~clear) | set);
    moved = kernel_.pwrite(device_.fd(), std::as_bytes(bytes), at);
  }
  if (moved == sizeof value) return {};
  return std::unexpected(
      request_failed(location_.address, "access to the command register", moved < 0 ? static_cast<int>(-moved) : EIO));
}

Result<> Function::set_bus_master(bool on) {
  return on ? command(PCI_COMMAND_MASTER, 0) : command(0, PCI_COMMAND_MASTER);
}

Result<Region> Function::region(unsigned index) {
  vfio_region_info info{};
  info.argsz = sizeof info;
  info.index = index;
  if (const int done = kernel_.call(device_.fd(), VFIO_DEVICE_GET_REGION_INFO, info); done < 0)
    return std::unexpected(
        request_failed(location_.address, fmt::format("VFIO_DEVICE_GET_REGION_INFO (BAR {})", index), -done));
  constexpr std::uint32_t kUsable = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
  if (info.size == 0 || (info.flags & kUsable) != kUsable)
    return fail(Code::kEnvironment, ENODEV, fmt::format("{} has no BAR {}", location_.address, index));
  return Region(kernel_, device_.fd(), info.offset, info.size, (info.flags & VFIO_REGION_INFO_FLAG_MMAP) != 0,
                fmt::format("{} BAR {}", location_.address, index));
}

Result<unsigned> Function::vectors() {
  for (const std::uint32_t irqs : {kMsix, kMsi}) {
    irqs_ = irqs;
    const auto count = vectors(irqs);
    if (!count || *count != 0) return count;
  }
  return 0;
}

Result<unsigned> Function::vectors(std::uint32_t irqs) {
  static_assert(kMsi == VFIO_PCI_MSI_IRQ_INDEX && kMsix == VFIO_PCI_MSIX_IRQ_INDEX);
  vfio_irq_info info{};
  info.argsz = sizeof info;
  info.index = irqs;
  if (const int done = kernel_.call(device_.fd(), VFIO_DEVICE_GET_IRQ_INFO, info); done < 0)
    return std::unexpected(
        request_failed(location_.address, fmt::format("VFIO_DEVICE_GET_IRQ_INFO ({})", name_of(irqs)), -done));
  return (info.flags & VFIO_IRQ_INFO_EVENTFD) != 0 ? info.count : 0;
}

Result<unsigned> Function::signal(std::span<const int> eventfds) {
  for (;;) {
    std::vector<std::byte> buffer(sizeof(vfio_irq_set) + eventfds.size_bytes());
    auto& set = *reinterpret_cast<vfio_irq_set*>(buffer.data());
    set.argsz = static_cast<std::uint32_t>(buffer.size());
    set.flags = VFIO_IRQ_SET_ACTION_TRIGGER |
                (eventfds.empty() ? VFIO_IRQ_SET_DATA_NONE : static_cast<std::uint32_t>(VFIO_IRQ_SET_DATA_EVENTFD));
    set.index = irqs_;
    set.count = static_cast<std::uint32_t>(eventfds.size());
    if (!eventfds.empty()) std::memcpy(&set.data, eventfds.data(), eventfds.size_bytes());
    const int done = kernel_.call(device_.fd(), VFIO_DEVICE_SET_IRQS, set);
    if (done == 0) return static_cast<unsigned>(eventfds.size());
    // A positive answer is how many vectors there are on this machine.
    if (done < 0 || static_cast<std::size_t>(done) >= eventfds.size())
      return std::unexpected(request_failed(location_.address, fmt::format("VFIO_DEVICE_SET_IRQS ({})", name_of(irqs_)),
                                            done < 0 ? -done : EIO));
    // A function is given a power of two of MSIs: the next lower one, or some would have no eventfd.
    const auto there = static_cast<std::size_t>(done);
    eventfds = eventfds.first(vectors_fold() ? std::bit_floor(there) : there);
  }
}

Result<> Function::reset() {
  if (!resets_) return {};
  if (const int done = kernel_.ioctl(device_.fd(), VFIO_DEVICE_RESET, 0); done < 0)
    return std::unexpected(request_failed(location_.address, "VFIO_DEVICE_RESET", -done));
  return command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
}

Result<std::shared_ptr<Space>> Function::own_space() {
  if (container_) return std::static_pointer_cast<Space>(container_);
  auto ioas = KernelIoas::create(iommufd_);
  if (!ioas) return std::unexpected(std::move(ioas.error()));
  if (auto done = attach(**ioas); !done) return std::unexpected(std::move(done.error()));
  own_ = std::move(*ioas);
  return own_;
}

Result<std::unique_ptr<PageTable>> Function::make_table(const KernelIoas& ioas) const {
  return PageTable::create(iommufd_, iommufd_id_, ioas);
}

Result<> Function::attach(std::uint32_t id) {
  uapi::DeviceAttachIommufdPt attach{.argsz = sizeof attach, .flags = 0, .pt_id = id};
  if (const int done = kernel_.call(device_.fd(), uapi::kDeviceAttachIommufdPt, attach); done < 0)
    return std::unexpected(attach_refused(kernel_, -done, location_));
  return {};
}

Result<> Function::detach() noexcept {
  uapi::DeviceDetachIommufdPt detach{.argsz = sizeof detach, .flags = 0};
  if (const int done = kernel_.call(device_.fd(), uapi::kDeviceDetachIommufdPt, detach); done < 0)
    return std::unexpected(request_failed(location_.address, "VFIO_DEVICE_DETACH_IOMMUFD_PT", -done));
  return {};
}

}  // namespace aperture::vfio
