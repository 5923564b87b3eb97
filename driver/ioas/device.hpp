// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"
#include "ioas/cause.hpp"
#include "ioas/domain.hpp"
#include "ioas/nesting.hpp"

namespace aperture::ioas {

/// Which address space of a device: none = the device's own, otherwise one process's (never 0).
using ProcessId = std::optional<std::uint32_t>;
/// A process id has 20 bits, as PCIe's PASID.
constexpr std::uint32_t kLastProcess = (1U << 20) - 1;

struct DeviceReservation {
  IovaRange range;
  Cause cause{};
};

/// A switch of a device's translation that is ready to happen. Destroyed uncommitted: nothing has changed.
class PreparedAttach {
 public:
  virtual ~PreparedAttach() = default;
  /// The device uses the new domain from here on; the old one is no longer used by any access in flight. Called at most
  /// once. Never fails for want of anything. EIO (card lost): the device counts as attached to the new domain all the
  /// same. The value: whether every access of the meantime was translated by either the old or the new domain.
  virtual Result<bool> commit() noexcept = 0;
};

/// A bus master behind an IOMMU. It has at most one domain per process id. Calls come with an IOAS's lock held; the
/// constant functions may come from several threads and always give the same answer.
class Device {
 public:
  virtual ~Device() = default;
  virtual const std::string& name() const = 0;
  virtual std::uint32_t device_id() const = 0;
  /// Addresses that this device must not be given, with the reason. Attach adds them, and [dma_mask() + 1, 2^64 - 1].
  virtual const std::vector<DeviceReservation>& reservations() const = 0;
  /// Asked when prepare_attach, or the require of a domain, was EADDRINUSE although reservations() left room: what the
  /// device is found to keep beyond them by now. Empty: not known.
  virtual std::vector<DeviceReservation> late_reservations() const { return {}; }
  /// Highest address the device can emit, 2^n - 1.
  virtual std::uint64_t dma_mask() const = 0;
  /// The formats that make_domain can build for this device, fewest levels first, first stage before second at equal
  /// depth. Not empty for the device itself; empty for a process if there can be none. The IOAS chooses among them: the
  /// last of the first stage (the largest) when no window is known; otherwise the first that holds all windows and
  /// maps.
  virtual const std::vector<Format>& formats(ProcessId process) const = 0;
  /// Identity of the IOMMU that the device is behind, and who pins for it.
  virtual PinProvider& pin_provider() const = 0;

  /// An empty domain of formats(process)[format]. ENOMEM, EIO.
  virtual Result<std::shared_ptr<Domain>> make_domain(std::size_t format, ProcessId process) = 0;
  /// All of an attach that can fail; the device may be attached already (then it is a replace). `domain` was made by
  /// this device or by another with the same provider and an equal format. EINVAL: the device cannot use this domain;
  /// EADDRINUSE: it has no access to all that is mapped there or that require named (after either the IOAS tries the
  /// next); ENOMEM, EIO. At most one preparation per process id at a time.
  virtual Result<std::unique_ptr<PreparedAttach>> prepare_attach(std::shared_ptr<Domain> domain, ProcessId process) = 0;
  /// As prepare_attach of the device's own address space, with a guest's table in front of `domain`, which is of the
  /// second stage. EOPNOTSUPP: the device has no second stage, or not this format; EINVAL: the root is misaligned or
  /// beyond what the domain translates, the number has more than 20 bits, processes of the device are attached.
  virtual Result<std::unique_ptr<PreparedAttach>> prepare_nest(std::shared_ptr<Domain> domain, const GuestTable& table);
  /// The guest has changed its table: what IOMMU and device have cached of it is gone when this returns, for all of
  /// `what` or, on an error, for none that counts. Thread-safe; no IOAS's lock is needed. EINVAL: the device has no
  /// guest's table, or a number is too wide; EOPNOTSUPP: the device cannot nest; EIO.
  virtual Result<> guest_invalidate(std::span<const GuestInvalidation> what);
  /// No translation any more. Without effect when there is none. Never fails half-way, never allocates. EIO: the card
  /// is lost; the device counts as detached.
  virtual Result<> detach(ProcessId process) noexcept = 0;
};

}  // namespace aperture::ioas
