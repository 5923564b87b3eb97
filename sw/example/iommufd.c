/* SPDX-License-Identifier: Apache-2.0 */
/* A small virtual machine monitor as it would be written for Linux's iommufd: it places its guest's RAM, shares it with
 * a device, finds out which pages the device wrote, and meets a device that cannot reach the RAM. Against Linux each
 * aperture_ioctl(context, ...) is an ioctl(iommufd, ...), and devices come from VFIO. */
#include "c/aperture_iommufd.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kPage = 4096, kRamPages = 512 };
static const uint64_t kRam = 0x100000000; /* guest physical, from 4 GiB on */

static struct aperture_context* context;

static void give_up(const char* what) {
  char why[1024];
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  if (aperture_explain(why, sizeof why) != 0) fprintf(stderr, "%s\n", why);
  exit(1);
}

static void request(const char* what, unsigned long number, void* argument) {
  if (aperture_ioctl(context, number, argument) != 0) give_up(what);
}

static uint64_t address(const void* pointer) { return (uint64_t)(uintptr_t)pointer; }

static uint32_t new_device(unsigned dma_bits) {
  const struct aperture_reserved_range msi = {0xfee00000, 0xfeefffff, APERTURE_CAUSE_MSI, 0};
  struct aperture_device_alloc alloc = {
      .size = sizeof alloc, .dma_bits = dma_bits, .reserved = address(&msi), .num_reserved = 1};
  request("APERTURE_DEVICE_ALLOC", APERTURE_DEVICE_ALLOC, &alloc);
  return alloc.out_device_id;
}

/* Linux says with EMSGSIZE how many ranges there are. */
static void print_ranges(uint32_t ioas) {
  struct iommu_iova_range* list;
  struct iommu_ioas_iova_ranges ranges = {.size = sizeof ranges, .ioas_id = ioas};
  uint32_t i;
  if (aperture_ioctl(context, IOMMU_IOAS_IOVA_RANGES, &ranges) != 0 && errno != EMSGSIZE) give_up("IOVA_RANGES");
  list = calloc(ranges.num_iovas, sizeof *list);
  if (list == NULL) give_up("calloc");
  ranges.allowed_iovas = address(list);
  request("IOVA_RANGES", IOMMU_IOAS_IOVA_RANGES, &ranges);
  printf("usable, in steps of %llu:", (unsigned long long)ranges.out_iova_alignment);
  for (i = 0; i < ranges.num_iovas; ++i) {
    printf(" [0x%llx-0x%llx]", (unsigned long long)list[i].start, (unsigned long long)list[i].last);
  }
  printf("\n");
  free(list);
}

static void print_dirty(uint32_t hwpt) {
  uint64_t bitmap[kRamPages / 64] = {0};
  struct iommu_hwpt_get_dirty_bitmap dirty = {.size = sizeof dirty,
                                              .hwpt_id = hwpt,
                                              .iova = kRam,
                                              .length = kRamPages * kPage,
                                              .page_size = kPage,
                                              .data = address(bitmap)};
  unsigned page;
  request("GET_DIRTY_BITMAP", IOMMU_HWPT_GET_DIRTY_BITMAP, &dirty);
  printf("written by the device: pages");
  for (page = 0; page < kRamPages; ++page) {
    if ((bitmap[page / 64] >> (page % 64)) & 1) printf(" %u", page);
  }
  printf("\n");
}

int main(void) {
  char* memory = malloc((kRamPages + 1) * kPage);
  char* ram = memory + (kPage - address(memory) % kPage) % kPage;
  char text[] = "from the device";
  const struct iommu_iova_range wanted = {kRam, kRam + kRamPages * kPage - 1};
  struct iommu_ioas_alloc alloc = {.size = sizeof alloc};
  struct iommu_ioas_allow_iovas allow = {.size = sizeof allow, .num_iovas = 1, .allowed_iovas = address(&wanted)};
  struct iommu_ioas_map map = {.size = sizeof map,
                               .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE,
                               .length = kRamPages * kPage,
                               .iova = kRam};
  struct iommu_hwpt_alloc hwpt = {.size = sizeof hwpt, .flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING};
  struct iommu_hwpt_set_dirty_tracking track = {.size = sizeof track, .flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE};
  struct aperture_device_attach attach = {.size = sizeof attach};
  struct aperture_device_dma dma = {.size = sizeof dma,
                                    .flags = APERTURE_DMA_WRITE,
                                    .iova = kRam + 3 * kPage - 8,
                                    .length = sizeof text,
                                    .user_va = address(text)};
  struct iommu_ioas_unmap unmap = {.size = sizeof unmap, .iova = kRam, .length = kRamPages * kPage};
  char why[1024];

  if (memory == NULL) give_up("malloc");
  context = aperture_open();
  if (context == NULL) give_up("aperture_open");

  /* The guest's RAM, before any device is there. */
  request("IOAS_ALLOC", IOMMU_IOAS_ALLOC, &alloc);
  allow.ioas_id = map.ioas_id = unmap.ioas_id = alloc.out_ioas_id;
  request("ALLOW_IOVAS", IOMMU_IOAS_ALLOW_IOVAS, &allow);
  map.user_va = address(ram);
  request("IOAS_MAP", IOMMU_IOAS_MAP, &map);

  /* A device with a page table of its own, whose writes are tracked. */
  hwpt.dev_id = attach.device_id = dma.device_id = new_device(48);
  hwpt.pt_id = alloc.out_ioas_id;
  request("HWPT_ALLOC", IOMMU_HWPT_ALLOC, &hwpt);
  attach.pt_id = track.hwpt_id = hwpt.out_hwpt_id;
  request("APERTURE_DEVICE_ATTACH", APERTURE_DEVICE_ATTACH, &attach);
  print_ranges(alloc.out_ioas_id);
  request("SET_DIRTY_TRACKING", IOMMU_HWPT_SET_DIRTY_TRACKING, &track);
  request("APERTURE_DEVICE_DMA", APERTURE_DEVICE_DMA, &dma);
  if (memcmp(ram + 3 * kPage - 8, text, sizeof text) != 0) {
    fprintf(stderr, "the RAM does not hold what the device wrote\n");
    return 1;
  }
  print_dirty(hwpt.out_hwpt_id);

  /* A device that cannot reach the RAM is refused, and says why. */
  attach.device_id = new_device(32);
  attach.pt_id = alloc.out_ioas_id;
  if (aperture_ioctl(context, APERTURE_DEVICE_ATTACH, &attach) == 0 || errno != EADDRINUSE) give_up("a 32-bit device");
  aperture_explain(why, sizeof why);
  printf("%s", why);

  request("IOAS_UNMAP", IOMMU_IOAS_UNMAP, &unmap);
  printf("unmapped %llu bytes\n", (unsigned long long)unmap.length);
  if (aperture_ioctl(context, APERTURE_DEVICE_DMA, &dma) == 0 || errno != EFAULT) give_up("DMA after the unmap");
  printf("and the device's next write faults\n");
  aperture_close(context);
  free(memory);
  return 0;
}
