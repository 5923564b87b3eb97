// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.hpp"
#include "vfio/location.hpp"
#include "vfio/region.hpp"
#include "vfio/space.hpp"

namespace aperture::vfio {

/// A PCI function that this process owns through Linux VFIO, with COMMAND.memory and bus-master set; destruction clears
/// bus-master. Whatever was made from it goes first.
class Function {
 public:
  ~Function();
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;

  Kernel& kernel() const { return kernel_; }
  const Location& location() const { return location_; }
  Backend backend() const { return iommufd_ ? Backend::kIommufd : Backend::kType1; }

  /// BAR `index`. ENODEV: the function has none there.
  Result<Region> region(unsigned index);
  /// How many vectors it has, of MSI-X, or of MSI where it has no MSI-X; 0: none.
  Result<unsigned> vectors();
  /// They are MSI: a function that is given fewer than it has sends message v as vector v modulo their number, a power
  /// of two (PCI 3.0, 6.8.1.3: the low bits of the message are the vector).
  bool vectors_fold() const { return irqs_ == kMsi; }
  /// After vectors(). Gives each vector from the first one on an eventfd; returns how many the kernel could give, which
  /// may be less. None: switches them off.
  Result<unsigned> signal(std::span<const int> eventfds);
  /// COMMAND.bus-master: whether the function may do DMA and send messages at all.
  Result<> set_bus_master(bool on);
  /// Resets the function where Linux knows how (FLR and the like); does nothing elsewhere.
  Result<> reset();

  /// An address space that this function alone uses from now on: a new IOAS of the kernel's, or the container.
  Result<std::shared_ptr<Space>> own_space();

  // Behind iommufd: which address space the function uses.
  const std::shared_ptr<Iommufd>& iommufd() const { return iommufd_; }
  /// Replaces what it used before, for all functions of its group that are attached. EINVAL: it was not attached and a
  /// function of its group uses another, or the IOMMU cannot use it for this function; EADDRINUSE, EFAULT, ENOMEM. With
  /// an IOAS the kernel uses or makes one of the IOAS's automatic page tables.
  Result<> attach(const KernelIoas& ioas) { return attach(ioas.id()); }
  Result<> attach(const PageTable& table) { return attach(table.id()); }
  /// A page table for this function. Fails as PageTable::create.
  Result<std::unique_ptr<PageTable>> make_table(const KernelIoas& ioas) const;
  /// Blocks the function's DMA.
  Result<> detach() noexcept;
  // Behind type1: the one that it always uses.
  const std::shared_ptr<Container>& container() const { return container_; }

 private:
  friend class System;
  static constexpr std::uint32_t kMsi = 1, kMsix = 2;  ///< VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX
  Result<unsigned> vectors(std::uint32_t irqs);
  Function(Kernel& kernel, Location location, std::shared_ptr<Iommufd> iommufd, std::uint32_t iommufd_id,
           std::shared_ptr<Container> container, File device)
      : kernel_(kernel),
        location_(std::move(location)),
        iommufd_(std::move(iommufd)),
        iommufd_id_(iommufd_id),
        container_(std::move(container)),
        device_(std::move(device)) {}
  Result<> start();
  /// PCI Express Base 6.6.2. Other ways that a kernel knows are no use: they go by the bus, take seconds, and the
  /// card's own reset has done all there is to do.
  bool has_function_level_reset() const;
  std::uint32_t config_word(unsigned offset) const;
  Result<> command(std::uint16_t set, std::uint16_t clear);
  Result<> attach(std::uint32_t id);

  Kernel& kernel_;
  Location location_;
  std::shared_ptr<Iommufd> iommufd_;
  std::uint32_t iommufd_id_;  ///< what iommufd calls it
  std::shared_ptr<Container> container_;
  std::shared_ptr<Space> own_;
  File device_;
  std::optional<std::uint64_t> config_;  ///< offset of configuration space in the file, once it is known
  bool resets_{};
  std::uint32_t irqs_{kMsix};
};

/// VFIO as this process uses it. Functions opened by one System can share address spaces and pages.
class System {
 public:
  /// `backend`: which one; none: the first open chooses, iommufd where this kernel has it for that function.
  explicit System(Kernel& kernel, std::optional<Backend> backend = {}) : kernel_(kernel), backend_(backend) {}
  Kernel& kernel() const { return kernel_; }
  /// The one that was asked for, or chosen since.
  std::optional<Backend> backend() const { return backend_; }
  /// Fails as diagnosis.hpp says.
  Result<std::unique_ptr<Function>> open(const Location& location);
  /// Null before the first function is opened with it.
  const std::shared_ptr<Iommufd>& iommufd() const { return iommufd_; }

 private:
  /// Null: the kernel lacks iommufd or the function's node, and nobody insists.
  Result<std::unique_ptr<Function>> open_iommufd(const Location& location);
  Result<std::unique_ptr<Function>> open_type1(const Location& location);

  Kernel& kernel_;
  std::optional<Backend> backend_;
  std::shared_ptr<Iommufd> iommufd_;
  std::map<unsigned, std::weak_ptr<Container>> containers_;  ///< by group
};

}  // namespace aperture::vfio
