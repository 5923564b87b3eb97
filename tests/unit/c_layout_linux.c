/* SPDX-License-Identifier: Apache-2.0 */
/* The public header, which takes Linux's declarations where the machine has them; also before it, and after it. */
#ifdef __has_include
#if __has_include(<linux/iommufd.h>)
#include <linux/iommufd.h>
#endif
#endif
#include "c/aperture_iommufd.h"
#ifdef __has_include
#if __has_include(<linux/iommufd.h>)
#include <linux/iommufd.h>
#endif
#endif

#include "c_layout.h"

HOLDS(sizeof(struct aperture_reserved_range) == 24);
HOLDS(sizeof(struct aperture_device_alloc) == 48);
HOLDS(sizeof(struct aperture_device_attach) == 16);
HOLDS(sizeof(struct aperture_device_detach) == 12);
HOLDS(sizeof(struct aperture_device_dma) == 40);
