// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "ioas/device.hpp"
#include "ioas/edit.hpp"
#include "ioas/listing.hpp"
#include "ioas/platform.hpp"
#include "ioas/report.hpp"
#include "ioas/state.hpp"

namespace aperture::ioas {

struct IoasOptions {
  std::string name{};  ///< for reports; empty: none
  bool huge_pages{true};
  /// Pins every map here at once, even while no device is attached; null: memory is pinned when a domain needs it.
  PinProvider* eager_pin{};
};

struct Ranges {
  std::vector<IovaRange> ranges;  ///< ascending
  std::uint64_t alignment{1};
  std::uint64_t generation{};
};

struct Attached {
  bool hitless{};      ///< every access of the meantime met either the old or the new domain
  std::string format;  ///< "Sv39"
  unsigned levels{};   ///< depth of a full walk; 0: not known
  std::uint64_t domain{};
};

/// An I/O address space. Results (errno, chosen IOVA, order of checks, lengths, ranges, alignment) are those of Linux's
/// iommufd, with a page size of 4 KiB and automatic alignment up to 2 MiB; windows, reports and clones are beyond it.
/// Every call is a change of one edit (change.hpp): all or nothing. Thread-safe. A refusal leaves everything as it was.
///
/// Generation: rises with every change of ranges, alignment, windows or attachments, not with maps.
///
/// Beside it: Change (several calls as one), Mirror (the same maps in several), Projection (one follows another).
class Ioas {
 public:
  explicit Ioas(Platform& platform, IoasOptions options = {});
  /// Detaches every device, ends its projections and unmaps everything. No other thread uses it any more.
  ~Ioas();
  Ioas(const Ioas&) = delete;
  Ioas& operator=(const Ioas&) = delete;
  const std::string& name() const { return name_; }
  /// "IOAS "a"", or "an IOAS" if it has no name.
  std::string described() const;

  /// Maps [memory, memory + length) at `iova`, or where there is room. In this order: EOVERFLOW (iova or length is 2^64
  /// - 1), EINVAL (no access wanted), EOVERFLOW (memory wraps), EINVAL (length 0, or not a multiple of the alignment);
  /// at a given IOVA: EINVAL misaligned, EOVERFLOW wraps, EINVAL reserved, EEXIST overlaps a map, EINVAL against a
  /// window's granule; else: EOVERFLOW too long, EINVAL memory under-aligned, ENOSPC; then EINVAL memory misaligned,
  /// EFAULT, ENOMEM. `file`: the memory is a shared mapping of it from that offset on (EINVAL: not at the same place in
  /// a page, or beyond its end), which an IOMMU's owner who pins through files may use; what a device reaches is the
  /// same.
  Outcome<Iova> map(std::byte* memory, std::uint64_t length, Prot prot, std::optional<Iova> iova = {},
                    std::optional<FileSpan> file = {});
  /// Maps the memory behind [from_iova, + length) of `from` (which may be this IOAS) here: pinned and accounted once.
  /// As map, and: EINVAL length 0, ENOENT a byte of the source is not mapped, EPERM write wanted to read-only memory.
  Outcome<Iova> copy(Ioas& from, Iova from_iova, std::uint64_t length, Prot prot, std::optional<Iova> iova = {});
  /// Removes all areas inside; gives the bytes that were mapped. (0, 2^64 - 1) is everything and always succeeds.
  /// EOVERFLOW, EINVAL length 0, ENOENT if nothing is there or an area lies inside only in part; then nothing is
  /// removed.
  Outcome<std::uint64_t> unmap(Iova iova, std::uint64_t length);

  /// Complement of all reservations; neither maps nor the allow list count.
  Ranges ranges() const;
  std::uint64_t generation() const;
  std::vector<Reservation> reservations() const;
  /// Automatic IOVAs come from here only (not pages 0 and the last), and nothing may be reserved here; empty: no limit.
  /// Each needs first < last and none may overlap another (EINVAL) nor a reservation (EADDRINUSE).
  Outcome<> allow(std::vector<IovaRange> ranges);
  std::vector<IovaRange> allowed() const;
  /// A reservation of the user's. EINVAL first > last; EADDRINUSE: a map, an allowed range or a window is there.
  Outcome<> reserve(IovaRange range, Cause cause = Cause::kUser);
  /// Of several for the same range the oldest, or the oldest for that cause. ENOENT: the user has no such reservation.
  Outcome<> unreserve(IovaRange range, std::optional<Cause> cause = {});
  /// EINVAL: switched off while a domain and maps exist. EADDRINUSE: maps are not multiples of 4 KiB.
  Outcome<> set_huge_pages(bool enable);
  bool huge_pages() const;
  /// From now on any change that would narrow the ranges or raise the alignment is EADDRINUSE, cause `user`; maps are
  /// not affected. There is no thaw.
  Outcome<> freeze();
  bool frozen() const;

  /// The device uses this IOAS from here on; if it is attached already, here or elsewhere, it is replaced. `process`:
  /// only that process's accesses, without the device's reservations. EINVAL (process 0, or of more than 20 bits;
  /// granule beyond 4 KiB), ESTALE, EADDRINUSE: a map, an allowed range, a window or the alignment does not fit the
  /// device, EFAULT, ENOMEM, EIO.
  Outcome<Attached> attach(Device& device, ProcessId process = {}, std::optional<std::uint64_t> generation = {});
  /// As attach; EINVAL if the device is not attached.
  Outcome<Attached> replace(Device& device, ProcessId process = {}, std::optional<std::uint64_t> generation = {});
  /// As attach, with a guest's table in front: this IOAS holds the guest's memory at its physical addresses and becomes
  /// the second stage of the device. Replaces whatever the device had, another guest's table too. The guest's
  /// invalidations go to Device::guest_invalidate. Also EOPNOTSUPP: no second stage, or not this format of the guest's;
  /// EINVAL: what Device::prepare_nest says.
  Outcome<Attached> nest(Device& device, const GuestTable& table, std::optional<std::uint64_t> generation = {});
  /// Detaches from whichever IOAS of the platform; succeeds without effect if there is none. EINVAL process 0, EIO.
  static Outcome<> detach(Platform& platform, Device& device, ProcessId process = {});
  std::vector<Device*> attached() const;

