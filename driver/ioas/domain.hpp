// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"
#include "ioas/pages.hpp"
#include "ioas/prot.hpp"

namespace aperture::ioas {

/// A page-table format as an IOAS sees it. Two equal formats of one IOMMU are interchangeable.
struct Format {
  std::string name;                  ///< for people and reports: "Sv39", "Sv48x4"
  unsigned stage{1};                 ///< 1 or 2
  unsigned levels{1};                ///< depth of a walk that ends in the smallest page; 0: not known
  std::vector<IovaRange> apertures;  ///< what can be translated: ascending, disjoint, not empty
  std::uint64_t page_sizes{};        ///< bit n: pages of 2^n bytes; the lowest bit is the granule, at most 4 KiB
  bool operator==(const Format&) const = default;
};

/// One area as a domain sees it.
struct Mapping {
  Iova iova;
  PageSpan span;  ///< span.length bytes from iova on; iova, length and span.offset are multiples of the granule
  Prot prot{};
  bool small_pages{};  ///< leaves of 4 KiB at most; prepare_map is EOPNOTSUPP where that cannot be had
  IovaRange range() const { return {iova, iova + (span.length - 1)}; }
};

/// One I/O page table. Its geometry never changes: growth is a new domain and a replace. Called with the IOAS's lock
/// held, so by one thread at a time; different domains are called concurrently. Destruction releases whatever is still
/// mapped; no device is attached any more then.
class Domain {
 public:
  virtual ~Domain() = default;
  virtual const Format& format() const = 0;
  virtual PinProvider& pin_provider() const = 0;

  /// From now on `ranges` (ascending, disjoint), and no longer those of the call before, have to stay usable: a device
  /// that could not use all of them is not to be let in (EADDRINUSE at its prepare_attach). The IOAS checks it against
  /// all it knows of a device; this is for an owner of the IOMMU who may know more. EADDRINUSE: they are not usable
  /// now; ENOMEM. On failure those of before hold.
  virtual Result<> require(std::span<const IovaRange> ranges) {
    (void)ranges;
    return {};
  }

  /// Does all of a map that can fail (allocates tables). The range lies in one aperture and overlaps no other mapping;
  /// span.pages is already pinned at pin_provider() and stays so until the matching unmap or abort is followed by sync.
  /// Devices may reach the pages from here on. No leaf may span beyond the mapping. ENOMEM; EIO once the card is lost.
  virtual Result<> prepare_map(const Mapping& mapping) = 0;
  /// Completes / undoes a prepared map. Never fail, never allocate. After abort, what prepare_map allocated and devices
  /// may have seen is freed at the next sync.
  virtual void commit_map(const Mapping& mapping) noexcept = 0;
  virtual void abort_map(const Mapping& mapping) noexcept = 0;
  /// Removes every mapping inside `range`, which cuts none in two. Never fails, never allocates, frees nothing until
  /// sync.
  virtual void unmap(IovaRange range) noexcept = 0;
  /// Whether writes by devices can be tracked.
  virtual bool can_track_dirty() const { return false; }
  /// Starts (with no page dirty) or ends the tracking. Called only if it can be done. Never fails, never allocates.
  virtual void track_dirty(bool) noexcept {}
  /// Adds to `dirty` every page, of the size that the domain's leaf has there, in which a device has written since
  /// tracking began or the page was last cleared; both ends of `range` may lie in the middle of a mapping. `clear`:
  /// what was added counts as clean from here on, but for a page that reaches beyond `range`, which stays dirty; a
  /// write after that is never lost. EIO.
  virtual Result<> read_dirty(IovaRange range, bool clear, std::vector<IovaRange>& dirty);

  /// Called once after each change that mapped, aborted or unmapped. On success no access that used a removed mapping
  /// is in flight or will follow. EIO: the card is lost; tables stay in quarantine, and so do the pages (the caller
  /// keeps the pins).
  virtual Result<> sync() noexcept = 0;
};

}  // namespace aperture::ioas
