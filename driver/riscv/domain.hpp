// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "ioas/domain.hpp"
#include "riscv/device_directory.hpp"
#include "riscv/iommu.hpp"
#include "riscv/page_table.hpp"

namespace aperture::riscv {

/// A first-stage address space of the card's IOMMU: a page table and its PSCID. Public functions take the card's mutex.
class Domain : public ioas::Domain {
 public:
  ioas::PinProvider& pin_provider() const override { return iommu_.pin_provider(); }
  const ioas::Format& format() const override { return format_; }
  Iommu& iommu() const { return iommu_; }
  std::uint32_t pscid() const { return pscid_; }
  /// What a device's context has to hold to use this domain.
  virtual DeviceContext context() const = 0;

 protected:
  Domain(Iommu& iommu, ioas::Format format, std::uint32_t pscid)
      : iommu_(iommu), format_(std::move(format)), pscid_(pscid) {}

  Iommu& iommu_;
  ioas::Format format_;
  std::uint32_t pscid_;
};

/// The first-stage formats of an IOMMU with these capabilities, fewest levels first, with leaves of `page_sizes` only.
std::vector<ioas::Format> first_stage_formats(std::uint64_t capabilities, std::uint64_t page_sizes);

/// An empty domain of one of these formats. ENOMEM, ENOSPC (no PSCID left), EIO (card lost).
Result<std::shared_ptr<Domain>> make_domain(Iommu& iommu, const ioas::Format& format);

}  // namespace aperture::riscv
