// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "host/device.hpp"
#include "host/pins.hpp"
#include "vfio/function.hpp"

namespace aperture::host {

/// Devices behind the host's own IOMMU, whatever Linux drives there, as devices of the IOAS layer: windows, maps and
/// reports work for them as for those behind the card's IOMMU. Outlives its devices and the Pages mapped for them.
class Machine {
 public:
  /// `backend`: iommufd or type1; none: the first open chooses, iommufd where the kernel has it.
  explicit Machine(std::optional<vfio::Backend> backend = {}, vfio::Kernel& kernel = vfio::linux_kernel())
      : system_(kernel, backend) {}

  /// Opens the PCI function at `place` (as vfio::locate), which is bound to vfio-pci. Fails as vfio/diagnosis.hpp says.
  Result<std::unique_ptr<Device>> open(const std::string& place, DeviceOptions options = {});
  /// The one that was asked for, or chosen since.
  std::optional<vfio::Backend> backend() const { return system_.backend(); }
  /// What this kernel's iommufd has been found to lack so far and what is done instead: a sentence each, for a log.
  std::vector<std::string> fallbacks() const;
  /// Bytes pinned for IOASes.
  std::uint64_t pinned_bytes() const { return pins_.pinned_bytes(); }

 private:
  mutable std::mutex mutex_;
  vfio::System system_;
  PinProvider pins_;
  std::map<unsigned, std::shared_ptr<Group>> groups_;
};

}  // namespace aperture::host
