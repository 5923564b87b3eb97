/* SPDX-License-Identifier: Apache-2.0 */
#ifndef APERTURE_IOMMUFD_H
#define APERTURE_IOMMUFD_H

/* The address spaces of driver/ioas for C, and for every language that can call C, in the shape of Linux's iommufd: the
 * same requests on the same structures with the same results. A program written for iommufd is ported by
 *
 *   open("/dev/iommu", O_RDWR)          ->  aperture_open()
 *   ioctl(iommufd, IOMMU_IOAS_MAP, &m)  ->  aperture_ioctl(context, IOMMU_IOAS_MAP, &m)
 *   close(iommufd)                      ->  aperture_close(context)
 *
 * Linux's own <linux/iommufd.h> is used where the machine has one; whatever it lacks is declared here, equally. */

#include <stddef.h>

#if defined(__has_include) && !defined(APERTURE_IOMMUFD_STRUCTURES_H)
#if __has_include(<linux/iommufd.h>)
#include <linux/iommufd.h>
#endif
#endif
#include "iommufd_structures.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an open /dev/iommu is in Linux: objects with ids from 1 on, of one number space; a free number is used again,
 * lowest first. Every function may be called by any thread at any time, but for aperture_close. */
struct aperture_context;

/* NULL and errno ENOMEM: no memory. */
struct aperture_context* aperture_open(void);

/* Detaches every device and destroys every object. NULL is no error. No other thread uses the context any more. */
void aperture_close(struct aperture_context* context);

/* 0, or -1 and errno, as ioctl(2) on /dev/iommu. `argument` points to the request's structure; `size` in it says which
 * version of the structure that is.
 *
 * Served: IOMMU_DESTROY, IOAS_ALLOC, IOAS_ALLOW_IOVAS, IOAS_COPY, IOAS_IOVA_RANGES, IOAS_MAP, IOAS_MAP_FILE,
 * IOAS_UNMAP, OPTION, HWPT_ALLOC, HWPT_SET_DIRTY_TRACKING, HWPT_GET_DIRTY_BITMAP, and the requests below.
 * EOPNOTSUPP: other requests of iommufd; a flag, a reserved field or a value that is not known. ENOTTY: no such
 * request. EFAULT: memory cannot be accessed. EINVAL: `size` is less than the structure had in its first version.
 * E2BIG: bytes beyond the structure that we know are not zero. ENOENT: no object of that id and kind.
 *
 * Where results are not Linux's: IOAS_UNMAP removes all or, with ENOENT, nothing; a replace that is refused changes
 * nothing, and looks at the device's reservations (EADDRINUSE) before it pins (EFAULT, ENOMEM); memory is pinned by
 * whole IOAS_MAPs, however little of one an IOAS_COPY takes; beyond 2097152 maps in an IOAS there is ENOMEM;
 * HWPT_GET_DIRTY_BITMAP is ENOENT where a part of the range is not mapped; each piece of an IOAS_COPY has to suit the
 * alignment of the destination; IOAS_MAP_FILE looks at the file at once, and needs a shared-memory file (EINVAL) that
 * is open for what is asked (EACCES). RLIMIT_MODE is kept, no more: nothing is locked for devices in memory, and
 * whoever pins memory for another device accounts for it. */
int aperture_ioctl(struct aperture_context* context, unsigned long request, void* argument);

/* Why the last call of this thread failed: a sentence, and below it what the address space that refused reports (its
 * windows, its ranges, the devices that they are lost to). As snprintf(3): at most `size` bytes with the final 0, and
 * the length that the text has; 0 after a success. */
size_t aperture_explain(char* text, size_t size);

/* ---- Devices. Linux makes and attaches them through VFIO; here they are requests on the context. ---- */

#define APERTURE_TYPE ('A')
#define APERTURE_DEVICE_ALLOC _IO(APERTURE_TYPE, 0xc0)
#define APERTURE_DEVICE_ATTACH _IO(APERTURE_TYPE, 0xc1)
#define APERTURE_DEVICE_DETACH _IO(APERTURE_TYPE, 0xc2)
#define APERTURE_DEVICE_DMA _IO(APERTURE_TYPE, 0xc3)

/* A range and why a device cannot use it. */
struct aperture_reserved_range {
  __aligned_u64 start;
  __aligned_u64 last;
  __u32 cause; /* enum aperture_cause */
  __u32 __reserved;
};
enum aperture_cause {
  APERTURE_CAUSE_RESERVED = 0,
  APERTURE_CAUSE_MSI = 1,
  APERTURE_CAUSE_APERTURE = 2,
  APERTURE_CAUSE_SIGN_GAP = 3,
  APERTURE_CAUSE_PAGE_MODE = 4,
  APERTURE_CAUSE_OUTPUT_WIDTH = 5,
};

/* A device in memory, for tests and planning: its DMA copies through its page table, with the same faults as one of
 * hardware. It is an object: IOMMU_DESTROY, EBUSY while attached. EINVAL: dma_bits beyond 64, a range with start >
 * last, apertures not ascending; EFAULT, ENOMEM. */
struct aperture_device_alloc {
  __u32 size;
  __u32 flags;              /* 0 */
  __u32 dma_bits;           /* it emits addresses below 2^dma_bits; 0: 64 */
  __u32 num_apertures;      /* 0: its page table translates everything */
  __aligned_u64 apertures;  /* pointer to struct iommu_iova_range */
  __aligned_u64 page_sizes; /* bit n: pages of 2^n bytes; 0: of 4 KiB */
  __aligned_u64 reserved;   /* pointer to struct aperture_reserved_range */
  __u32 num_reserved;
  __u32 out_device_id;
};

/* To the IOAS or HWPT pt_id; what is attached already is replaced. pt_id: out, the HWPT. As
 * VFIO_DEVICE_ATTACH_IOMMUFD_PT: EADDRINUSE (a map, an allowed range or the alignment does not suit the device), EINVAL
 * (pt_id is neither, or one that the device cannot use; a page size of 4 KiB or less is missing), ENOENT; EFAULT,
 * ENOMEM: memory is pinned now. */
struct aperture_device_attach {
  __u32 size;
  __u32 flags; /* 0 */
  __u32 device_id;
  __u32 pt_id;
};

/* Without effect if it is not attached. */
struct aperture_device_detach {
  __u32 size;
  __u32 flags; /* 0 */
  __u32 device_id;
};

/* One access of a device in memory. EFAULT: a byte is not mapped for it (`iova` is then its address, `length` the bytes
 * done before it), or user_va cannot be accessed (nothing was done; `iova` is as given). EOPNOTSUPP: not such a device.
 */
enum aperture_dma_flags {
  APERTURE_DMA_WRITE = 1, /* the device writes what is at user_va; else it reads to there */
};
struct aperture_device_dma {
  __u32 size;
  __u32 flags;
  __u32 device_id;
  __u32 __reserved;
  __aligned_u64 iova;
  __aligned_u64 length;
  __aligned_u64 user_va;
};

#ifdef __cplusplus
}
#endif

#endif
