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
  PagedDomain(Iommu& iommu, ioas::Format format, AddressSpace space, PageTable<F> table)
      : Domain(iommu, std::move(format), space), table_(std::move(table)) {}

  ~PagedDomain() override {
    const std::scoped_lock lock(iommu_.mutex());
    // The order matters when the card is lost: nothing that it may still read is freed.
    if (removed_.any()) (void)iommu_.flush(space_, removed_, quarantine_);
    iommu_.retire(space_, table_.release());
  }

  DeviceContext context() const override {
    namespace dc = regs::dc;
    const std::uint64_t ppn = table_.root().value >> 12;
    constexpr auto kMode = static_cast<std::uint64_t>(F::kMode);
    if constexpr (PageTable<F>::kSecond) {
      return {
          .tc = dc::tc::gade.set(dc::tc::v.mask(), can_track_dirty()),
          .iohgatp = dc::iohgatp::mode.set(dc::iohgatp::gscid.set(dc::iohgatp::ppn.set(0, ppn), *space_.gscid), kMode)};
    } else {
      return {.tc = dc::tc::sade.set(dc::tc::v.mask(), can_track_dirty()),
              .ta = dc::ta::pscid.set(0, *space_.pscid),
              .fsc = dc::fsc::mode.set(dc::fsc::ppn.set(0, ppn), kMode)};
    }
  }

  Result<> prepare_map(const ioas::Mapping& mapping) override {
    const std::scoped_lock lock(iommu_.mutex());
    if (auto done = iommu_.alive(); !done) return done;
    if (mapping.prot == ioas::Prot::kNone) return {};
    const auto* residency = static_cast<const Residency*>(mapping.span.pages->residency(iommu_.pin_provider()));
    if (!residency) return fail(Code::kInvalid, EINVAL, "the pages of a map are not pinned for this card");
    return table_.map(mapping.iova, mapping.span.length, residency->at(mapping.span.offset),
                      ioas::writable(mapping.prot), mapping.small_pages ? kPageSize : format_.page_sizes, tracks_);
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
    auto done = iommu_.flush(space_, removed_, quarantine_);
    removed_.clear();
    return done;
  }

  bool can_track_dirty() const override {
    return regs::iommu::capabilities_f::amo_hwad.get(iommu_.capabilities()) != 0;
  }

  void track_dirty(bool enable) noexcept override {
    const std::scoped_lock lock(iommu_.mutex());
    tracks_ = enable;
    table_.set_dirty(!enable);
    if (!enable) return;
    // Nothing may write any more through an entry that was cached with D.
    removed_.table();
    (void)sync();
  }

  Result<> read_dirty(IovaRange range, bool clear, std::vector<IovaRange>& dirty) override {
    const std::scoped_lock lock(iommu_.mutex());
    if (auto done = iommu_.alive(); !done) return done;
    const std::size_t before = dirty.size();
    for (const IovaRange& half : format_.apertures)
      if (half.overlaps(range))
        table_.find_dirty({std::max(half.first, range.first), std::min(half.last, range.last)}, dirty);
    if (!clear) return {};
    // Cleaned is what was found and no more. A write that still uses an entry cached with D is over when the fence is:
    // it is in a page that was found.
    Removed cleaned;
    for (std::size_t i = before; i < dirty.size(); ++i) table_.clean(dirty[i], range, cleaned);
    if (!cleaned.any()) return {};
    Quarantine none;
    return iommu_.flush(space_, cleaned, none);
  }

 private:
  PageTable<F> table_;
  Removed removed_;
  Quarantine quarantine_;
  bool tracks_{};
};

template <typename F>
void add_format(std::vector<ioas::Format>& formats, bool present, std::uint64_t page_sizes) {
  if (!present) return;
  formats.push_back({.name = F::kName,
                     .stage = F::kStage,
                     .levels = F::kLevels,
                     .apertures = PageTable<F>::apertures(),
                     .page_sizes = ((PageTable<F>::page_sizes() | kNapotSize) & page_sizes) | kPageSize});
}

template <typename F>
Result<std::shared_ptr<Domain>> make(Iommu& iommu, const ioas::Format& format) {
  auto table = PageTable<F>::create(iommu.table_pool());
  if (!table) return std::unexpected(std::move(table.error()));
  auto number = (PageTable<F>::kSecond ? iommu.gscids() : iommu.pscids()).take();
  if (!number) return std::unexpected(std::move(number.error()));
  AddressSpace space;
  (PageTable<F>::kSecond ? space.gscid : space.pscid) = *number;
  return std::make_shared<PagedDomain<F>>(iommu, format, space, std::move(*table));
}

}  // namespace

std::vector<ioas::Format> page_table_formats(std::uint64_t capabilities, std::uint64_t page_sizes) {
  namespace caps = regs::iommu::capabilities_f;
  std::vector<ioas::Format> formats;
  add_format<Sv39>(formats, caps::sv39.get(capabilities) != 0, page_sizes);
  add_format<Sv39x4>(formats, caps::sv39x4.get(capabilities) != 0, page_sizes);
  add_format<Sv48>(formats, caps::sv48.get(capabilities) != 0, page_sizes);
  add_format<Sv48x4>(formats, caps::sv48x4.get(capabilities) != 0, page_sizes);
  add_format<Sv57>(formats, caps::sv57.get(capabilities) != 0, page_sizes);
  add_format<Sv57x4>(formats, caps::sv57x4.get(capabilities) != 0, page_sizes);
  return formats;
}

Result<std::shared_ptr<Domain>> make_domain(Iommu& iommu, const ioas::Format& format) {
  const std::scoped_lock lock(iommu.mutex());
  if (auto done = iommu.alive(); !done) return std::unexpected(std::move(done.error()));
  const bool second = format.stage == 2;
  switch (format.levels) {
    case Sv39::kLevels:
      return second ? make<Sv39x4>(iommu, format) : make<Sv39>(iommu, format);
    case Sv48::kLevels:
      return second ? make<Sv48x4>(iommu, format) : make<Sv48>(iommu, format);
    case Sv57::kLevels:
      return second ? make<Sv57x4>(iommu, format) : make<Sv57>(iommu, format);
    default:
      return fail(Code::kUnsupported, EOPNOTSUPP, fmt::format("no page tables of the format {}", format.name));
  }
}

}  // namespace aperture::riscv
