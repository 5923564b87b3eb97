// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "host/device.hpp"

namespace aperture::host {

class IommufdDevice::Prepared final : public ioas::PreparedAttach {
 public:
  Prepared(IommufdDevice& device, std::shared_ptr<IommufdDomain> domain)
      : device_(device), domain_(std::move(domain)) {}
  ~Prepared() override {
    if (!domain_) return;
    const auto* before = static_cast<IommufdDomain*>(device_.domain_.get());
    if (before == nullptr || !device_.move_to(*before)) (void)device_.function_->detach();
  }
  Result<bool> commit() noexcept override {
    const bool first = device_.domain_ == nullptr;
    device_.domain_ = std::move(domain_);
    return first;
  }

 private:
  IommufdDevice& device_;
  std::shared_ptr<IommufdDomain> domain_;
};

Result<std::unique_ptr<IommufdDevice>> IommufdDevice::create(std::unique_ptr<vfio::Function> function,
                                                             PinProvider& pins, DeviceOptions options) {
  auto trial = vfio::KernelIoas::create(function->iommufd());
  if (!trial) return std::unexpected(std::move(trial.error()));
  if (auto done = function->attach(**trial); !done) return std::unexpected(std::move(done.error()));
  const auto ranges = (*trial)->ranges();
  if (auto done = function->detach(); !done) return std::unexpected(std::move(done.error()));
  if (!ranges) return std::unexpected(ranges.error());
  if (ranges->ranges.empty())
    return fail(Code::kUnsupported, EOPNOTSUPP,
                fmt::format("{}: the kernel's IOMMU has no address for it at all", function->location().address));
  return std::unique_ptr<IommufdDevice>(new IommufdDevice(std::move(function), pins, *ranges, std::move(options)));
}

Result<std::shared_ptr<ioas::Domain>> IommufdDevice::make_domain(std::size_t format, ioas::ProcessId process) {
  if (auto done = check(process); !done) return std::unexpected(std::move(done.error()));
  auto ioas = vfio::KernelIoas::create(function_->iommufd());
  if (!ioas) return std::unexpected(std::move(ioas.error()));
  return std::make_shared<IommufdDomain>(formats_.at(format), pins_, std::move(*ioas));
}

Result<> IommufdDevice::move_to(const IommufdDomain& domain) {
  auto done = function_->attach(domain.space());
  // Some of the kernel's IOMMU drivers know a domain's width only after an attach (virtio-iommu, to Linux 6.12): they
  // refuse to replace by one that has maps, and attach it all the same.
  if (done || done.error().number != EADDRINUSE || !domain_) return done;
  if (auto away = function_->detach(); !away) return away;
  done = function_->attach(domain.space());
  if (!done) (void)function_->attach(static_cast<IommufdDomain&>(*domain_).space());
  return done;
}

Result<std::unique_ptr<ioas::PreparedAttach>> IommufdDevice::prepare_attach(std::shared_ptr<ioas::Domain> domain,
                                                                            ioas::ProcessId process) {
  if (auto done = check(process); !done) return std::unexpected(std::move(done.error()));
  auto ours = std::dynamic_pointer_cast<IommufdDomain>(std::move(domain));
  if (!ours || &ours->pin_provider() != &pins_ || ours->format() != formats_.front())
    return fail(Code::kInvalid, EINVAL, fmt::format("device {} is behind another IOMMU than the domain", name()));
  if (auto done = move_to(*ours); !done) return std::unexpected(std::move(done.error()));
  return std::make_unique<Prepared>(*this, std::move(ours));
}

Result<> IommufdDevice::detach(ioas::ProcessId process) noexcept {
  if (process || !domain_) return {};
  auto done = function_->detach();
  domain_.reset();
  if (!done) return fail(Code::kCardDead, EIO, done.error().what);
  return {};
}

}  // namespace aperture::host
