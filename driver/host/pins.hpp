// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "ioas/pages.hpp"
#include "vfio/space.hpp"

namespace aperture::host {

/// Memory that the host's IOMMU maps. Behind iommufd each object is mapped once in a staging IOAS, from where it is
/// copied into the IOASes that devices use: however many those are, the kernel pins its pages once. The staging IOAS
/// has no device, so that the kernel pins, and finds bad memory, with the first copy. Memory of a file is mapped
/// through the file where the kernel can and it comes to the same (Kernel::maps_file), else like any other. Type1
/// cannot copy: each container maps, pins and accounts the memory itself.
class PinProvider final : public ioas::PinProvider {
 public:
  /// Behind iommufd from now on; used once, before the first pin. Fails as KernelIoas::create.
  Result<> stage(const std::shared_ptr<vfio::Iommufd>& iommufd);
  Result<std::unique_ptr<ioas::Residency>> pin(const ioas::Pages& pages) override;
  /// Null behind type1.
  const vfio::KernelIoas* staging() const { return staging_.get(); }
  /// Bytes of all objects pinned now.
  std::uint64_t pinned_bytes() const { return pinned_; }

 private:
  friend class Residency;
  Result<Iova> stage(const ioas::Pages& pages);
  std::shared_ptr<vfio::Iommufd> iommufd_;
  std::unique_ptr<vfio::KernelIoas> staging_;
  std::atomic<std::uint64_t> pinned_{};
};

class Residency final : public ioas::Residency {
 public:
  Residency(PinProvider& pins, Iova staged, std::uint64_t size);
  ~Residency() override;
  /// Where the object begins in the staging IOAS.
  Iova staged() const { return staged_; }

 private:
  PinProvider& pins_;
  Iova staged_;
  std::uint64_t size_;
};

}  // namespace aperture::host
