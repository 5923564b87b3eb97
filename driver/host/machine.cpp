// SPDX-License-Identifier: Apache-2.0
#include "host/machine.hpp"

#include <utility>

namespace aperture::host {
namespace {

template <typename T>
Result<std::unique_ptr<Device>> as_device(Result<std::unique_ptr<T>> made) {
  if (!made) return std::unexpected(std::move(made.error()));
  return std::unique_ptr<Device>(std::move(*made));
}

}  // namespace

Result<std::unique_ptr<Device>> Machine::open(const std::string& place, DeviceOptions options) {
  const std::lock_guard lock(mutex_);
  const auto location = vfio::locate(system_.kernel(), place);
  if (!location) return std::unexpected(location.error());
  auto function = system_.open(*location);
  if (!function) return std::unexpected(std::move(function.error()));
  if ((*function)->backend() == vfio::Backend::kIommufd) {
    if (auto done = pins_.stage((*function)->iommufd()); !done) return std::unexpected(std::move(done.error()));
    return as_device(IommufdDevice::create(std::move(*function), pins_, std::move(options)));
  }
  auto& domain = type1_[*location->group];
  if (!domain) domain = std::make_shared<std::weak_ptr<Type1Domain>>();
  return as_device(Type1Device::create(std::move(*function), pins_, std::move(options), domain));
}

}  // namespace aperture::host
