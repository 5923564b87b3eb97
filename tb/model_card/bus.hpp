// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tb/model/model.hpp"

namespace aperture::tb::model {

/// What the channels reach through the IOMMU, and how much of it there was. The IOMMU outlives it.
class Bus {
 public:
  explicit Bus(Model& iommu) : iommu_(iommu) {}

  /// One burst of `as.type` that does not cross 4 KiB, from or to `as.iova`. False: the IOMMU refused it, or memory
  /// did. Nothing was written then.
  bool read(DeviceAccess as, std::span<std::byte> to);
  bool write(DeviceAccess as, std::span<const std::byte> from);
  /// An ATS translation request; nothing: it was not answered with Success.
  std::optional<AtsResult> translate(const DeviceAccess& request);
  void page_request(const PageRequest& request);

  struct Counters {
    std::uint64_t translations = 0, faults = 0;
    std::uint64_t read_bytes = 0, write_bytes = 0;  ///< of reads whole beats
  };
  const Counters& counters() const { return counters_; }
  void clear_counters() { counters_ = {}; }

 private:
  std::optional<AccessResult> access(const DeviceAccess& access);

  Model& iommu_;
  Counters counters_;
};

}  // namespace aperture::tb::model
