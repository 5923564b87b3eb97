// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/domain.hpp"
#include "ioas/device.hpp"
#include "ioas/range_set.hpp"
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
  /// With the reason, as far as sysfs knows it.
  static std::vector<ioas::DeviceReservation> with_causes(ioas::RangeSet holes, const vfio::Function& function);
  /// EOPNOTSUPP for a process.
  Result<> check(ioas::ProcessId process) const;

  std::unique_ptr<vfio::Function> function_;
  PinProvider& pins_;
  DeviceOptions options_;
  std::uint32_t device_id_;
  std::vector<ioas::Format> formats_;
  std::shared_ptr<Domain> domain_;
};

/// What the functions of an IOMMU group share.
struct Group {
  std::atomic<unsigned> attached{};  ///< behind iommufd: functions that are
  std::weak_ptr<Type1Domain> space;  ///< behind type1: what is in the container
};

/// Behind iommufd. Each domain is an IOAS of the kernel's with one page table, made for the first device; others that
/// the kernel lets use it share it, and those that it does not get a domain of their own.
class IommufdDevice final : public Device {
 public:
  /// Finds the kernel's ranges by a trial attach, since before it everything seems possible, and by a second one
  /// whether a page table can be made first. Where it cannot (older kernels, virtio-iommu), that is among
  /// Iommufd::fallbacks and the device is attached to the IOAS.
  static Result<std::unique_ptr<IommufdDevice>> create(std::unique_ptr<vfio::Function> function, PinProvider& pins,
                                                       DeviceOptions options, std::shared_ptr<Group> group);
  ~IommufdDevice() override { (void)detach({}); }
  /// What sysfs says by now of the group.
  std::vector<ioas::DeviceReservation> late_reservations() const override;
  Result<std::shared_ptr<ioas::Domain>> make_domain(std::size_t format, ioas::ProcessId process) override;
  /// Switches at once, since the kernel may refuse: then the device is where it was. So it is when the preparation is
  /// dropped. EINVAL also where another function of its group uses another domain, and for a replace while another
  /// function of its group is attached: the kernel would move that too.
  Result<std::unique_ptr<ioas::PreparedAttach>> prepare_attach(std::shared_ptr<ioas::Domain> domain,
                                                               ioas::ProcessId process) override;
  Result<> detach(ioas::ProcessId process) noexcept override;

 private:
  class Prepared;
  using Device::Device;
  /// Whether a table that is made beforehand serves as the kernel's own does; else why not.
  Result<std::string> try_table(const vfio::Ranges& ranges);
  /// Where this fails, the device translates as before. EIO: it could not even go back, and translates nothing.
  Result<> move_to(const IommufdDomain& domain);
  Result<> attach_to(const IommufdDomain& domain);

  std::shared_ptr<Group> group_;
  bool makes_tables_{};
  /// The kernel's driver completes a table only by an attach: a replace would meet an unfinished one.
  bool completes_by_attach_{};
};

/// Type1: a container is one address space, and the functions of a group are in one container for good. So there is one
/// domain at a time for them, no replace without a detach (EOPNOTSUPP), and a detached function still reaches what its
/// neighbours in the group have mapped.
class Type1Device final : public Device {
 public:
  static Result<std::unique_ptr<Type1Device>> create(std::unique_ptr<vfio::Function> function, PinProvider& pins,
                                                     DeviceOptions options, std::shared_ptr<Group> group);
  ~Type1Device() override { (void)detach({}); }
  Result<std::shared_ptr<ioas::Domain>> make_domain(std::size_t format, ioas::ProcessId process) override;
  Result<std::unique_ptr<ioas::PreparedAttach>> prepare_attach(std::shared_ptr<ioas::Domain> domain,
                                                               ioas::ProcessId process) override;
  Result<> detach(ioas::ProcessId process) noexcept override;

 private:
  class Prepared;
  using Device::Device;
  std::shared_ptr<Group> group_;
};

}  // namespace aperture::host
