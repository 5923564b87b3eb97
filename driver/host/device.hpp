// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/domain.hpp"
#include "ioas/device.hpp"
#include "vfio/function.hpp"

namespace aperture::host {

/// What Linux does not know about a device.
struct DeviceOptions {
  std::string name{};                                   ///< empty: its PCI address
  std::uint64_t dma_mask{~std::uint64_t{0}};            ///< highest address it can emit
  std::vector<ioas::DeviceReservation> reservations{};  ///< beside those of the kernel's
};

/// A PCI function behind the host's IOMMU. Destruction detaches. Spaces per process (PASID): EOPNOTSUPP. What the
/// kernel's driver for that IOMMU does during a replace is not known, so that no replace claims to be hitless.
class Device : public ioas::Device {
 public:
  const std::string& name() const override { return options_.name; }
  /// Bus, device and function number, as on the bus.
  std::uint32_t device_id() const override { return device_id_; }
  /// The holes between the kernel's ranges: `msi` where sysfs says so, else `reserved`; and the owner's.
  const std::vector<ioas::DeviceReservation>& reservations() const override { return options_.reservations; }
  std::uint64_t dma_mask() const override { return options_.dma_mask; }
  /// One: from the first to the last address of the kernel's ranges. How deep a walk is the kernel does not say.
  const std::vector<ioas::Format>& formats(ioas::ProcessId) const override { return formats_; }
  ioas::PinProvider& pin_provider() const override { return pins_; }

  /// BARs, interrupts and reset, for whoever drives the device.
  vfio::Function& function() const { return *function_; }
  /// What the device translates through; null: it is detached.
  Domain* domain() const { return domain_.get(); }

 protected:
  Device(std::unique_ptr<vfio::Function> function, PinProvider& pins, const vfio::Ranges& ranges,
         DeviceOptions options);
  /// EOPNOTSUPP for a process.
  Result<> check(ioas::ProcessId process) const;

  std::unique_ptr<vfio::Function> function_;
  PinProvider& pins_;
  DeviceOptions options_;
  std::uint32_t device_id_;
  std::vector<ioas::Format> formats_;
  std::shared_ptr<Domain> domain_;
};

class IommufdDevice final : public Device {
 public:
  /// Finds the kernel's ranges by a trial attach: before it, everything seems possible.
  static Result<std::unique_ptr<IommufdDevice>> create(std::unique_ptr<vfio::Function> function, PinProvider& pins,
                                                       DeviceOptions options);
  ~IommufdDevice() override { (void)detach({}); }
  Result<std::shared_ptr<ioas::Domain>> make_domain(std::size_t format, ioas::ProcessId process) override;
  /// Switches at once, since the kernel may refuse: then the device is where it was. So it is when the preparation is
  /// dropped. EINVAL also where another function of its group uses another domain.
  Result<std::unique_ptr<ioas::PreparedAttach>> prepare_attach(std::shared_ptr<ioas::Domain> domain,
                                                               ioas::ProcessId process) override;
  Result<> detach(ioas::ProcessId process) noexcept override;

 private:
  class Prepared;
  using Device::Device;
  /// Where this fails, the device translates as before.
  Result<> move_to(const IommufdDomain& domain);
};

/// Type1: a container is one address space, and the functions of a group are in one container for good. So there is one
/// domain at a time for them, no replace without a detach (EOPNOTSUPP), and a detached function still reaches what its
/// neighbours in the group have mapped.
class Type1Device final : public Device {
 public:
  /// `domain`: of this container, shared by the functions of its group.
  static Result<std::unique_ptr<Type1Device>> create(std::unique_ptr<vfio::Function> function, PinProvider& pins,
                                                     DeviceOptions options,
                                                     std::shared_ptr<std::weak_ptr<Type1Domain>> domain);
  ~Type1Device() override { (void)detach({}); }
  Result<std::shared_ptr<ioas::Domain>> make_domain(std::size_t format, ioas::ProcessId process) override;
  Result<std::unique_ptr<ioas::PreparedAttach>> prepare_attach(std::shared_ptr<ioas::Domain> domain,
                                                               ioas::ProcessId process) override;
  Result<> detach(ioas::ProcessId process) noexcept override;

 private:
  class Prepared;
  using Device::Device;
  std::shared_ptr<std::weak_ptr<Type1Domain>> current_;
};

}  // namespace aperture::host
