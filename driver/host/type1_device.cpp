// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "host/device.hpp"

namespace aperture::host {

class Type1Device::Prepared final : public ioas::PreparedAttach {
 public:
  Prepared(Type1Device& device, std::shared_ptr<Type1Domain> domain) : device_(device), domain_(std::move(domain)) {}
  Result<bool> commit() noexcept override {
    device_.domain_ = std::move(domain_);
    return true;
  }

 private:
  Type1Device& device_;
  std::shared_ptr<Type1Domain> domain_;
};

Result<std::unique_ptr<Type1Device>> Type1Device::create(std::unique_ptr<vfio::Function> function, PinProvider& pins,
                                                         DeviceOptions options, std::shared_ptr<Group> group) {
  const auto ranges = function->container()->ranges();
  if (!ranges) return std::unexpected(ranges.error());
  std::unique_ptr<Type1Device> device(new Type1Device(std::move(function), pins, *ranges, std::move(options)));
  device->group_ = std::move(group);
  return device;
}

Result<std::shared_ptr<ioas::Domain>> Type1Device::make_domain(std::size_t format, ioas::ProcessId process) {
  if (auto done = check(process); !done) return std::unexpected(std::move(done.error()));
  if (!group_->space.expired())
    return fail(
        Code::kUnsupported, EOPNOTSUPP,
        fmt::format("device {}: VFIO type1 has one address space for all functions of IOMMU group {}, and it is "
                    "in use: detach them from their IOAS first, or use a kernel with iommufd",
                    name(), function_->location().group.value_or(0)));
  auto made = std::make_shared<Type1Domain>(formats_.at(format), pins_, function_->container());
  group_->space = made;
  return made;
}

Result<std::unique_ptr<ioas::PreparedAttach>> Type1Device::prepare_attach(std::shared_ptr<ioas::Domain> domain,
                                                                          ioas::ProcessId process) {
  if (auto done = check(process); !done) return std::unexpected(std::move(done.error()));
  auto ours = std::dynamic_pointer_cast<Type1Domain>(std::move(domain));
  if (!ours || &ours->space() != function_->container().get())
    return fail(Code::kInvalid, EINVAL, fmt::format("device {} is in another container than the domain", name()));
  return std::make_unique<Prepared>(*this, std::move(ours));
}

Result<> Type1Device::detach(ioas::ProcessId process) noexcept {
  if (!process) domain_.reset();
  return {};
}

}  // namespace aperture::host
