// SPDX-License-Identifier: Apache-2.0
#include "vfio/diagnosis.hpp"

#include <fmt/format.h>

#include <cstring>

namespace aperture::vfio {
namespace {

std::string binding(const std::string& address) {
  return fmt::format(
      "`modprobe vfio-pci` and then `driverctl set-override {0} vfio-pci`, or without driverctl `echo vfio-pci > "
      "/sys/bus/pci/devices/{0}/driver_override; echo {0} > /sys/bus/pci/devices/{0}/driver/unbind; echo {0} > "
      "/sys/bus/pci/drivers_probe`",
      address);
}

std::string reason(int number) { return std::strerror(number); }

Code code_of(int number) {
  switch (number) {
    case EACCES:
    case EPERM:
      return Code::kPermission;
    case ENOMEM:
      return Code::kNoMemory;
    case EBUSY:
    case EADDRINUSE:
      return Code::kInUse;
    case ENOSPC:
      return Code::kNoSpace;
    default:
      return Code::kEnvironment;
  }
}

std::string size_of(std::uint64_t bytes) {
  if (bytes == ~std::uint64_t{0}) return "no limit";
  return bytes < (1U << 20) ? fmt::format("{} KiB", bytes >> 10) : fmt::format("{} MiB", bytes >> 20);
}

std::string short_of_locked_memory(Kernel& kernel) {
  return fmt::format(
      "locked memory is short: the limit is {} (`ulimit -l`); raise it with `ulimit -l unlimited` as root, or with a "
      "line \"* - memlock unlimited\" in /etc/security/limits.d/aperture.conf",
      size_of(kernel.locked_memory_limit()));
}

}  // namespace

std::string_view name(Backend backend) { return backend == Backend::kIommufd ? "iommufd" : "type1"; }

Error without_iommu(const Location& location) {
  return {
      Code::kEnvironment, ENODEV,
      fmt::format("{}: Linux has no IOMMU for it (no iommu_group in {}); switch the IOMMU on in the firmware (VT-d, "
                  "AMD-Vi, SMMU) and boot with `intel_iommu=on` where the processor is Intel's; `dmesg | grep -i "
                  "-e dmar -e iommu` says what was found",
                  location.address, location.sysfs())};
}

Error not_bound(const Location& location) {
  const std::string has = location.driver.empty() ? "no driver" : fmt::format("the driver \"{}\"", location.driver);
  return {Code::kEnvironment, ENODEV,
          fmt::format("{} is bound to {}, not to vfio-pci: {}", location.address, has, binding(location.address))};
}

Error cannot_open(const std::string& path, int number, const Location& location) {
  std::string remedy;
  switch (number) {
    case EACCES:
    case EPERM:
      remedy = fmt::format("no permission: `sudo chown $USER {}`, or run as root", path);
      break;
    case EBUSY:
      remedy = fmt::format("another process has it: `fuser -v {}` says which", path);
      break;
    case ENOENT:
    case ENODEV:
    case ENXIO:
      remedy =
          path.ends_with("vfio/vfio")
              ? "the VFIO container is missing: `modprobe vfio_iommu_type1`"
              : "it is missing: `modprobe vfio-pci`, and see that the function is bound: " + binding(location.address);
      break;
    default:
      remedy = reason(number);
  }
  return {number == ENOENT ? Code::kEnvironment : code_of(number), number,
          fmt::format("{}: cannot open {}: {}", location.address, path, remedy)};
}

Error without_iommufd(const std::string& path, const Location& location) {
  return {Code::kEnvironment, ENODEV,
          fmt::format("{}: backend=iommufd needs {}, which is not there: `modprobe iommufd`; a kernel built without "
                      "CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV (Debian's, for one) never has it: use backend=type1",
                      location.address, path)};
}

Error group_not_viable(Kernel& kernel, const Location& location) {
  const unsigned group = location.group.value_or(0);
  std::string others;
  std::string first;
  for (const std::string& member : group_members(kernel, group)) {
    const auto other = locate(kernel, member);
    if (!other || other->driver.empty() || other->bound_to_vfio()) continue;
    others += fmt::format("{}{} ({})", others.empty() ? "" : ", ", member, other->driver);
    if (first.empty()) first = member;
  }
  return {
      Code::kEnvironment, EPERM,
      fmt::format("{}: its IOMMU group {} cannot be used while the kernel's drivers have other functions of it: {}; "
                  "each of them needs vfio-pci or no driver at all: {}",
                  location.address, group, others.empty() ? "(none found now)" : others,
                  binding(first.empty() ? location.address : first))};
}

Error iommu_refused(Backend backend, int number, const Location& location) {
  const bool iommufd = backend == Backend::kIommufd;
  std::string what;
  switch (number) {
    case EPERM:
      what = fmt::format(
          "its interrupts are not isolated by the hardware (no interrupt remapping), or another context owns its "
          "group; for a device that you trust: `echo 1 > /sys/module/{}/parameters/allow_unsafe_interrupts`",
          iommufd ? "iommufd" : "vfio_iommu_type1");
      break;
    case EBUSY:
      what = "a driver of the kernel's uses its IOMMU group " + std::to_string(location.group.value_or(0)) +
             "; bind every function of the group: " + binding(location.address);
      break;
    case EINVAL:
      what = iommufd ? "its DMA is not cache-coherent, or the function is bound to an iommufd already"
                     : "the container takes no IOMMU of this type: `modprobe vfio_iommu_type1`";
      break;
    case ENODEV:
      what = "the IOMMU driver refuses the device; `dmesg | tail` may say why";
      break;
    default:
      what = reason(number);
  }
  return {code_of(number), number,
          fmt::format("{}: the kernel's IOMMU refuses it ({}): {}", location.address, name(backend), what)};
}

Error map_refused(Kernel& kernel, Backend backend, int number, std::uint64_t length, std::uint64_t iova) {
  std::string what;
  switch (number) {
    case ENOMEM:
      what = short_of_locked_memory(kernel);
      break;
    case ENOSPC:
      what = backend == Backend::kType1
                 ? "the container's maps are used up: `cat /sys/module/vfio_iommu_type1/parameters/dma_entry_limit`"
                 : reason(number);
      break;
    case EFAULT:
      what = "the memory is not mapped in this process, or not writable";
      break;
    case EINVAL:
      what = "the IOMMU has no such address, or not this page size";
      break;
    case EEXIST:
      what = "something is mapped there already";
      break;
    default:
      what = reason(number);
  }
  const Code code = number == EFAULT   ? Code::kFault
                    : number == EEXIST ? Code::kExists
                    : number == EINVAL ? Code::kInvalid
                                       : code_of(number);
  return {code, number, fmt::format("{} at {:#x} for DMA: {}", size_of(length), iova, what)};
}

Error attach_refused(Kernel& kernel, int number, const Location& location) {
  std::string what;
  switch (number) {
    case EINVAL:
      what =
          fmt::format("another function of its IOMMU group {} uses another address space, or the IOMMU cannot use it",
                      location.group.value_or(0));
      break;
    case EADDRINUSE:
      what = "something is mapped, or allowed, where the function has no addresses";
      break;
    case EFAULT:
      what = "some of the memory mapped there is not, or no longer, mapped in this process";
      break;
    case ENOMEM:
      what = short_of_locked_memory(kernel);
      break;
    default:
      what = reason(number);
  }
  const Code code = number == EFAULT ? Code::kFault : number == EINVAL ? Code::kInUse : code_of(number);
  return {code, number, fmt::format("{} cannot use this address space of the kernel's: {}", location.address, what)};
}

Error allow_refused(IovaRange range, IovaRange kept) {
  return {Code::kInUse, EADDRINUSE,
          fmt::format("[{:#x}-{:#x}] is required, and the kernel keeps [{:#x}-{:#x}] of this address space",
                      range.first.value, range.last.value, kept.first.value, kept.last.value)};
}

std::string without_map_file() {
  return "this kernel's iommufd has no IOMMU_IOAS_MAP_FILE (Linux 6.13 has): the memory of files is pinned through "
         "this process's mappings of them";
}

std::string without_page_table(const Location& location, const std::string& why) {
  return fmt::format(
      "{}: the kernel makes no page table for it before an attach ({}): it is attached to the kernel's IOAS, and to a "
      "table of the kernel's choice",
      location.address, why);
}

Error request_failed(const std::string& who, const std::string& request, int number) {
  return {code_of(number), number, fmt::format("{}: {} failed: {}", who, request, reason(number))};
}

}  // namespace aperture::vfio
