// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"

namespace aperture::ioas {

/// What a provider knows about memory that it pinned. Only the provider's own domains look inside (they know the
/// concrete type): for a card, its bus extents. Unpinned with the object.
class Residency {
 public:
  virtual ~Residency() = default;
};

/// Makes user memory reachable by one IOMMU (a card's DmaMemory::pin, the kernel's IOMMU, the host). Its address is its
/// identity: devices that name the same provider are behind the same IOMMU and may share domains. Outlives all Pages.
class PinProvider {
 public:
  virtual ~PinProvider() = default;
  /// Pins [first, first + size), both multiples of 4 KiB. EFAULT (not mapped), ENOMEM. The same memory may be pinned
  /// again.
  virtual Result<std::unique_ptr<Residency>> pin(std::byte* first, std::uint64_t size, bool writable) = 0;
};

/// User memory as one object that any number of areas, in any number of IOASes, share. Pinned once per provider however
/// many areas use it. Thread-safe. The memory itself is the user's and must stay while the object lives.
class Pages {
 public:
  /// [first, first + length), any alignment, length > 0, must not wrap. `file_offset`: where `first` lies in the file
  /// behind it; automatic IOVAs then take their alignment from there instead of from the pointer.
  Pages(std::byte* first, std::uint64_t length, bool writable, std::optional<std::uint64_t> file_offset = {});
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  /// The user's memory rounded out to whole pages. Offsets in a PageSpan count from `data()`.
  std::byte* data() const { return data_; }
  std::uint64_t size() const { return size_; }
  /// Offset of the user's first byte in its page.
  std::uint64_t head() const { return head_; }
  bool writable() const { return writable_; }
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
