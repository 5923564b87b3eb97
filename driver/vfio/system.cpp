// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include "vfio/function.hpp"
#include "vfio/uapi.hpp"

namespace aperture::vfio {
namespace {

bool missing(int number) { return number == ENOENT || number == ENODEV || number == ENXIO; }

}  // namespace

Result<std::unique_ptr<Function>> System::open(const Location& location) {
  if (!location.group) return std::unexpected(without_iommu(location));
  if (!location.bound_to_vfio()) return std::unexpected(not_bound(location));
  Result<std::unique_ptr<Function>> function;
  if (backend_ != Backend::kType1) function = open_iommufd(location);
  if (function && !*function) function = open_type1(location);
  if (!function) return function;
  if (auto done = (*function)->start(); !done) return std::unexpected(std::move(done.error()));
  backend_ = (*function)->backend();
  return function;
}

Result<std::unique_ptr<Function>> System::open_iommufd(const Location& location) {
  const auto absent = [&](const std::string& path) -> Result<std::unique_ptr<Function>> {
    if (backend_ == Backend::kIommufd) return std::unexpected(without_iommufd(path, location));
    return nullptr;
  };
  const std::string path = "/dev/iommu";
  auto iommufd = iommufd_;
  if (!iommufd) {
    File file(kernel_, kernel_.open(path, O_RDWR));
    if (missing(-file.fd())) return absent(path);
    if (file.fd() < 0) return std::unexpected(cannot_open(path, -file.fd(), location));
    iommufd = std::make_shared<Iommufd>(kernel_, std::move(file));
  }
  if (location.cdev.empty()) return absent(location.sysfs() + "/vfio-dev");
  File device(kernel_, kernel_.open(location.cdev_path(), O_RDWR));
  if (missing(-device.fd())) return absent(location.cdev_path());
  if (device.fd() < 0) return std::unexpected(cannot_open(location.cdev_path(), -device.fd(), location));

  uapi::DeviceBindIommufd bind{.argsz = sizeof bind, .flags = 0, .iommufd = iommufd->fd(), .out_devid = 0};
  if (const int done = kernel_.call(device.fd(), uapi::kDeviceBindIommufd, bind); done < 0)
    return std::unexpected(iommu_refused(Backend::kIommufd, -done, location));
  iommufd_ = iommufd;
  return std::unique_ptr<Function>(
      new Function(kernel_, location, std::move(iommufd), bind.out_devid, nullptr, std::move(device)));
}

Result<std::unique_ptr<Function>> System::open_type1(const Location& location) {
  auto& known = containers_[*location.group];
  auto container = known.lock();
  if (!container) {
    auto opened = Container::open(kernel_, location);
    if (!opened) return std::unexpected(std::move(opened.error()));
    container = std::move(*opened);
    known = container;
  }
  auto device = container->device(location);
  if (!device) return std::unexpected(std::move(device.error()));
  return std::unique_ptr<Function>(
      new Function(kernel_, location, nullptr, 0, std::move(container), std::move(*device)));
}

}  // namespace aperture::vfio
