// SPDX-License-Identifier: Apache-2.0
#include "host/domain.hpp"

namespace aperture::host {

Result<> Domain::prepare_map(const ioas::Mapping& mapping) {
  if (auto alive = sync(); !alive) return alive;
  if (mapping.prot == ioas::Prot::kNone) return {};
  const auto* residency = static_cast<const Residency*>(mapping.span.pages->residency(pins_));
  if (residency == nullptr) return fail(Code::kInvalid, EINVAL, "the pages of a map are not pinned for this IOMMU");
  return map(mapping, *residency);
}

void Domain::unmap(IovaRange range) noexcept {
  if (!space().unmap(range.first, range.extent() + 1)) refused_ = true;
}

Result<> Domain::sync() noexcept {
  if (!refused_) return {};
  return fail(Code::kCardDead, EIO, "the kernel's IOMMU has refused to unmap; what was mapped stays pinned");
}

Result<> IommufdDomain::require(std::span<const IovaRange> ranges) {
  std::vector<IovaRange> wanted;
  for (const IovaRange& range : ranges)
    if (range.first < range.last) wanted.push_back(range);
  if (wanted == required_) return {};
  if (auto done = ioas_->allow(wanted); !done) return done;
  required_ = std::move(wanted);
  return {};
}

Result<> IommufdDomain::map(const ioas::Mapping& mapping, const Residency& residency) {
  if (mapping.small_pages != small_pages_) {
    if (auto done = ioas_->set_huge_pages(!mapping.small_pages); !done) return done;
    small_pages_ = mapping.small_pages;
  }
  return ioas_->copy(*pins_.staging(), residency.staged() + mapping.span.offset, mapping.span.length, mapping.iova,
                     mapping.prot);
}

Type1Domain::~Type1Domain() {
  for (const auto& [iova, range] : maps_) (void)container_->unmap(iova, range.extent() + 1);
}

Result<> Type1Domain::map(const ioas::Mapping& mapping, const Residency&) {
  if (mapping.small_pages)
    return fail(
        Code::kUnsupported, EOPNOTSUPP,
        "VFIO type1 cannot be told to keep to pages of 4 KiB: leave huge pages on, or use a kernel with iommufd");
  const auto at = maps_.emplace(mapping.iova, mapping.range()).first;
  auto done = container_->map(mapping.span.pages->data() + mapping.span.offset, mapping.span.length, mapping.iova,
                              mapping.prot);
  if (!done) maps_.erase(at);
  return done;
}

void Type1Domain::unmap(IovaRange range) noexcept {
  Domain::unmap(range);
  maps_.erase(maps_.lower_bound(range.first), maps_.upper_bound(range.last));
}

}  // namespace aperture::host
