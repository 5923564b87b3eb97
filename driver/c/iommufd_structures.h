/* SPDX-License-Identifier: Apache-2.0 */
#ifndef APERTURE_IOMMUFD_STRUCTURES_H
#define APERTURE_IOMMUFD_STRUCTURES_H

/* The requests of Linux's <linux/iommufd.h> that aperture_ioctl serves, with the same names, numbers and layouts, for
 * machines that have no such header or an old one: what it has declared already is left alone. Every structure begins
 * with its own size. All ranges are inclusive. */

#include <linux/ioctl.h>
#include <linux/types.h>

#ifndef IOMMUFD_TYPE
#define IOMMUFD_TYPE (';')
#endif

#ifndef IOMMU_DESTROY
#define IOMMU_DESTROY _IO(IOMMUFD_TYPE, 0x80)
struct iommu_destroy {
  __u32 size;
  __u32 id; /* any object's */
};
#endif

#ifndef IOMMU_IOAS_ALLOC
#define IOMMU_IOAS_ALLOC _IO(IOMMUFD_TYPE, 0x81)
struct iommu_ioas_alloc {
  __u32 size;
  __u32 flags; /* 0 */
  __u32 out_ioas_id;
};
#endif

#ifndef IOMMU_IOAS_ALLOW_IOVAS
#define IOMMU_IOAS_ALLOW_IOVAS _IO(IOMMUFD_TYPE, 0x82)
struct iommu_iova_range {
  __aligned_u64 start;
  __aligned_u64 last;
};
struct iommu_ioas_allow_iovas {
  __u32 size;
  __u32 ioas_id;
  __u32 num_iovas;
  __u32 __reserved;
  __aligned_u64 allowed_iovas; /* pointer to num_iovas struct iommu_iova_range */
};
#endif

#ifndef IOMMU_IOAS_COPY
#define IOMMU_IOAS_COPY _IO(IOMMUFD_TYPE, 0x83)
struct iommu_ioas_copy {
  __u32 size;
  __u32 flags; /* enum iommufd_ioas_map_flags */
  __u32 dst_ioas_id;
  __u32 src_ioas_id;
  __aligned_u64 length;
  __aligned_u64 dst_iova; /* in with FIXED_IOVA, else out */
  __aligned_u64 src_iova;
};
#endif

#ifndef IOMMU_IOAS_IOVA_RANGES
#define IOMMU_IOAS_IOVA_RANGES _IO(IOMMUFD_TYPE, 0x84)
struct iommu_ioas_iova_ranges {
  __u32 size;
  __u32 ioas_id;
  __u32 num_iovas; /* in: room at allowed_iovas; out: how many there are (EMSGSIZE if that is more) */
  __u32 __reserved;
  __aligned_u64 allowed_iovas; /* pointer to struct iommu_iova_range */
  __aligned_u64 out_iova_alignment;
};
#endif

#ifndef IOMMU_IOAS_MAP
#define IOMMU_IOAS_MAP _IO(IOMMUFD_TYPE, 0x85)
enum iommufd_ioas_map_flags {
  IOMMU_IOAS_MAP_FIXED_IOVA = 1 << 0,
  IOMMU_IOAS_MAP_WRITEABLE = 1 << 1,
  IOMMU_IOAS_MAP_READABLE = 1 << 2,
};
struct iommu_ioas_map {
  __u32 size;
  __u32 flags;
  __u32 ioas_id;
  __u32 __reserved;
  __aligned_u64 user_va;
  __aligned_u64 length;
  __aligned_u64 iova; /* in with FIXED_IOVA, else out */
};
#endif

#ifndef IOMMU_IOAS_UNMAP
#define IOMMU_IOAS_UNMAP _IO(IOMMUFD_TYPE, 0x86)
struct iommu_ioas_unmap {
  __u32 size;
  __u32 ioas_id;
  __aligned_u64 iova;
  __aligned_u64 length; /* out: bytes unmapped; 0 and 2^64 - 1: everything */
};
#endif

#ifndef IOMMU_OPTION
#define IOMMU_OPTION _IO(IOMMUFD_TYPE, 0x87)
enum iommufd_option {
  IOMMU_OPTION_RLIMIT_MODE = 0,
  IOMMU_OPTION_HUGE_PAGES = 1,
};
enum iommufd_option_ops {
  IOMMU_OPTION_OP_SET = 0,
  IOMMU_OPTION_OP_GET = 1,
};
struct iommu_option {
  __u32 size;
  __u32 option_id;
  __u16 op;
  __u16 __reserved;
  __u32 object_id; /* HUGE_PAGES: an IOAS; RLIMIT_MODE: 0 */
  __aligned_u64 val64;
};
#endif

#ifndef IOMMU_HWPT_ALLOC
#define IOMMU_HWPT_ALLOC _IO(IOMMUFD_TYPE, 0x89)
enum iommufd_hwpt_alloc_flags {
  IOMMU_HWPT_ALLOC_NEST_PARENT = 1 << 0,
  IOMMU_HWPT_ALLOC_DIRTY_TRACKING = 1 << 1,
  IOMMU_HWPT_FAULT_ID_VALID = 1 << 2,
};
enum iommu_hwpt_data_type {
  IOMMU_HWPT_DATA_NONE = 0,
};
struct iommu_hwpt_alloc {
  __u32 size;
  __u32 flags;
  __u32 dev_id;
  __u32 pt_id; /* an IOAS */
  __u32 out_hwpt_id;
  __u32 __reserved;
  __u32 data_type;
  __u32 data_len;
  __aligned_u64 data_uptr;
  __u32 fault_id;
  __u32 __reserved2;
};
#endif

#ifndef IOMMU_HWPT_SET_DIRTY_TRACKING
#define IOMMU_HWPT_SET_DIRTY_TRACKING _IO(IOMMUFD_TYPE, 0x8b)
enum iommufd_hwpt_set_dirty_tracking_flags {
  IOMMU_HWPT_DIRTY_TRACKING_ENABLE = 1,
};
struct iommu_hwpt_set_dirty_tracking {
  __u32 size;
  __u32 flags;
  __u32 hwpt_id;
  __u32 __reserved;
};
#endif

#ifndef IOMMU_HWPT_GET_DIRTY_BITMAP
#define IOMMU_HWPT_GET_DIRTY_BITMAP _IO(IOMMUFD_TYPE, 0x8c)
enum iommufd_hwpt_get_dirty_bitmap_flags {
  IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR = 1,
};
struct iommu_hwpt_get_dirty_bitmap {
  __u32 size;
  __u32 hwpt_id;
  __u32 flags;
  __u32 __reserved;
  __aligned_u64 iova;
  __aligned_u64 length;
  __aligned_u64 page_size; /* that a bit stands for */
  __aligned_u64 data;      /* pointer to 64-bit words; bit 0 of the first is for iova; bits are only set */
};
#endif

#ifndef IOMMU_IOAS_MAP_FILE
#define IOMMU_IOAS_MAP_FILE _IO(IOMMUFD_TYPE, 0x8f)
struct iommu_ioas_map_file {
  __u32 size;
  __u32 flags;
  __u32 ioas_id;
  __s32 fd;
  __aligned_u64 start; /* in the file */
  __aligned_u64 length;
  __aligned_u64 iova; /* in with FIXED_IOVA, else out */
};
#endif

#endif
