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
  auto& group = groups_[*location->group];
  if (!group) group = std::make_shared<Group>();
  if ((*function)->backend() == vfio::Backend::kIommufd) {
    if (auto done = pins_.stage((*function)->iommufd()); !done) return std::unexpected(std::move(done.error()));
    return as_device(IommufdDevice::create(std::move(*function), pins_, std::move(options), group));
  }
  return as_device(Type1Device::create(std::move(*function), pins_, std::move(options), group));
}

std::vector<std::string> Machine::fallbacks() const {
  const std::lock_guard lock(mutex_);
  return system_.iommufd() ? system_.iommufd()->fallbacks() : std::vector<std::string>{};
}

}  // namespace aperture::host
