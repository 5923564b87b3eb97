/* SPDX-License-Identifier: Apache-2.0 */
/* The binary interface of Linux's iommufd, in figures; what is included before it has to agree. */
#include <stddef.h>

#define HOLDS(what) _Static_assert(what, #what)
#define AT(type, member, offset) HOLDS(offsetof(struct type, member) == (offset))

HOLDS(IOMMU_DESTROY == 0x3b80);
HOLDS(sizeof(struct iommu_destroy) == 8);
AT(iommu_destroy, size, 0);
AT(iommu_destroy, id, 4);

HOLDS(IOMMU_IOAS_ALLOC == 0x3b81);
HOLDS(sizeof(struct iommu_ioas_alloc) == 12);
AT(iommu_ioas_alloc, flags, 4);
AT(iommu_ioas_alloc, out_ioas_id, 8);

HOLDS(sizeof(struct iommu_iova_range) == 16);
AT(iommu_iova_range, start, 0);
AT(iommu_iova_range, last, 8);

HOLDS(IOMMU_IOAS_ALLOW_IOVAS == 0x3b82);
HOLDS(sizeof(struct iommu_ioas_allow_iovas) == 24);
AT(iommu_ioas_allow_iovas, ioas_id, 4);
AT(iommu_ioas_allow_iovas, num_iovas, 8);
AT(iommu_ioas_allow_iovas, __reserved, 12);
AT(iommu_ioas_allow_iovas, allowed_iovas, 16);

HOLDS(IOMMU_IOAS_COPY == 0x3b83);
HOLDS(sizeof(struct iommu_ioas_copy) == 40);
AT(iommu_ioas_copy, flags, 4);
AT(iommu_ioas_copy, dst_ioas_id, 8);
AT(iommu_ioas_copy, src_ioas_id, 12);
AT(iommu_ioas_copy, length, 16);
AT(iommu_ioas_copy, dst_iova, 24);
AT(iommu_ioas_copy, src_iova, 32);

HOLDS(IOMMU_IOAS_IOVA_RANGES == 0x3b84);
HOLDS(sizeof(struct iommu_ioas_iova_ranges) == 32);
AT(iommu_ioas_iova_ranges, ioas_id, 4);
AT(iommu_ioas_iova_ranges, num_iovas, 8);
AT(iommu_ioas_iova_ranges, __reserved, 12);
AT(iommu_ioas_iova_ranges, allowed_iovas, 16);
AT(iommu_ioas_iova_ranges, out_iova_alignment, 24);

HOLDS(IOMMU_IOAS_MAP == 0x3b85);
HOLDS(sizeof(struct iommu_ioas_map) == 40);
AT(iommu_ioas_map, flags, 4);
AT(iommu_ioas_map, ioas_id, 8);
AT(iommu_ioas_map, __reserved, 12);
AT(iommu_ioas_map, user_va, 16);
AT(iommu_ioas_map, length, 24);
AT(iommu_ioas_map, iova, 32);
HOLDS(IOMMU_IOAS_MAP_FIXED_IOVA == 1 && IOMMU_IOAS_MAP_WRITEABLE == 2 && IOMMU_IOAS_MAP_READABLE == 4);

HOLDS(IOMMU_IOAS_UNMAP == 0x3b86);
HOLDS(sizeof(struct iommu_ioas_unmap) == 24);
AT(iommu_ioas_unmap, ioas_id, 4);
AT(iommu_ioas_unmap, iova, 8);
AT(iommu_ioas_unmap, length, 16);

HOLDS(IOMMU_OPTION == 0x3b87);
HOLDS(sizeof(struct iommu_option) == 24);
AT(iommu_option, option_id, 4);
AT(iommu_option, op, 8);
AT(iommu_option, __reserved, 10);
AT(iommu_option, object_id, 12);
AT(iommu_option, val64, 16);
HOLDS(IOMMU_OPTION_RLIMIT_MODE == 0 && IOMMU_OPTION_HUGE_PAGES == 1);
HOLDS(IOMMU_OPTION_OP_SET == 0 && IOMMU_OPTION_OP_GET == 1);

HOLDS(IOMMU_HWPT_ALLOC == 0x3b89);
AT(iommu_hwpt_alloc, flags, 4);
AT(iommu_hwpt_alloc, dev_id, 8);
AT(iommu_hwpt_alloc, pt_id, 12);
AT(iommu_hwpt_alloc, out_hwpt_id, 16);
AT(iommu_hwpt_alloc, __reserved, 20);
#ifdef IOMMU_FAULT_QUEUE_ALLOC /* Linux 6.11: grown to what it is here */
#define GROWN 1
#elif defined(APERTURE_IOMMUFD_STRUCTURES_ONLY)
#define GROWN 1
#endif
#ifdef GROWN
HOLDS(sizeof(struct iommu_hwpt_alloc) == 48);
AT(iommu_hwpt_alloc, data_type, 24);
AT(iommu_hwpt_alloc, data_len, 28);
AT(iommu_hwpt_alloc, data_uptr, 32);
AT(iommu_hwpt_alloc, fault_id, 40);
AT(iommu_hwpt_alloc, __reserved2, 44);
#endif
HOLDS(IOMMU_HWPT_ALLOC_NEST_PARENT == 1 && IOMMU_HWPT_ALLOC_DIRTY_TRACKING == 2);

HOLDS(IOMMU_HWPT_SET_DIRTY_TRACKING == 0x3b8b);
HOLDS(sizeof(struct iommu_hwpt_set_dirty_tracking) == 16);
AT(iommu_hwpt_set_dirty_tracking, flags, 4);
AT(iommu_hwpt_set_dirty_tracking, hwpt_id, 8);
AT(iommu_hwpt_set_dirty_tracking, __reserved, 12);
HOLDS(IOMMU_HWPT_DIRTY_TRACKING_ENABLE == 1);

HOLDS(IOMMU_HWPT_GET_DIRTY_BITMAP == 0x3b8c);
HOLDS(sizeof(struct iommu_hwpt_get_dirty_bitmap) == 48);
AT(iommu_hwpt_get_dirty_bitmap, hwpt_id, 4);
AT(iommu_hwpt_get_dirty_bitmap, flags, 8);
AT(iommu_hwpt_get_dirty_bitmap, __reserved, 12);
AT(iommu_hwpt_get_dirty_bitmap, iova, 16);
AT(iommu_hwpt_get_dirty_bitmap, length, 24);
AT(iommu_hwpt_get_dirty_bitmap, page_size, 32);
AT(iommu_hwpt_get_dirty_bitmap, data, 40);
HOLDS(IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR == 1);

HOLDS(IOMMU_IOAS_MAP_FILE == 0x3b8f);
HOLDS(sizeof(struct iommu_ioas_map_file) == 40);
AT(iommu_ioas_map_file, flags, 4);
AT(iommu_ioas_map_file, ioas_id, 8);
AT(iommu_ioas_map_file, fd, 12);
AT(iommu_ioas_map_file, start, 16);
AT(iommu_ioas_map_file, length, 24);
AT(iommu_ioas_map_file, iova, 32);