  /// A domain for `device`, filled, narrowing from here on, without an attach: Linux's HWPT_ALLOC. It stays until
  /// dropped, and only attach_to uses it. Errors as attach; EOPNOTSUPP: writes are to be tracked and cannot be.
  Outcome<std::uint64_t> make_domain(Device& device, bool dirty_tracking = false);
  /// ENOENT; EBUSY: a device is attached to it.
  Outcome<> drop_domain(std::uint64_t domain);
  /// As attach, to that domain of this IOAS. ENOENT; EINVAL: the device cannot use it.
  Outcome<Attached> attach_to(std::uint64_t domain, Device& device);
  std::vector<DomainInfo> domains() const;

  /// Windows that nothing may narrow from now on: all or none. EINVAL (malformed), EEXIST (name), EADDRINUSE (the base
  /// is blocked), ENOSPC (no room for one without a base).
  Outcome<std::vector<PlacedWindow>> require(std::vector<Window> windows);
  /// Keeps its base unless provisional. ENOENT, else as require.
  Outcome<PlacedWindow> resize(const std::string& window, std::uint64_t size,
                               std::optional<std::uint64_t> granule = {});
  /// Fixes a provisional window where it is. ENOENT.
  Outcome<PlacedWindow> bind(const std::string& window);
  /// `drop_maps`: unmaps what is inside; ENOENT if an area is only partly so. Gives the bytes unmapped. ENOENT.
  Outcome<std::uint64_t> release(const std::string& window, bool drop_maps = false);
  std::vector<PlacedWindow> windows() const;

  /// Tracks in every domain, those of later attaches too, which pages devices write. Switched on, with none written;
  /// again, the same. EOPNOTSUPP: a domain cannot; from then on attach says so too. `domain`: only in that one; ENOENT,
  /// EOPNOTSUPP: it was not made for it.
  Outcome<> set_dirty_tracking(bool enable, std::optional<std::uint64_t> domain = {});
  bool dirty_tracking() const;
  /// Pages of `page_size` bytes that devices have written, merged, ascending, cut to [iova, + length). `clear`: they
  /// count as clean from here on. EINVAL: length or page_size is 0, iova or length is no multiple of page_size or of
  /// the alignment, page_size no power of two, tracking is off; EOVERFLOW; ENOENT: a byte is not mapped (unlike Linux,
  /// which passes over holes); EIO. `domain`: as above.
  Outcome<std::vector<IovaRange>> dirty(Iova iova, std::uint64_t length, std::uint64_t page_size, bool clear = true,
                                        std::optional<std::uint64_t> domain = {});

  /// What has happened since that generation, oldest first. The last Journal::kSize are known.
  std::vector<Event> events(std::uint64_t since = 0) const;
  /// Events up to this generation may be missing above.
  std::uint64_t events_forgotten() const;
  /// From now on events are given to `handler`, oldest first and one at a time, by the thread whose call caused them or
  /// by one that is at it already, when its call holds no lock any more. The handler may call anything but the IOAS's
  /// destruction. Null: no more of them. Waits for a handler that is running, unless that is what calls.
  void watch(std::function<void(const Event&)> handler);

  /// What require + attach of these devices, in this order, would say, without doing it. The refusal's errno is that of
  /// the real call; its detach_set, the fewest of these and of the attached devices without which all would fit.
  Outcome<Report> negotiate(std::vector<Window> windows, std::span<Device* const> devices = {});
  /// What attach would say; `report.generation` is what attach may demand.
  Outcome<Report> probe_attach(Device& device, ProcessId process = {});

  struct CloneOptions {
    std::vector<IovaRange> ranges;  ///< only maps and windows in here (maps are cut); empty: all
    std::uint64_t rebase{};         ///< added to every IOVA, modulo 2^64
    std::optional<Prot> prot;       ///< instead of each map's own; EPERM as copy
  };
  /// A new IOAS with the same maps (sharing pages), windows, allow list, user reservations and options; no devices.
  Outcome<std::unique_ptr<Ioas>> clone(const CloneOptions& options);
  Outcome<std::unique_ptr<Ioas>> clone() { return clone(CloneOptions{}); }

  using MapInfo = ioas::MapInfo;
  std::optional<MapInfo> lookup(Iova iova) const;  ///< the mapping that covers it
  std::size_t map_count() const;
  std::vector<MapInfo> maps() const;  ///< all of them, ascending

 private:
  friend class Draft;
  friend class Change;
  Outcome<Attached> attached_as(const AttachEdit& edit);

  Platform& platform_;
  std::string name_;
  std::uint64_t id_;
  mutable std::shared_mutex mutex_;
  State state_;
  bool lost_{};  ///< a fence failed: nothing is unpinned any more

  using Handler = std::function<void(const Event&)>;
  void deliver();
  std::mutex watch_mutex_;  ///< comes before mutex_; not held while the handler runs
  std::condition_variable idle_;
  std::shared_ptr<Handler> handler_;
  std::uint64_t delivered_{};
  std::thread::id delivering_;
  std::atomic<bool> watched_{};
};

}  // namespace aperture::ioas
