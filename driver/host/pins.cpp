// SPDX-License-Identifier: Apache-2.0
#include "host/pins.hpp"

namespace aperture::host {

Residency::Residency(PinProvider& pins, Iova staged, std::uint64_t size) : pins_(pins), staged_(staged), size_(size) {
  pins_.pinned_ += size_;
}

Residency::~Residency() {
  pins_.pinned_ -= size_;
  // Nothing depends on it but this object: the kernel unmaps what is left with the staging IOAS.
  if (pins_.staging_) (void)pins_.staging_->unmap(staged_, size_);
}

Result<> PinProvider::stage(const std::shared_ptr<vfio::Iommufd>& iommufd) {
  if (staging_) return {};
  auto made = vfio::KernelIoas::create(iommufd);
  if (!made) return std::unexpected(std::move(made.error()));
  staging_ = std::move(*made);
  return {};
}

Result<std::unique_ptr<ioas::Residency>> PinProvider::pin(std::byte* first, std::uint64_t size, bool writable) {
  Iova staged{0};
  if (staging_) {
    const auto mapped = staging_->map(first, size, writable ? ioas::Prot::kReadWrite : ioas::Prot::kRead);
    if (!mapped) return std::unexpected(mapped.error());
    staged = *mapped;
  }
  return std::make_unique<Residency>(*this, staged, size);
}

}  // namespace aperture::host
