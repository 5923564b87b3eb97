// SPDX-License-Identifier: Apache-2.0
#include "riscv/device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace aperture::riscv {
namespace {

std::unexpected<Error> no_processes(const std::string& device) {
  return fail(
      Code::kUnsupported, EOPNOTSUPP,
      fmt::format("device {}: address spaces per process need a process directory, which this driver does not build",
                  device));
}

}  // namespace

class Device::Prepared final : public ioas::PreparedAttach {
 public:
  Prepared(Device& device, std::shared_ptr<Domain> domain, std::unique_ptr<Table> page)
      : device_(device), domain_(std::move(domain)), page_(std::move(page)) {
    device_.watch(domain_.get());
  }
  ~Prepared() override {
    const std::scoped_lock lock(device_.iommu_.mutex());
    device_.unwatch(domain_.get());
    page_.reset();
  }
  Result<bool> commit() noexcept override {
    const std::scoped_lock lock(device_.iommu_.mutex());
    auto done = device_.iommu_.switch_context(device_.options_.device_id, device_.context(*domain_), std::move(page_));
    std::swap(device_.domain_, domain_);
    device_.unwatch(domain_.get());
    domain_.reset();
    return done;
  }

 private:
  Device& device_;
  std::shared_ptr<Domain> domain_;
  std::unique_ptr<Table> page_;
};

Device::Device(Iommu& iommu, const DeviceOptions& options)
    : iommu_(iommu),
      options_(options),
      formats_(first_stage_formats(iommu.capabilities(),
                                   options.page_sizes & (iommu.options().napot ? ~std::uint64_t{0} : ~kNapotSize))) {}

DeviceContext Device::context(const Domain& domain) const {
  DeviceContext context = domain.context();
  context.tc = regs::dc::tc::en_ats.set(context.tc, options_.ats);
  context.tc = regs::dc::tc::en_pri.set(context.tc, options_.page_requests);
  return context;
}

void Device::watch(const Domain* domain) {
  if (domain != nullptr && options_.ats) iommu_.watch(domain->pscid(), options_.device_id);
}

void Device::unwatch(const Domain* domain) noexcept {
  if (domain != nullptr && options_.ats) iommu_.unwatch(domain->pscid(), options_.device_id);
}

Device::~Device() { (void)detach({}); }

const std::vector<ioas::Format>& Device::formats(ioas::ProcessId) const { return formats_; }

Result<std::shared_ptr<ioas::Domain>> Device::make_domain(std::size_t format, ioas::ProcessId process) {
  if (process) return no_processes(name());
  if (format >= formats_.size())
    return fail(Code::kInvalid, EINVAL, fmt::format("device {} has {} page-table formats", name(), formats_.size()));
  auto domain = riscv::make_domain(iommu_, formats_[format]);
  if (!domain) return std::unexpected(std::move(domain.error()));
  return std::shared_ptr<ioas::Domain>(std::move(*domain));
}

Result<std::unique_ptr<ioas::PreparedAttach>> Device::prepare_attach(std::shared_ptr<ioas::Domain> domain,
                                                                     ioas::ProcessId process) {
  if (process) return no_processes(name());
  const std::scoped_lock lock(iommu_.mutex());
  auto ours = std::dynamic_pointer_cast<Domain>(std::move(domain));
  if (!ours || &ours->iommu() != &iommu_)
    return fail(Code::kInvalid, EINVAL, fmt::format("device {} is behind another IOMMU than the domain", name()));
  if (std::ranges::find(formats_, ours->format()) == formats_.end())
    return fail(
        Code::kInvalid, EINVAL,
        fmt::format("device {} cannot use the page-table format {} of the domain", name(), ours->format().name));
  auto page = iommu_.prepare_context(options_.device_id);
  if (!page) return std::unexpected(std::move(page.error()));
  return std::make_unique<Prepared>(*this, std::move(ours), std::move(*page));
}

Result<> Device::detach(ioas::ProcessId process) noexcept {
  if (process || !domain_) return {};
  const std::scoped_lock lock(iommu_.mutex());
  auto done = iommu_.block(options_.device_id);
  unwatch(domain_.get());
  domain_.reset();
  return done;
}

}  // namespace aperture::riscv
