// SPDX-License-Identifier: Apache-2.0
#pragma once

// A card as its buses see it: registers on one side, a device's accesses, ATS and page-request messages on another,
// memory behind. Traces replay on it and random tests compare two of them, operation by operation: the simulated RTL
// and the functional model. Bytes are in memory order everywhere.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "tb/memory/memory.hpp"
#include "tb/options.hpp"

namespace aperture::tb {

enum class AccessType : std::uint8_t { kUntranslated, kTranslated, kAts };

/// One access of a device, or with kAts one ATS translation request.
struct DeviceAccess {
  std::uint32_t device_id = 0;
  std::optional<std::uint32_t> process_id{};
  bool privileged = false;
  bool exec = false;
  bool write = false;  ///< kAts: the request is not "no-write"
  AccessType type = AccessType::kUntranslated;
  std::uint64_t iova = 0;
  unsigned length = 8;                           ///< bytes, at least 1; the access does not cross 4 KiB
  std::optional<std::vector<std::byte>> data{};  ///< of a write, `length` bytes; nothing: all byte enables off
};

/// What became of an untranslated or translated access.
struct AccessResult {
  enum class Msi : std::uint8_t { kNone, kFlat, kMrif };
  bool ok = false;                ///< the access was granted; false: aborted
  std::uint64_t pa = 0;           ///< where it went; kMrif: address of the memory-resident interrupt file
  unsigned pbmt = 0;              ///< memory type: 0 PMA, 1 NC, 2 IO
  bool memory_error = false;      ///< memory refused the access itself
  std::vector<std::byte> data{};  ///< of a read without memory error
  Msi msi = Msi::kNone;
  std::uint32_t nid = 0;     ///< kMrif: notice identity
  std::uint64_t notice = 0;  ///< kMrif: address of the notice MSI
};

/// The completion of an ATS translation request; fields are as granted.
struct AtsResult {
  enum class Status : std::uint8_t { kSuccess, kUnsupportedRequest, kCompleterAbort };
  Status status = Status::kSuccess;
  std::uint64_t pa = 0;    ///< aligned to `size`
  std::uint64_t size = 0;  ///< bytes, a power of two of at least 4096
  bool r = false, w = false, x = false;
  bool global = false, priv = false;
  bool untranslated = false;  ///< U: only untranslated accesses may be used
  unsigned pbmt = 0;          ///< 0 unless the completion carries it
};

struct PageRequest {
  std::uint32_t device_id = 0;
  std::optional<std::uint32_t> process_id{};
  bool privileged = false;
  bool exec = false;
  std::uint64_t payload = 0;  ///< second word of a page-request record: 0 R, 1 W, 2 L, 11:3 PRGI, 63:12 address
};

/// What the card sent.
struct Messages {
  struct Msi {
    std::uint64_t address;
    std::vector<std::byte> data;
  };
  struct Invalidation {
    std::uint32_t device_id;
    std::optional<std::uint32_t> process_id;
    std::uint64_t payload;
    unsigned itag;
  };
  struct GroupResponse {
    std::uint32_t device_id;
    std::optional<std::uint32_t> process_id;
    std::uint64_t payload;  ///< 40:32 PRGI, 47:44 response code
  };
  std::vector<Msi> msis;  ///< MSIs of the card's own interrupts and notice MSIs; they do not change memory
  std::vector<Invalidation> invalidations;
  std::vector<GroupResponse> group_responses;
  std::uint32_t wires = 0;  ///< bit v: wire of vector v, now
};

struct Settled {
  bool quiet = false;
  std::uint64_t cycles = 0;
};

class BusCard {
 public:
  virtual ~BusCard() = default;

  /// A freshly reset card with empty memory, no memory faults, no messages. ENOTSUP names a capability that the card
  /// does not have; EINVAL a strap that is out of range.
  virtual Result<void> reset(const Straps& straps) = 0;

  /// Memory of 2^56 bytes; what was never written reads as zero. Never meets a memory fault.
  virtual void write_memory(std::uint64_t address, std::span<const std::byte> data) = 0;
  virtual std::vector<std::byte> read_memory(std::uint64_t address, std::size_t length) = 0;
  virtual void set_fault(std::uint64_t address, std::uint64_t length, MemoryFault fault) = 0;

  /// Register page (BAR 0), `size` 4 or 8, offset a multiple of it below 0x1000. A write returns at the bus answer;
  /// only settle() orders its effects before what follows.
  virtual void write_register(std::uint32_t offset, unsigned size, std::uint64_t value) = 0;
  virtual std::uint64_t read_register(std::uint32_t offset, unsigned size) = 0;

  /// `access.type` is kUntranslated or kTranslated. An error says that the card did not answer in time.
  virtual Result<AccessResult> access(const DeviceAccess& access) = 0;
  /// `access.type` is kAts.
  virtual Result<AtsResult> ats(const DeviceAccess& access) = 0;
  /// The response code, if the IOMMU answers by itself (the same answer is in Messages::group_responses).
  virtual Result<std::optional<unsigned>> page_request(const PageRequest& request) = 0;

  /// Until effects of registers, queues, walks and interrupts have ended, or `max_cycles` went by. Waiting for a
  /// device's invalidation completion counts as quiet.
  virtual Settled settle(std::uint64_t max_cycles) = 0;
  /// Clocks the card, busy or idle.
  virtual void advance(std::uint64_t cycles) = 0;
  /// What was sent since the last call, oldest first.
  virtual Messages messages() = 0;
  /// A device's invalidation completion message; bit v of `itag_vector` is tag v.
  virtual void complete_invalidation(std::uint32_t device_id, std::uint32_t itag_vector, unsigned cc) = 0;
};

}  // namespace aperture::tb
