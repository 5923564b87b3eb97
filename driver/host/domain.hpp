// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "host/pins.hpp"
#include "ioas/domain.hpp"
#include "vfio/space.hpp"

namespace aperture::host {

/// An address space of the host's IOMMU: the kernel's page table behind our IOAS. The kernel chooses its leaves, so
/// that Mapping::small_pages is without effect. An unmap has invalidated and drained when it returns; should the kernel
/// refuse one, every later call is EIO and the pages stay pinned.
class Domain : public ioas::Domain {
 public:
  const ioas::Format& format() const override { return format_; }
  ioas::PinProvider& pin_provider() const override { return pins_; }
  /// The kernel's object.
  virtual vfio::Space& space() const = 0;

  Result<> prepare_map(const ioas::Mapping& mapping) override;
  void commit_map(const ioas::Mapping&) noexcept override {}
  void abort_map(const ioas::Mapping& mapping) noexcept override { unmap(mapping.range()); }
  void unmap(IovaRange range) noexcept override;
  Result<> sync() noexcept override;

 protected:
  Domain(ioas::Format format, PinProvider& pins) : format_(std::move(format)), pins_(pins) {}
  virtual Result<> map(const ioas::Mapping& mapping, const Residency& residency) = 0;

  ioas::Format format_;
  PinProvider& pins_;

 private:
  bool refused_{};
};

/// An IOAS of iommufd's.
class IommufdDomain final : public Domain {
 public:
  IommufdDomain(ioas::Format format, PinProvider& pins, std::unique_ptr<vfio::KernelIoas> ioas)
      : Domain(std::move(format), pins), ioas_(std::move(ioas)) {}
  vfio::KernelIoas& space() const override { return *ioas_; }

 private:
  Result<> map(const ioas::Mapping& mapping, const Residency& residency) override;
  std::unique_ptr<vfio::KernelIoas> ioas_;
};

/// All there is in a container of type1: its maps go with this object, the container stays.
class Type1Domain final : public Domain {
 public:
  Type1Domain(ioas::Format format, PinProvider& pins, std::shared_ptr<vfio::Container> container)
      : Domain(std::move(format), pins), container_(std::move(container)) {}
  ~Type1Domain() override;
  vfio::Container& space() const override { return *container_; }
  void unmap(IovaRange range) noexcept override;

 private:
  Result<> map(const ioas::Mapping& mapping, const Residency& residency) override;
  std::shared_ptr<vfio::Container> container_;
  std::map<Iova, IovaRange> maps_;
};

}  // namespace aperture::host
