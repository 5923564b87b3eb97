// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ioas/device.hpp"
#include "riscv/domain.hpp"
#include "riscv/iommu.hpp"
#include "riscv/process_directory.hpp"

namespace aperture::riscv {

/// A bus master behind the card's IOMMU. Destruction detaches.
///
/// Alone, its own address space is in the device context. From the first process on the context leads to a process
/// directory, of the fewest levels that hold the ids so far, where the own address space is that of process 0 (DPE): an
/// access without process id never goes untranslated. Processes have first stages, and the device's own address space
/// too as long as there are any (EINVAL): behind a second stage the directory would lie in a guest's memory. A process
/// id that the IOMMU's directories cannot hold is EINVAL, one where it has none EOPNOTSUPP.
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
  Result<std::unique_ptr<ioas::PreparedAttach>> prepare_nest(std::shared_ptr<ioas::Domain> domain,
                                                             const ioas::GuestTable& table) override;
  Result<> guest_invalidate(std::span<const ioas::GuestInvalidation> what) override;
  Result<> detach(ioas::ProcessId process) noexcept override;

 private:
  class Prepared;
  Result<> check_process(ioas::ProcessId process) const;
  Result<std::shared_ptr<Domain>> check_domain(std::shared_ptr<ioas::Domain> domain, ioas::ProcessId process) const;
  Result<std::unique_ptr<ioas::PreparedAttach>> prepare(std::shared_ptr<Domain> domain, ioas::ProcessId process);
  Result<bool> switch_to(std::uint32_t process_id, const Domain& domain, std::unique_ptr<Table> page,
                         Quarantine& spare) noexcept;
  bool has_processes() const;
  /// A context with what this device may do beyond.
  DeviceContext complete(DeviceContext context) const;
  void watch(const Domain& domain, ioas::ProcessId process);
  void unwatch(const Domain& domain, ioas::ProcessId process) noexcept;

  Iommu& iommu_;
  DeviceOptions options_;
  std::vector<ioas::Format> formats_;
  std::vector<ioas::Format> process_formats_;
  /// By process id, 0 being the device's own; kept until no access uses them. Null: none yet, but one is prepared.
  std::map<std::uint32_t, std::shared_ptr<Domain>> domains_;
  std::vector<const Prepared*> prepared_;
  std::optional<ProcessDirectory> processes_;  ///< while DC.tc.PDTV is set
};

}  // namespace aperture::riscv
