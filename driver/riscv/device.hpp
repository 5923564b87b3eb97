// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ioas/device.hpp"
#include "riscv/domain.hpp"
#include "riscv/iommu.hpp"

namespace aperture::riscv {

/// A bus master behind the card's IOMMU. Destruction detaches. Process address spaces need a process directory:
/// EOPNOTSUPP.
class Device final : public ioas::Device {
 public:
  /// Made by Iommu::make_device, which checks the options.
  Device(Iommu& iommu, const DeviceOptions& options);
  ~Device() override;

  const std::string& name() const override { return options_.name; }
  std::uint32_t device_id() const override { return options_.device_id; }
  const std::vector<ioas::DeviceReservation>& reservations() const override { return options_.reservations; }
  std::uint64_t dma_mask() const override { return options_.dma_mask; }
  const std::vector<ioas::Format>& formats(ioas::ProcessId process) const override;
  ioas::PinProvider& pin_provider() const override { return iommu_.pin_provider(); }
  Result<std::shared_ptr<ioas::Domain>> make_domain(std::size_t format, ioas::ProcessId process) override;
  Result<std::unique_ptr<ioas::PreparedAttach>> prepare_attach(std::shared_ptr<ioas::Domain> domain,
                                                               ioas::ProcessId process) override;
  Result<> detach(ioas::ProcessId process) noexcept override;

 private:
  class Prepared;
  /// The domain's context with what this device may do beyond.
  DeviceContext context(const Domain& domain) const;
  void watch(const Domain* domain);
  void unwatch(const Domain* domain) noexcept;

  Iommu& iommu_;
  DeviceOptions options_;
  std::vector<ioas::Format> formats_;
  std::shared_ptr<Domain> domain_;  ///< kept until no access uses it
};

}  // namespace aperture::riscv
