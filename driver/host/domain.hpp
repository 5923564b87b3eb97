// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "host/pins.hpp"
#include "ioas/domain.hpp"
#include "vfio/space.hpp"

namespace aperture::host {

/// An address space of the host's IOMMU: the kernel's page table behind our IOAS. An unmap has invalidated and drained
/// when it returns; should the kernel refuse one, every later call is EIO and the pages stay pinned.
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

/// An IOAS of iommufd's. What is required of it stands in the kernel's own list, which the kernel holds every device
/// against that comes to it, whoever brings it.
class IommufdDomain final : public Domain {
 public:
  /// `table`: of the IOAS; null: the kernel chooses or makes one for each device.
  IommufdDomain(ioas::Format format, PinProvider& pins, std::unique_ptr<vfio::KernelIoas> ioas,
                std::unique_ptr<vfio::PageTable> table)
      : Domain(std::move(format), pins), ioas_(std::move(ioas)), table_(std::move(table)) {}
  vfio::KernelIoas& space() const override { return *ioas_; }
  const vfio::PageTable* table() const { return table_.get(); }
  /// A range of one byte is left out: the kernel takes none.
  Result<> require(std::span<const IovaRange> ranges) override;

 private:
  Result<> map(const ioas::Mapping& mapping, const Residency& residency) override;
  std::unique_ptr<vfio::KernelIoas> ioas_;
  std::unique_ptr<vfio::PageTable> table_;
  std::vector<IovaRange> required_;  ///< as the kernel has it
  bool small_pages_{};               ///< as the kernel has it
};

/// All there is in a container of type1: its maps go with this object, the container stays. The kernel chooses the
/// leaves there: a map with small_pages is EOPNOTSUPP. Nothing has to be required of it: its one group is in it for
/// good, so that its ranges stay.
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
