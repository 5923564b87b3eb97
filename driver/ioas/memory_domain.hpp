// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "ioas/device.hpp"
#include "ioas/domain.hpp"
#include "ioas/range_set.hpp"

namespace aperture::ioas {

/// Pins nothing in truth: host memory is always there. Counts, and can be told what to refuse.
class MemoryPins : public PinProvider {
 public:
  Result<std::unique_ptr<Residency>> pin(const Pages& pages) override;
  std::uint64_t pinned_bytes() const;
  /// Memory that is "not mapped", none by default: pinning any of it is EFAULT.
  void set_hole(std::span<const std::byte> hole) { hole_ = hole; }
  /// The n-th from now of all steps that can fail here (pin; and of the domains and devices of this provider
  /// make_domain, prepare_map and prepare_attach) fails with ENOMEM; 0: none. So that each can be tried.
  void fail_after(std::uint64_t n) { fail_ = n; }
  /// ENOMEM if it is this step's turn.
  Result<> step(const char* what);

 private:
  std::span<const std::byte> hole_;
  std::atomic<std::uint64_t> fail_{};
  std::shared_ptr<std::uint64_t> pinned_{std::make_shared<std::uint64_t>(0)};
};

/// An access that no mapping allows.
struct MemoryFault {
  Iova iova;
  bool write{};
};

/// An I/O page table that is a map in host memory: for tests, planning and devices that exist only on paper. Accesses
/// come from any thread at any time, as from a device.
class MemoryDomain : public Domain {
 public:
  MemoryDomain(Format format, MemoryPins& pins) : format_(std::move(format)), pins_(pins) {}
  const Format& format() const override { return format_; }
  PinProvider& pin_provider() const override { return pins_; }
  Result<> prepare_map(const Mapping& mapping) override;
  void commit_map(const Mapping&) noexcept override {}
  void abort_map(const Mapping& mapping) noexcept override { unmap(mapping.range()); }
  void unmap(IovaRange range) noexcept override;
  Result<> sync() noexcept override;
  bool can_track_dirty() const override { return true; }
  void track_dirty(bool enable) noexcept override;
  Result<> read_dirty(IovaRange range, bool clear, std::vector<IovaRange>& dirty) override;

  /// Copies through the map, up to the first byte that is not mapped with that access: EFAULT, with its address in
  /// `fault`.
  Result<> read(Iova from, std::span<std::byte> to, MemoryFault& fault) const;
  Result<> write(Iova to, std::span<const std::byte> from, MemoryFault& fault) const;
  std::size_t map_count() const;
  std::uint64_t syncs() const { return syncs_; }
  /// The n-th prepare_map from now fails with ENOMEM; every sync from now on fails with EIO.
  void fail_map_after(unsigned n) { fail_map_ = n; }
  void lose() { lost_ = true; }

 private:
  template <typename Move>
  Result<> walk(Iova iova, std::uint64_t length, bool write, MemoryFault& fault, Move&& move) const;
  Format format_;
  MemoryPins& pins_;
  /// A mapping, and its pages, the smallest there are, that were written since tracking began.
  struct Mapped {
    Mapping mapping;
    mutable RangeSet written;
  };
  std::uint64_t page() const;
  void mark(const Mapped& map, Iova first, std::uint64_t length) const;
  mutable std::mutex mutex_;
  std::map<Iova, Mapped> maps_;
  unsigned fail_map_{};
  std::atomic<std::uint64_t> syncs_{};
  std::atomic<bool> lost_{};
  bool tracks_{};
};

struct MemoryDeviceOptions {
  std::vector<Format> formats{};  ///< none: one that translates everything in pages of 4 KiB
  std::vector<DeviceReservation> reservations{};
  unsigned dma_bits{64};
};

/// A device on such a domain. Its DMA is the two copy functions.
class MemoryDevice : public Device {
 public:
  MemoryDevice(std::string name, std::uint32_t device_id, MemoryPins& pins, MemoryDeviceOptions options = {});
  const std::string& name() const override { return name_; }
  std::uint32_t device_id() const override { return device_id_; }
  const std::vector<DeviceReservation>& reservations() const override { return options_.reservations; }
  std::uint64_t dma_mask() const override;
  const std::vector<Format>& formats(ProcessId) const override { return options_.formats; }
  PinProvider& pin_provider() const override { return pins_; }
  Result<std::shared_ptr<Domain>> make_domain(std::size_t format, ProcessId process) override;
  Result<std::unique_ptr<PreparedAttach>> prepare_attach(std::shared_ptr<Domain> domain, ProcessId process) override;
  Result<> detach(ProcessId process) noexcept override;

  /// EFAULT as MemoryDomain; with no domain every access faults.
  Result<> dma_read(Iova from, std::span<std::byte> to, MemoryFault& fault, ProcessId process = {}) const;
  Result<> dma_write(Iova to, std::span<const std::byte> from, MemoryFault& fault, ProcessId process = {}) const;
  /// The domain in use; null if none.
  std::shared_ptr<MemoryDomain> domain(ProcessId process = {}) const;
  /// Whether processes of the device have domains of their own.
  bool has_processes() const;
  /// From now on the device takes only domains that it made itself (EINVAL otherwise).
  void refuse_shared_domains() { own_only_ = true; }

 private:
  friend class MemoryAttach;
  std::string name_;
  std::uint32_t device_id_;
  MemoryPins& pins_;
  MemoryDeviceOptions options_;
  bool own_only_{};
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<Domain>> made_;
  std::map<ProcessId, std::shared_ptr<MemoryDomain>> domains_;
};

}  // namespace aperture::ioas
