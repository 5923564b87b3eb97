// SPDX-License-Identifier: Apache-2.0
#include "ioas/pages.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

namespace aperture::ioas {

Result<std::shared_ptr<const FileDescriptor>> share_file(int descriptor) {
  FileDescriptor own(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (own) return std::make_shared<const FileDescriptor>(std::move(own));
  const std::string who = "file descriptor " + std::to_string(descriptor);
  if (errno == EBADF) return fail(Code::kInvalid, EBADF, who + " is not open");
  return fail(Code::kNoMemory, errno,
              who + " cannot be duplicated: this process has too many files open (`ulimit -n`)");
}

Pages::Pages(std::byte* first, std::uint64_t length, bool writable, std::optional<FileSpan> file)
    : writable_(writable), file_(std::move(file)) {
  const auto address = reinterpret_cast<std::uintptr_t>(first);
  head_ = address % kPageSize;
  data_ = first - head_;
  size_ = (head_ + length + kPageSize - 1) / kPageSize * kPageSize;
  if (file_) file_->offset -= head_;
  origin_ = file_ ? file_->offset : address - head_;
}

Pages::~Pages() = default;

Result<> Pages::pin(PinProvider& provider) {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    if (entry.provider == &provider) {
      ++entry.users;
      return {};
    }
  }
  auto residency = provider.pin(*this);
  if (!residency) return std::unexpected(residency.error());
  entries_.push_back({&provider, std::move(*residency), 1});
  return {};
}

void Pages::unpin(PinProvider& provider) noexcept {
  const std::lock_guard lock(mutex_);
  const auto entry = std::ranges::find(entries_, &provider, &Entry::provider);
  if (entry != entries_.end() && --entry->users == 0) entries_.erase(entry);
}

const Residency* Pages::residency(const PinProvider& provider) const {
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.provider == &provider) return entry.residency.get();
  }
  return nullptr;
}

std::uint64_t Pages::pinned_bytes() const {
  const std::lock_guard lock(mutex_);
  return entries_.empty() ? 0 : size_;
}

std::uint64_t Pages::references() const {
  const std::lock_guard lock(mutex_);
  return references_;
}

AreaPages::AreaPages(std::shared_ptr<Pages> pages) : pages_(std::move(pages)) {
  const std::lock_guard lock(pages_->mutex_);
  ++pages_->references_;
}

AreaPages::~AreaPages() {
  if (!pages_) return;
  const std::lock_guard lock(pages_->mutex_);
  --pages_->references_;
}

}  // namespace aperture::ioas
