// SPDX-License-Identifier: Apache-2.0
#include "riscv/nested_domain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "riscv/process_directory.hpp"

namespace aperture::riscv {
namespace {

namespace caps = regs::iommu::capabilities_f;
namespace tc = regs::dc::tc;

/// What a guest's first stage can be.
struct GuestFormat {
  const char* name;
  const regs::Field* capability;  ///< null: every IOMMU has it
  unsigned levels;
  std::uint64_t mode;
  bool processes;  ///< DC.fsc is a process-directory pointer
};
constexpr GuestFormat kFormats[] = {
    {"Bare", nullptr, 0, static_cast<std::uint64_t>(regs::SatpMode::kBare), false},
    {"Sv39", &caps::sv39, Sv39::kLevels, static_cast<std::uint64_t>(regs::SatpMode::kSv39), false},
    {"Sv48", &caps::sv48, Sv48::kLevels, static_cast<std::uint64_t>(regs::SatpMode::kSv48), false},
    {"Sv57", &caps::sv57, Sv57::kLevels, static_cast<std::uint64_t>(regs::SatpMode::kSv57), false},
    {"PD8", &caps::pd8, 1, static_cast<std::uint64_t>(regs::PdtpMode::kPd8), true},
    {"PD17", &caps::pd17, 2, static_cast<std::uint64_t>(regs::PdtpMode::kPd17), true},
    {"PD20", &caps::pd20, 3, static_cast<std::uint64_t>(regs::PdtpMode::kPd20), true},
};

constexpr std::uint64_t kLastNumber = regs::dc::ta::pscid.max();

}  // namespace

Result<std::shared_ptr<NestedDomain>> NestedDomain::make(std::shared_ptr<Domain> parent,
                                                         const ioas::GuestTable& table) {
  Iommu& iommu = parent->iommu();
  const auto* const format = std::ranges::find(kFormats, table.format, &GuestFormat::name);
  if (format == std::end(kFormats))
    return fail(Code::kUnsupported, EOPNOTSUPP,
                fmt::format("a guest's table cannot be of the format {}", table.format));
  if (format->capability != nullptr && format->capability->get(iommu.capabilities()) == 0)
    return fail(Code::kUnsupported, EOPNOTSUPP,
                fmt::format("{} has no {} for a guest's table", iommu.card().description(), table.format));
  if (table.hardware_update && caps::amo_hwad.get(iommu.capabilities()) == 0)
    return fail(Code::kUnsupported, EOPNOTSUPP,
                fmt::format("{} does not set A and D (capabilities.AMO_HWAD)", iommu.card().description()));
  const ioas::Format& second = parent->format();
  if (second.stage != 2)
    return fail(Code::kInvalid, EINVAL, fmt::format("{} is no second stage for a guest's table", second.name));
  if (table.root.value % kPageSize != 0 || table.root.value > second.apertures.back().last.value)
    return fail(Code::kInvalid, EINVAL,
                fmt::format("the root of a guest's table, {:#x}, is misaligned or beyond what {} translates",
                            table.root.value, second.name));
  if (table.address_space.value_or(0) > kLastNumber)
    return fail(
        Code::kInvalid, EINVAL,
        fmt::format("the number of a guest's address space, {:#x}, has more than 20 bits", *table.address_space));

  AddressSpace space{.gscid = parent->space().gscid, .pscid = table.address_space};
  if (!space.pscid) {
    auto own = iommu.pscids().take();
    if (!own) return std::unexpected(std::move(own.error()));
    space.pscid = *own;
  }
  DeviceContext context = parent->context();
  context.tc = tc::pdtv.set(tc::sade.set(context.tc, table.hardware_update), format->processes);
  if (format->levels > 0)
    context.fsc = regs::dc::fsc::mode.set(regs::dc::fsc::ppn.set(0, table.root.value >> 12), format->mode);
  if (!format->processes) context.ta = regs::dc::ta::pscid.set(0, *space.pscid);
  ioas::Format first{.name = format->name,
                     .stage = 1,
                     .levels = format->levels,
                     .apertures = second.apertures,
                     .page_sizes = second.page_sizes};
  return std::shared_ptr<NestedDomain>(
      new NestedDomain(std::move(parent), std::move(first), space, context, !table.address_space));
}

NestedDomain::~NestedDomain() {
  const std::scoped_lock lock(iommu_.mutex());
  if (own_number_) iommu_.retire(space_, nullptr);
}

Result<std::vector<Command>> NestedDomain::commands(const ioas::GuestInvalidation& what,
                                                    std::uint32_t device_id) const {
  if (what.address_space.value_or(0) > kLastNumber || what.process.value_or(0) > kLastNumber)
    return fail(Code::kInvalid, EINVAL, "a number in a guest's invalidation has more than 20 bits");
  std::vector<Command> out;
  if (what.process && tc::pdtv.get(context_.tc) != 0) {
    // INVAL_PDT of an id that the IOMMU's directories do not hold would be illegal.
    if (ProcessDirectory::levels_for(iommu_.capabilities(), *what.process))
      out.push_back(command::iodir_inval_pdt(device_id, *what.process));
  }
  // A guest that gave no number of its own means this table, whatever it calls it.
  const auto pscid = what.address_space && own_number_ ? space_.pscid : what.address_space;
  out.push_back(command::iotinval_vma(pscid, what.page, space_.gscid));
  return out;
}

Result<> NestedDomain::prepare_map(const ioas::Mapping&) {
  return fail(Code::kUnsupported, EOPNOTSUPP, "a guest's table is filled by the guest");
}

Result<> NestedDomain::sync() noexcept {
  const std::scoped_lock lock(iommu_.mutex());
  return iommu_.alive();
}

}  // namespace aperture::riscv
