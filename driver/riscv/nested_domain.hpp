// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ioas/nesting.hpp"
#include "riscv/domain.hpp"

namespace aperture::riscv {

/// A first stage that a guest owns, in front of a second stage of the host's, which it keeps alive. The guest fills its
/// table; nobody maps here (EOPNOTSUPP). The number by which caches know it is the guest's own, within the GSCID of the
/// second stage; where the guest gives none, one of the IOMMU's that no other table has.
class NestedDomain final : public Domain {
 public:
  /// As ioas::Device::prepare_nest, but for what only the device knows.
  static Result<std::shared_ptr<NestedDomain>> make(std::shared_ptr<Domain> parent, const ioas::GuestTable& table);
  /// Invalidates the address space if its number goes back to the IOMMU.
  ~NestedDomain() override;

  const Domain* behind() const override { return parent_.get(); }
  DeviceContext context() const override { return context_; }
  /// What the guest's invalidation comes to on this IOMMU. EINVAL: a number is too wide.
  Result<std::vector<Command>> commands(const ioas::GuestInvalidation& what, std::uint32_t device_id) const;

  Result<> prepare_map(const ioas::Mapping& mapping) override;
  void commit_map(const ioas::Mapping&) noexcept override {}
  void abort_map(const ioas::Mapping&) noexcept override {}
  void unmap(IovaRange) noexcept override {}
  Result<> sync() noexcept override;

 private:
  NestedDomain(std::shared_ptr<Domain> parent, ioas::Format format, AddressSpace space, const DeviceContext& context,
               bool own_number)
      : Domain(parent->iommu(), std::move(format), space),
        parent_(std::move(parent)),
        context_(context),
        own_number_(own_number) {}

  std::shared_ptr<Domain> parent_;
  DeviceContext context_;
  bool own_number_;  ///< space().pscid is of the IOMMU's
};

}  // namespace aperture::riscv
