// SPDX-License-Identifier: Apache-2.0
#pragma once

// THE SEAM. A Card is Mmio + DmaMemory + Interrupts; nothing above this header can tell where the card is: in this
// process (simulated), behind a socket, or on PCIe. Implementations live in their own folders and register a factory by
// name (card/registry.hpp); this folder knows none of them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"

namespace aperture::card {

enum class Bar : std::uint8_t { kIommu = 0, kCard = 2 };

/// Registers. Every access is one aligned 32- or 64-bit bus access. A write makes all earlier writes to DMA memory
/// visible to the card first; a read is ordered before later loads of DMA memory. Unaligned or out of the BAR:
/// programmer error (throws std::out_of_range). A card that is gone reads all ones. Blocks for the bus answer only. One
/// thread at a time.
class Mmio {
 public:
  virtual ~Mmio() = default;
  virtual std::uint32_t read32(Bar bar, std::uint64_t offset) = 0;
  virtual std::uint64_t read64(Bar bar, std::uint64_t offset) = 0;
  virtual void write32(Bar bar, std::uint64_t offset, std::uint32_t value) = 0;
  virtual void write64(Bar bar, std::uint64_t offset, std::uint64_t value) = 0;
};

/// Consecutive bytes of memory that are consecutive on the bus too.
struct BusExtent {
  BusAddress address;
  std::uint64_t length{};
};

/// Memory of the driver's own that the card can reach: zeroed, contiguous on the bus. Freed with the object, which must
/// not outlive its Card.
class DmaBuffer {
 public:
  virtual ~DmaBuffer() = default;
  virtual std::span<std::byte> bytes() = 0;
  virtual BusAddress address() const = 0;
};

/// Somebody's memory made reachable by the card. Unpinned with the object, which must not outlive its Card.
class PinnedMemory {
 public:
  virtual ~PinnedMemory() = default;
  /// In the order of the memory, covering it exactly; each a multiple of 4 KiB. Neighbours on the bus are merged.
  virtual const std::vector<BusExtent>& extents() const = 0;
};

class DmaMemory {
 public:
  virtual ~DmaMemory() = default;
  /// `size` bytes (> 0), bus address a multiple of `alignment` (a power of two >= 4096). ENOMEM.
  virtual Result<std::unique_ptr<DmaBuffer>> allocate(std::uint64_t size, std::uint64_t alignment) = 0;
  /// Pins [first, first + size): both multiples of 4 KiB, size > 0, else EINVAL. ENOMEM, EFAULT (not mapped).
  /// The same memory may be pinned more than once. `writable`: the card may write it.
  virtual Result<std::unique_ptr<PinnedMemory>> pin(std::byte* first, std::uint64_t size, bool writable) = 0;
  /// Bus addresses that the transport can give, ascending.
  virtual std::vector<BusRange> outer_ranges() const = 0;
};

/// Pull-only: no callback ever runs. A message is latched from its arrival until a wait returns it.
class Interrupts {
 public:
  virtual ~Interrupts() = default;
  virtual unsigned vectors() const = 0;
  /// The vectors that a message of `vector` (< vectors()) is taken for: itself alone, or all that the transport cannot
  /// tell from it.
  virtual std::uint64_t shared_with(unsigned vector) const { return std::uint64_t{1} << vector; }
  /// Lets the card work until a vector of `mask` is latched (returns and clears the latched ones in `mask`), until the
  /// card has nothing left to do, or until about `cycles` device cycles went by (both return 0). May return 0 early.
  virtual std::uint64_t wait(std::uint64_t mask, std::uint64_t cycles) = 0;
};

/// An open card. Opening sets COMMAND.memory and bus-master where there is a PCI function; destruction clears
/// bus-master.
class Card {
 public:
  virtual ~Card() = default;
  virtual Mmio& mmio() = 0;
  virtual DmaMemory& memory() = 0;
  virtual Interrupts& interrupts() = 0;
  /// Transport's own reset in addition to card.reset (FLR), where there is one; does nothing elsewhere.
  virtual Result<> function_reset() = 0;
  /// For people: "sim (ideal memory, 64 bits)".
  virtual std::string description() const = 0;
};

}  // namespace aperture::card
