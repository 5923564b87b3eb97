// SPDX-License-Identifier: Apache-2.0
#pragma once

// The kernel's binary interface as far as headers of Linux 6.1 lack it: layouts and request numbers. What they have
// comes from <linux/vfio.h> itself. Requests carry no size; every structure begins with its own.

#include <linux/vfio.h>

#include <cstdint>

namespace aperture::vfio::uapi {

// ---- <linux/vfio.h> of Linux 6.6 and later

constexpr unsigned long kDeviceBindIommufd = _IO(VFIO_TYPE, VFIO_BASE + 18);
constexpr unsigned long kDeviceAttachIommufdPt = _IO(VFIO_TYPE, VFIO_BASE + 19);
constexpr unsigned long kDeviceDetachIommufdPt = _IO(VFIO_TYPE, VFIO_BASE + 20);

struct DeviceBindIommufd {
  std::uint32_t argsz;
  std::uint32_t flags;
  std::int32_t iommufd;
  std::uint32_t out_devid;
};
static_assert(sizeof(DeviceBindIommufd) == 16);

struct DeviceAttachIommufdPt {
  std::uint32_t argsz;
  std::uint32_t flags;
  std::uint32_t pt_id;  ///< in: an IOAS or a page table; out: the page table
};
static_assert(sizeof(DeviceAttachIommufdPt) == 12);

struct DeviceDetachIommufdPt {
  std::uint32_t argsz;
  std::uint32_t flags;
};
static_assert(sizeof(DeviceDetachIommufdPt) == 8);

// ---- <linux/iommufd.h> of Linux 6.2 and later

constexpr unsigned long iommufd_request(unsigned number) { return _IO(';', number); }
constexpr unsigned long kDestroy = iommufd_request(0x80);
constexpr unsigned long kIoasAlloc = iommufd_request(0x81);
constexpr unsigned long kIoasAllowIovas = iommufd_request(0x82);
constexpr unsigned long kIoasCopy = iommufd_request(0x83);
constexpr unsigned long kIoasIovaRanges = iommufd_request(0x84);
constexpr unsigned long kIoasMap = iommufd_request(0x85);
constexpr unsigned long kIoasUnmap = iommufd_request(0x86);
constexpr unsigned long kOption = iommufd_request(0x87);
constexpr unsigned long kHwptAlloc = iommufd_request(0x89);    // 6.6
constexpr unsigned long kIoasMapFile = iommufd_request(0x8f);  // 6.13

// Flags of both maps and of copy.
constexpr std::uint32_t kMapFixedIova = 1U << 0;
constexpr std::uint32_t kMapWriteable = 1U << 1;
constexpr std::uint32_t kMapReadable = 1U << 2;

struct Destroy {
  std::uint32_t size;
  std::uint32_t id;
};
static_assert(sizeof(Destroy) == 8);

struct IoasAlloc {
  std::uint32_t size;
  std::uint32_t flags;
  std::uint32_t out_ioas_id;
};
static_assert(sizeof(IoasAlloc) == 12);

struct IovaRange {
  std::uint64_t start;
  std::uint64_t last;
};

struct IoasAllowIovas {
  std::uint32_t size;
  std::uint32_t ioas_id;
  std::uint32_t num_iovas;
  std::uint32_t reserved;
  std::uint64_t allowed_iovas;  ///< pointer to IovaRange
};
static_assert(sizeof(IoasAllowIovas) == 24);

struct IoasIovaRanges {
  std::uint32_t size;
  std::uint32_t ioas_id;
  std::uint32_t num_iovas;  ///< in: entries at allowed_iovas; out: entries there are (EMSGSIZE if those are more)
  std::uint32_t reserved;
  std::uint64_t allowed_iovas;  ///< pointer to IovaRange
  std::uint64_t out_iova_alignment;
};
static_assert(sizeof(IoasIovaRanges) == 32);

struct IoasMap {
  std::uint32_t size;
  std::uint32_t flags;
  std::uint32_t ioas_id;
  std::uint32_t reserved;
  std::uint64_t user_va;
  std::uint64_t length;
  std::uint64_t iova;  ///< in with kMapFixedIova, else out
};
static_assert(sizeof(IoasMap) == 40);

struct IoasCopy {
  std::uint32_t size;
  std::uint32_t flags;
  std::uint32_t dst_ioas_id;
  std::uint32_t src_ioas_id;
  std::uint64_t length;
  std::uint64_t dst_iova;
  std::uint64_t src_iova;
};
static_assert(sizeof(IoasCopy) == 40);

struct IoasUnmap {
  std::uint32_t size;
  std::uint32_t ioas_id;
  std::uint64_t iova;
  std::uint64_t length;  ///< out: bytes unmapped
};
static_assert(sizeof(IoasUnmap) == 24);

struct IoasMapFile {
  std::uint32_t size;
  std::uint32_t flags;
  std::uint32_t ioas_id;
  std::int32_t fd;
  std::uint64_t start;  ///< in the file
  std::uint64_t length;
  std::uint64_t iova;  ///< in with kMapFixedIova, else out
};
static_assert(sizeof(IoasMapFile) == 40);

constexpr std::uint32_t kOptionHugePages = 1;
constexpr std::uint16_t kOptionSet = 0;

struct Option {
  std::uint32_t size;
  std::uint32_t option_id;
  std::uint16_t op;
  std::uint16_t reserved;
  std::uint32_t object_id;
  std::uint64_t val64;
};
static_assert(sizeof(Option) == 24);

/// As of 6.6; later kernels take the shorter structure too.
struct HwptAlloc {
  std::uint32_t size;
  std::uint32_t flags;
  std::uint32_t dev_id;
  std::uint32_t pt_id;  ///< an IOAS
  std::uint32_t out_hwpt_id;
  std::uint32_t reserved;
};
static_assert(sizeof(HwptAlloc) == 24);

}  // namespace aperture::vfio::uapi
