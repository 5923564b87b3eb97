// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ioas/device.hpp"
#include "ioas/domain.hpp"
#include "riscv/extent_index.hpp"
#include "riscv/page_table.hpp"

namespace aperture::sw {

/// Tables in host memory, for page tables that no card reads.
class HostTables final : public card::DmaMemory {
 public:
  Result<std::unique_ptr<card::DmaBuffer>> allocate(std::uint64_t size, std::uint64_t alignment) override;
  Result<std::unique_ptr<card::PinnedMemory>> pin(std::byte*, std::uint64_t, bool) override {
    return fail(Code::kUnsupported, EOPNOTSUPP, "tables only");
  }
  std::vector<BusRange> outer_ranges() const override { return {{{0}, {~std::uint64_t{0}}}}; }
};

/// Memory in frames of that many bytes, scattered on the bus. What is pinned is nothing: it costs no time.
class FramePins final : public ioas::PinProvider {
 public:
  explicit FramePins(std::uint64_t frame) : frame_(frame) {}
  Result<std::unique_ptr<ioas::Residency>> pin(const ioas::Pages& pages) override;
  static riscv::ExtentCursor place(const ioas::PageSpan& span, const ioas::PinProvider& pins);

 private:
  struct Frames {
    std::vector<card::BusExtent> extents;
    riscv::ExtentIndex index;
  };
  struct Pinned;
  std::uint64_t frame_;
  std::map<std::uint64_t, std::shared_ptr<const Frames>> known_;  ///< by size
};

/// A device behind a page table of the card's, Sv48, without the card: maps and unmaps cost what the driver's books and
/// tables do.
class TableDevice final : public ioas::Device {
 public:
  TableDevice(HostTables& tables, FramePins& pins) : pool_(tables), pins_(pins) {}
  const std::string& name() const override { return name_; }
  std::uint32_t device_id() const override { return 1; }
  const std::vector<ioas::DeviceReservation>& reservations() const override { return reservations_; }
  std::uint64_t dma_mask() const override { return ~std::uint64_t{0}; }
  const std::vector<ioas::Format>& formats(ioas::ProcessId) const override { return formats_; }
  ioas::PinProvider& pin_provider() const override { return pins_; }
  Result<std::shared_ptr<ioas::Domain>> make_domain(std::size_t format, ioas::ProcessId process) override;
  Result<std::unique_ptr<ioas::PreparedAttach>> prepare_attach(std::shared_ptr<ioas::Domain> domain,
                                                               ioas::ProcessId process) override;
  Result<> detach(ioas::ProcessId) noexcept override { return {}; }

 private:
  using Table = riscv::PageTable<riscv::Sv48>;
  riscv::TablePool pool_;
  FramePins& pins_;
  std::string name_{"device"};
  std::vector<ioas::DeviceReservation> reservations_;
  std::vector<ioas::Format> formats_{{"Sv48", 1, 4, Table::apertures(), Table::page_sizes()}};
};

}  // namespace aperture::sw
