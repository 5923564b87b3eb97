// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

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
    if (first) ++device_.group_->attached;
    device_.domain_ = std::move(domain_);
    return first;
  }

 private:
  IommufdDevice& device_;
  std::shared_ptr<IommufdDomain> domain_;
};

Result<std::unique_ptr<IommufdDevice>> IommufdDevice::create(std::unique_ptr<vfio::Function> function,
                                                             PinProvider& pins, DeviceOptions options,
                                                             std::shared_ptr<Group> group) {
  auto trial = vfio::KernelIoas::create(function->iommufd());
  if (!trial) return std::unexpected(std::move(trial.error()));
  if (auto done = function->attach(**trial); !done) return std::unexpected(std::move(done.error()));
  const auto ranges = (*trial)->ranges();
  if (auto done = function->detach(); !done) return std::unexpected(std::move(done.error()));
  if (!ranges) return std::unexpected(ranges.error());
  if (ranges->ranges.empty())
    return fail(Code::kUnsupported, EOPNOTSUPP,
                fmt::format("{}: the kernel's IOMMU has no address for it at all", function->location().address));
  std::unique_ptr<IommufdDevice> device(new IommufdDevice(std::move(function), pins, *ranges, std::move(options)));
  device->group_ = std::move(group);
  const auto lack = device->try_table(*ranges);
  if (!lack) return std::unexpected(lack.error());
  device->makes_tables_ = lack->empty();
  if (!lack->empty())
    device->function_->iommufd()->fall_back(vfio::without_page_table(device->function_->location(), *lack));
  return device;
}

Result<std::string> IommufdDevice::try_table(const vfio::Ranges& ranges) {
  auto ioas = vfio::KernelIoas::create(function_->iommufd());
  if (!ioas) return std::unexpected(std::move(ioas.error()));
  const auto table = function_->make_table(**ioas);
  if (!table) return table.error().what;
  const auto before = (*ioas)->ranges();
  if (!before) return std::unexpected(before.error());
  const ioas::RangeSet there(before->ranges);
  if (!std::ranges::all_of(ranges.ranges, [&](const IovaRange& range) { return there.contains(range); })) {
    completes_by_attach_ = true;
    return "the IOMMU's driver completes it only by an attach";
  }
  if (auto done = function_->attach(**table); !done) return done.error().what;
  const auto after = (*ioas)->ranges();
  if (auto done = function_->detach(); !done) return std::unexpected(std::move(done.error()));
  if (!after) return std::unexpected(after.error());
  return after->ranges == ranges.ranges ? "" : "it has other addresses than a table of the kernel's choice";
}

std::vector<ioas::DeviceReservation> IommufdDevice::late_reservations() const {
  ioas::RangeSet kept;
  for (const vfio::ReservedRegion& region :
       vfio::reserved_regions(function_->kernel(), function_->location().group.value_or(0)))
    if (region.type != "direct-relaxable") kept.add(region.range);
  for (const ioas::DeviceReservation& known : reservations()) kept.subtract(known.range);
  return with_causes(std::move(kept), *function_);
}

Result<std::shared_ptr<ioas::Domain>> IommufdDevice::make_domain(std::size_t format, ioas::ProcessId process) {
  if (auto done = check(process); !done) return std::unexpected(std::move(done.error()));
  auto ioas = vfio::KernelIoas::create(function_->iommufd());
  if (!ioas) return std::unexpected(std::move(ioas.error()));
  std::unique_ptr<vfio::PageTable> table;
  if (makes_tables_) {
    auto made = function_->make_table(**ioas);
    if (!made) return std::unexpected(std::move(made.error()));
    table = std::move(*made);
  }
  return std::make_shared<IommufdDomain>(formats_.at(format), pins_, std::move(*ioas), std::move(table));
}

Result<> IommufdDevice::attach_to(const IommufdDomain& domain) {
  return domain.table() != nullptr ? function_->attach(*domain.table()) : function_->attach(domain.space());
}

Result<> IommufdDevice::move_to(const IommufdDomain& domain) {
  if (!domain_ || !completes_by_attach_) return attach_to(domain);
  if (auto away = function_->detach(); !away) return away;
  auto done = attach_to(domain);
  if (done) return done;
  if (auto back = attach_to(static_cast<IommufdDomain&>(*domain_)); !back)
    return fail(Code::kCardDead, EIO,
                fmt::format("{}; and back it cannot go: {}", done.error().what, back.error().what));
  return done;
}

Result<std::unique_ptr<ioas::PreparedAttach>> IommufdDevice::prepare_attach(std::shared_ptr<ioas::Domain> domain,
                                                                            ioas::ProcessId process) {
  if (auto done = check(process); !done) return std::unexpected(std::move(done.error()));
  auto ours = std::dynamic_pointer_cast<IommufdDomain>(std::move(domain));
  if (!ours || &ours->pin_provider() != &pins_ || ours->format() != formats_.front())
    return fail(Code::kInvalid, EINVAL, fmt::format("device {} is behind another IOMMU than the domain", name()));
  if (domain_ && domain_ != ours && group_->attached > 1)
    return fail(Code::kInvalid, EINVAL,
                fmt::format("device {}: Linux moves the functions of IOMMU group {} together, and others of it are "
                            "attached: detach them first",
                            name(), function_->location().group.value_or(0)));
  if (auto done = move_to(*ours); !done) return std::unexpected(std::move(done.error()));
  return std::make_unique<Prepared>(*this, std::move(ours));
}

Result<> IommufdDevice::detach(ioas::ProcessId process) noexcept {
  if (process || !domain_) return {};
  auto done = function_->detach();
  domain_.reset();
  --group_->attached;
  if (!done) return fail(Code::kCardDead, EIO, done.error().what);
  return {};
}

}  // namespace aperture::host
