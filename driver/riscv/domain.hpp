// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ioas/domain.hpp"
#include "riscv/address_space.hpp"
#include "riscv/device_directory.hpp"
#include "riscv/iommu.hpp"
#include "riscv/page_table.hpp"

namespace aperture::riscv {

/// What a device's context leads to: a page table of either stage, or a guest's table in front of one. Public functions
/// take the card's mutex.
class Domain : public ioas::Domain {
 public:
  ioas::PinProvider& pin_provider() const override { return iommu_.pin_provider(); }
  const ioas::Format& format() const override { return format_; }
  Iommu& iommu() const { return iommu_; }
  const AddressSpace& space() const { return space_; }
  /// Of a guest's table, the second stage behind it, whose invalidations concern its devices too.
  virtual const Domain* behind() const { return nullptr; }
  /// What a device's context has to hold to use this domain.
  virtual DeviceContext context() const = 0;

 protected:
  Domain(Iommu& iommu, ioas::Format format, AddressSpace space)
      : iommu_(iommu), format_(std::move(format)), space_(space) {}

  Iommu& iommu_;
  ioas::Format format_;
  AddressSpace space_;
};

/// The formats of an IOMMU with these capabilities, fewest levels first and first stage before second, with leaves of
/// `page_sizes` only.
std::vector<ioas::Format> page_table_formats(std::uint64_t capabilities, std::uint64_t page_sizes);

/// An empty domain of one of these formats. ENOMEM, ENOSPC (no PSCID or GSCID left), EIO (card lost). It can track
/// dirty pages where the IOMMU has capabilities.AMO_HWAD.
Result<std::shared_ptr<Domain>> make_domain(Iommu& iommu, const ioas::Format& format);

}  // namespace aperture::riscv
