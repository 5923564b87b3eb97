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
  iommufd_ = iommufd;
  return {};
}

Result<std::unique_ptr<ioas::Residency>> PinProvider::pin(const ioas::Pages& pages) {
  Iova staged{0};
  if (staging_) {
    const auto mapped = stage(pages);
    if (!mapped) return std::unexpected(mapped.error());
    staged = *mapped;
  }
  return std::make_unique<Residency>(*this, staged, pages.size());
}

Result<Iova> PinProvider::stage(const ioas::Pages& pages) {
  const ioas::Prot prot = pages.writable() ? ioas::Prot::kReadWrite : ioas::Prot::kRead;
  if (const auto& behind = pages.file(); behind && behind->file && iommufd_->maps_files()) {
    const int fd = behind->file->get();
    if (iommufd_->kernel().maps_file(pages.data(), pages.size(), pages.writable(), fd, behind->offset)) {
      auto mapped = staging_->map_file(fd, behind->offset, pages.size(), prot);
      if (mapped || mapped.error().number != ENOTTY) return mapped;
    }
  }
  return staging_->map(pages.data(), pages.size(), prot);
}

}  // namespace aperture::host
