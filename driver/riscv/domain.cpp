// SPDX-License-Identifier: Apache-2.0
#include "riscv/domain.hpp"

#include <fmt/format.h>

#include <utility>

#include "riscv/residency.hpp"

namespace aperture::riscv {
namespace {

template <typename F>
class PagedDomain final : public Domain {
 public:
  PagedDomain(Iommu& iommu, ioas::Format format, std::uint32_t pscid, PageTable<F> table)
      : Domain(iommu, std::move(format), pscid), table_(std::move(table)) {}

  ~PagedDomain() override {
    const std::scoped_lock lock(iommu_.mutex());
    // The order matters when the card is lost: nothing that it may still read is freed.
    if (removed_.any()) (void)iommu_.flush(pscid_, removed_, quarantine_);
    iommu_.retire(pscid_, table_.release());
  }

  DeviceContext context() const override {
    return {.tc = regs::dc::tc::v.mask(),
            .ta = regs::dc::ta::pscid.set(0, pscid_),
            .fsc = regs::dc::fsc::mode.set(regs::dc::fsc::ppn.set(0, table_.root().value >> 12),
                                           static_cast<std::uint64_t>(F::kMode))};
  }

  Result<> prepare_map(const ioas::Mapping& mapping) override {
    const std::scoped_lock lock(iommu_.mutex());
    if (auto done = iommu_.alive(); !done) return done;
    if (mapping.prot == ioas::Prot::kNone) return {};
    const auto* residency = static_cast<const Residency*>(mapping.span.pages->residency(iommu_.pin_provider()));
    if (!residency) return fail(Code::kInvalid, EINVAL, "the pages of a map are not pinned for this card");
    return table_.map(mapping.iova, mapping.span.length, ExtentCursor(residency->extents(), mapping.span.offset),
                      ioas::writable(mapping.prot), mapping.small_pages ? kPageSize : format_.page_sizes);
  }

  void commit_map(const ioas::Mapping&) noexcept override {}

  void abort_map(const ioas::Mapping& mapping) noexcept override { unmap(mapping.range()); }

  void unmap(IovaRange range) noexcept override {
    const std::scoped_lock lock(iommu_.mutex());
    for (const IovaRange& half : format_.apertures) {
      if (!half.overlaps(range)) continue;
      table_.unmap({std::max(half.first, range.first), std::min(half.last, range.last)}, removed_, quarantine_);
    }
  }

  Result<> sync() noexcept override {
    const std::scoped_lock lock(iommu_.mutex());
    if (!removed_.any()) return iommu_.alive();
    auto done = iommu_.flush(pscid_, removed_, quarantine_);
    removed_.clear();
    return done;
  }

 private:
  PageTable<F> table_;
  Removed removed_;
  Quarantine quarantine_;
};

template <typename F>
void add_format(std::vector<ioas::Format>& formats, bool present, std::uint64_t page_sizes) {
  if (!present) return;
  formats.push_back({.name = F::kName,
                     .stage = 1,
                     .levels = F::kLevels,
                     .apertures = {PageTable<F>::kLow, PageTable<F>::kHigh},
                     .page_sizes = ((PageTable<F>::page_sizes() | kNapotSize) & page_sizes) | kPageSize});
}

template <typename F>
Result<std::shared_ptr<Domain>> make(Iommu& iommu, const ioas::Format& format) {
  auto table = PageTable<F>::create(iommu.card().memory());
  if (!table) return std::unexpected(std::move(table.error()));
  auto pscid = iommu.pscids().take();
  if (!pscid) return std::unexpected(std::move(pscid.error()));
  return std::make_shared<PagedDomain<F>>(iommu, format, *pscid, std::move(*table));
}

}  // namespace

std::vector<ioas::Format> first_stage_formats(std::uint64_t capabilities, std::uint64_t page_sizes) {
  namespace caps = regs::iommu::capabilities_f;
  std::vector<ioas::Format> formats;
  add_format<Sv39>(formats, caps::sv39.get(capabilities) != 0, page_sizes);
  add_format<Sv48>(formats, caps::sv48.get(capabilities) != 0, page_sizes);
  add_format<Sv57>(formats, caps::sv57.get(capabilities) != 0, page_sizes);
  return formats;
}

Result<std::shared_ptr<Domain>> make_domain(Iommu& iommu, const ioas::Format& format) {
  const std::scoped_lock lock(iommu.mutex());
  if (auto done = iommu.alive(); !done) return std::unexpected(std::move(done.error()));
  switch (format.levels) {
    case Sv39::kLevels:
      return make<Sv39>(iommu, format);
    case Sv48::kLevels:
      return make<Sv48>(iommu, format);
    case Sv57::kLevels:
      return make<Sv57>(iommu, format);
    default:
      return fail(Code::kUnsupported, EOPNOTSUPP, fmt::format("no page tables of the format {}", format.name));
  }
}

}  // namespace aperture::riscv
