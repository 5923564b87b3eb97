// SPDX-License-Identifier: Apache-2.0
#pragma once

// vfio-user as it lies on the wire: one process serves a PCI function to another over a stream socket of the Unix
// domain. Host byte order; file descriptors travel with a message's first byte. Where a layout is that of an ioctl of
// VFIO, <linux/vfio.h> has it. "Client" is who uses the function, "server" who is it.

#include <linux/vfio.h>

#include <cstddef>
#include <cstdint>

namespace aperture::card::vfio_user {

constexpr std::uint16_t kMajor = 0;
constexpr std::uint16_t kMinor = 0;

enum class Command : std::uint16_t {
  kVersion = 1,
  kDmaMap = 2,
  kDmaUnmap = 3,
  kDeviceGetInfo = 4,
  kDeviceGetRegionInfo = 5,
  kDeviceGetRegionIoFds = 6,
  kDeviceGetIrqInfo = 7,
  kDeviceSetIrqs = 8,
  kRegionRead = 9,
  kRegionWrite = 10,
  kDmaRead = 11,   ///< server to client
  kDmaWrite = 12,  ///< server to client
  kDeviceReset = 13,
  kRegionWriteMulti = 15,
  kDeviceFeature = 16,
  kMigDataRead = 17,
  kMigDataWrite = 18,
};

/// "REGION_READ", for people; "command 99" for a number that is none.
const char* name(Command command);

struct Header {
  std::uint16_t id;
  std::uint16_t command;
  std::uint32_t size;   ///< of the message, this header included
  std::uint32_t flags;  ///< the constants below
  std::uint32_t error;  ///< errno, in a reply with kError
};
static_assert(sizeof(Header) == 16);

constexpr std::uint32_t kTypeMask = 0xf;
constexpr std::uint32_t kTypeCommand = 0;
constexpr std::uint32_t kTypeReply = 1;
constexpr std::uint32_t kNoReply = 1U << 4;
constexpr std::uint32_t kError = 1U << 5;
constexpr std::uint32_t kKnownFlags = kTypeMask | kNoReply | kError;

/// Of a VERSION message, before its JSON text.
struct Version {
  std::uint16_t major;
  std::uint16_t minor;
};

struct DmaMap {
  static constexpr std::uint32_t kRead = 1, kWrite = 2;  ///< what the device may do
  std::uint32_t argsz;
  std::uint32_t flags;
  std::uint64_t offset;  ///< in the file that comes with the message
  std::uint64_t address;
  std::uint64_t size;
};
static_assert(sizeof(DmaMap) == 32);

struct DmaUnmap {
  static constexpr std::uint32_t kAll = 2;  ///< address and size are 0
  std::uint32_t argsz;
  std::uint32_t flags;
  std::uint64_t address;
  std::uint64_t size;
};
static_assert(sizeof(DmaUnmap) == 24);

/// struct vfio_device_info without the capability offset that Linux added later.
struct DeviceInfo {
  std::uint32_t argsz;
  std::uint32_t flags;
  std::uint32_t regions;
  std::uint32_t irqs;
};
static_assert(sizeof(DeviceInfo) == 16);

using RegionInfo = ::vfio_region_info;
static_assert(sizeof(RegionInfo) == 32);
using IrqInfo = ::vfio_irq_info;
static_assert(sizeof(IrqInfo) == 16);

/// struct vfio_irq_set without its data: here eventfds travel as file descriptors.
struct IrqSet {
  std::uint32_t argsz;
  std::uint32_t flags;
  std::uint32_t index;
  std::uint32_t start;
  std::uint32_t count;
};
static_assert(sizeof(IrqSet) == offsetof(::vfio_irq_set, data));

/// Before the data of REGION_READ's reply and of REGION_WRITE.
struct RegionAccess {
  std::uint64_t offset;
  std::uint32_t region;
  std::uint32_t count;  ///< bytes
};
static_assert(sizeof(RegionAccess) == 16);

/// Before the data of DMA_READ's reply and of DMA_WRITE.
struct DmaAccess {
  std::uint64_t address;
  std::uint64_t count;  ///< bytes
};
static_assert(sizeof(DmaAccess) == 16);

/// The longest payload that anybody here takes: an access of the most bytes that both sides may agree on.
constexpr std::uint64_t kMaxTransfer = 1U << 20;
constexpr std::size_t kMaxPayload = kMaxTransfer + sizeof(DmaAccess);
/// The most descriptors that a message may bring: what QEMU takes.
constexpr std::size_t kMaxFds = 16;

}  // namespace aperture::card::vfio_user
