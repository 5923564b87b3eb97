// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/types.hpp"

namespace aperture::ioas {

/// What a provider knows about memory that it pinned. Only the provider's own domains look inside (they know the
/// concrete type): for a card, its bus extents. Unpinned with the object.
class Residency {
 public:
  virtual ~Residency() = default;
};

class Pages;

/// Where memory lies in the file that it is a shared mapping of.
struct FileSpan {
  /// Null: not told. Else whoever pins the memory may do so through the file, which stays open as long as anything
  /// mapped from it; one object serves any number of maps.
  std::shared_ptr<const FileDescriptor> file;
  std::uint64_t offset{};  ///< of the memory's first byte
};

/// For FileSpan: a duplicate of `descriptor`, which stays the caller's and may be closed. EBADF, EMFILE.
Result<std::shared_ptr<const FileDescriptor>> share_file(int descriptor);

/// Makes user memory reachable by one IOMMU (a card's DmaMemory::pin, the kernel's IOMMU, the host). Its address is its
/// identity: devices that name the same provider are behind the same IOMMU and may share domains. Outlives all Pages.
class PinProvider {
 public:
  virtual ~PinProvider() = default;
  /// Pins all of `pages`, for writes too if they are writable. EFAULT (not mapped), ENOMEM. The same memory may be
  /// pinned again.
  virtual Result<std::unique_ptr<Residency>> pin(const Pages& pages) = 0;
};

/// User memory as one object that any number of areas, in any number of IOASes, share. Pinned once per provider however
/// many areas use it. Thread-safe. The memory itself is the user's and must stay while the object lives.
class Pages {
 public:
  /// [first, first + length), any alignment, length > 0, must not wrap. `file`: where `first` lies in the file behind
  /// it; automatic IOVAs then take their alignment from there instead of from the pointer.
  Pages(std::byte* first, std::uint64_t length, bool writable, std::optional<FileSpan> file = {});
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  /// The user's memory rounded out to whole pages. Offsets in a PageSpan count from `data()`.
  std::byte* data() const { return data_; }
  std::uint64_t size() const { return size_; }
  /// Offset of the user's first byte in its page.
  std::uint64_t head() const { return head_; }
  bool writable() const { return writable_; }
  /// The file behind `data()`, and where in it that is; none: not told.
  const std::optional<FileSpan>& file() const { return file_; }
  /// The number whose low bits an automatic IOVA keeps for the byte at `offset`.
  std::uint64_t alignment_origin(std::uint64_t offset) const { return origin_ + offset; }

  /// One more user at this provider; the first one pins. Fails as PinProvider::pin does, and then changes nothing.
  Result<> pin(PinProvider& provider);
  /// One user less; the last one unpins. Never fails, never allocates.
  void unpin(PinProvider& provider) noexcept;
  /// Valid while at least one user holds a pin at `provider`; otherwise null.
  const Residency* residency(const PinProvider& provider) const;

  /// Bytes pinned now (`size()` if any provider holds it, else 0), and areas that refer to this object.
  std::uint64_t pinned_bytes() const;
  std::uint64_t references() const;

 private:
  friend class AreaPages;
  struct Entry {
    PinProvider* provider;
    std::unique_ptr<Residency> residency;
    std::uint64_t users;
  };
  std::byte* data_;
  std::uint64_t size_;
  std::uint64_t head_;
  std::uint64_t origin_;
  bool writable_;
  std::optional<FileSpan> file_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  std::uint64_t references_{};
};

/// Consecutive bytes of a Pages object: `offset` counts from pages->data(). Length > 0.
struct PageSpan {
  std::shared_ptr<Pages> pages;
  std::uint64_t offset{};
  std::uint64_t length{};
};

/// An area's share in a Pages object: what `references()` counts.
class AreaPages {
 public:
  explicit AreaPages(std::shared_ptr<Pages> pages);
  ~AreaPages();
  AreaPages(AreaPages&&) noexcept = default;
  AreaPages& operator=(AreaPages&&) = delete;
  const std::shared_ptr<Pages>& get() const { return pages_; }

 private:
  std::shared_ptr<Pages> pages_;
};

}  // namespace aperture::ioas
