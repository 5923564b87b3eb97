// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A kernel driver of the card's DMA function, behind the IOMMU that the kernel has made of the card's: its probe drives
// the first channel through what the kernel's IOMMU interface gives it, and keeps the results for the attribute
// `steps`. What is mapped is reached, at any address, in leaves of any size and as it was mapped last; what is not is
// refused.
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

// docs/registers.md, block dma, descriptor and record.
enum {
  CTRL = 0,
  STATUS = 4,
  DEVICE_ID = 8,
  RING_BASE = 0x18,
  RECORD_BASE = 0x20,
  RING_DEVICE_ID = 0x28,
  RING_LOG2 = 0x2c,
  TAIL = 0x34
};
enum { ENABLE = 1, IRQ_ENABLE = 2, RUNNING = 1, STATUS_IRQ = 2, DESCRIPTOR_IRQ = 1 << 8 };
enum { COPY = 1, FILL = 3 };       // ops
enum { OK = 0, WRITE_ERROR = 2 };  // status of a record
enum { LOG2 = 6, LIMIT = 60, PAGES = 64, SIZE = PAGES * PAGE_SIZE };
enum { SOURCE_OFFSET = 5, TARGET_OFFSET = 67, LENGTH = SIZE - 100 };

// Far apart, so that they share no table but the uppermost; within the lower half of an Sv39 space.
#define RING 0x10000UL
#define RECORDS 0x11000UL
#define SOURCE 0x123450000UL
#define TARGET 0x2a00000000UL
#define LARGE 0x3000000000UL
#define LOCKED 0x3ffffff000UL

struct descriptor {
  u64 control, source, destination, length, pattern, reserved[3];
};
struct record {
  u64 bytes, cycles, address, status;
};
// Pages from all over memory, and where the kernel sees them in a row.
struct scattered {
  struct page* pages[PAGES];
  u8* bytes;
};

struct dma {
  struct pci_dev* pci;
  void __iomem* registers;
  struct completion done;
  atomic_t interrupts;
  struct iommu_domain* domain;
  struct descriptor* ring;
  struct record* records;
  u8 *source, *large, *locked;  // of 64, 512 pages, one, in a row in memory
  struct scattered first, second;
  u32 jobs, all_jobs;
};

static irqreturn_t interrupt(int number, void* data) {
  struct dma* dma = data;
  writel(STATUS_IRQ, dma->registers + STATUS);
  atomic_inc(&dma->interrupts);
  complete(&dma->done);
  return IRQ_HANDLED;
}

static int start(struct dma* dma, u32 device_id, u64 ring, u64 records) {
  int tries = 0;
  writel(0, dma->registers + CTRL);
  while ((readl(dma->registers + STATUS) & RUNNING) != 0)
    if (++tries > 1000) return 1;
  writel(device_id, dma->registers + DEVICE_ID);
  writel(pci_dev_id(dma->pci), dma->registers + RING_DEVICE_ID);
  writeq(ring, dma->registers + RING_BASE);
  writeq(records, dma->registers + RECORD_BASE);
  writel(LOG2, dma->registers + RING_LOG2);
  writel(0, dma->registers + TAIL);
  memset(dma->records, 0, PAGE_SIZE);
  dma->jobs = 0;
  writel(ENABLE | IRQ_ENABLE, dma->registers + CTRL);
  return 0;
}

// The record's status once the channel has sent its interrupt; 100 if none came, 101 if it came before the record.
static int run(struct dma* dma, u32 op, u64 from, u64 to, u64 length, u64 pattern) {
  const struct record* record = &dma->records[dma->jobs];
  dma->ring[dma->jobs++] = (struct descriptor){
      .control = op | DESCRIPTOR_IRQ, .source = from, .destination = to, .length = length, .pattern = pattern};
  ++dma->all_jobs;
  reinit_completion(&dma->done);
  dma_wmb();
  writel(dma->jobs, dma->registers + TAIL);
  if (!wait_for_completion_timeout(&dma->done, LIMIT * HZ)) return 100;
  dma_rmb();
  const u64 status = READ_ONCE(record->status);
  return status >> 63 == 1 ? (int)(status >> 48 & 0xff) : 101;
}

static int copied(const u8* target, const u8* source) {
  return memchr_inv(target, 0, TARGET_OFFSET) == NULL &&
         memcmp(target + TARGET_OFFSET, source + SOURCE_OFFSET, LENGTH) == 0 &&
         memchr_inv(target + TARGET_OFFSET + LENGTH, 0, SIZE - TARGET_OFFSET - LENGTH) == NULL;
}

static int map_scattered(struct dma* dma, struct scattered* memory, u64 iova) {
  for (unsigned i = 0; i < PAGES; ++i)
    if (iommu_map(dma->domain, iova + i * PAGE_SIZE, page_to_phys(memory->pages[i]), PAGE_SIZE,
                  IOMMU_READ | IOMMU_WRITE, GFP_KERNEL) != 0)
      return 1;
  return 0;
}

// The kernel lets devices pass by addresses of memory until somebody wants otherwise.
static int identity(struct dma* dma) {
  u8* target = page_address(dma->first.pages[0]);
  int status = start(dma, pci_dev_id(dma->pci), virt_to_phys(dma->ring), virt_to_phys(dma->records));
  if (status != 0) return 1;
  memset(target, 0, PAGE_SIZE);
  status = run(dma, COPY, virt_to_phys(dma->source), virt_to_phys(target), PAGE_SIZE, 0);
  if (status != OK) return 10 + status;
  status = memcmp(target, dma->source, PAGE_SIZE) != 0;
  memset(target, 0, PAGE_SIZE);
  return status;
}

static int attach(struct dma* dma) {
  const int read = IOMMU_READ, both = IOMMU_READ | IOMMU_WRITE;
  struct iommu_domain* domain = iommu_paging_domain_alloc(&dma->pci->dev);
  if (IS_ERR(domain)) return (int)-PTR_ERR(domain);
  dma->domain = domain;
  if (iommu_map(domain, RING, virt_to_phys(dma->ring), PAGE_SIZE, read, GFP_KERNEL) != 0 ||
      iommu_map(domain, RECORDS, virt_to_phys(dma->records), PAGE_SIZE, both, GFP_KERNEL) != 0 ||
      iommu_map(domain, SOURCE, virt_to_phys(dma->source), SIZE, read, GFP_KERNEL) != 0 ||
      iommu_map(domain, LARGE, virt_to_phys(dma->large), SZ_2M, both, GFP_KERNEL) != 0 ||
      iommu_map(domain, LOCKED, virt_to_phys(dma->locked), PAGE_SIZE, read, GFP_KERNEL) != 0)
    return 2;
  if (map_scattered(dma, &dma->first, TARGET) != 0) return 3;
  if (iommu_attach_device(domain, &dma->pci->dev) != 0) return 4;
  return start(dma, pci_dev_id(dma->pci), RING, RECORDS) != 0 ? 5 : 0;
}

// Across pages of source and target at once, which begin at different offsets.
static int copy(struct dma* dma) {
  const int status = run(dma, COPY, SOURCE + SOURCE_OFFSET, TARGET + TARGET_OFFSET, LENGTH, 0);
  if (status != OK) return 10 + status;
  return copied(dma->first.bytes, dma->source) ? 0 : 1;
}

static int large_leaf(struct dma* dma) {
  const int status = run(dma, FILL, 0, LARGE + SZ_2M - 2 * PAGE_SIZE, PAGE_SIZE, 0x3333333333333333);
  const u8* end = dma->large + SZ_2M;
  if (status != OK) return 10 + status;
  return memchr_inv(end - 2 * PAGE_SIZE, 0x33, PAGE_SIZE) != NULL ||
         memchr_inv(end - PAGE_SIZE, 0, PAGE_SIZE) != NULL || memchr_inv(dma->large, 0, SZ_2M - 2 * PAGE_SIZE) != NULL;
}

// The translation that the copy before has left in the IOMMU's cache must not be used again.
static int remap(struct dma* dma) {
  if (iommu_unmap(dma->domain, TARGET, SIZE) != SIZE || map_scattered(dma, &dma->second, TARGET) != 0) return 1;
  memset(dma->first.bytes, 0xa5, SIZE);
  const int status = run(dma, COPY, SOURCE + SOURCE_OFFSET, TARGET + TARGET_OFFSET, LENGTH, 0);
  if (status != OK) return 10 + status;
  return !copied(dma->second.bytes, dma->source) ? 2 : memchr_inv(dma->first.bytes, 0xa5, SIZE) != NULL ? 3 : 0;
}

static int refused(struct dma* dma, u64 iova, const u8* memory) {
  const u8 before = memory[0];
  const int status = run(dma, FILL, 0, iova, 64, 0x1111111111111111);
  if (status != WRITE_ERROR) return 10 + status;
  if (dma->records[dma->jobs - 1].address != iova) return 1;
  return memchr_inv(memory, before, PAGE_SIZE) == NULL ? 0 : 2;
}

static int write_protected(struct dma* dma) { return refused(dma, LOCKED, dma->locked); }

// What was mapped until now, and is in the IOMMU's cache.
static int unmapped(struct dma* dma) {
  if (iommu_unmap(dma->domain, TARGET, SIZE) != SIZE) return 3;
  memset(dma->second.bytes, 0x5a, SIZE);
  return refused(dma, TARGET, dma->second.bytes);
}

// In the name of a function that is not there.
static int stranger(struct dma* dma) {
  if (map_scattered(dma, &dma->second, TARGET) != 0) return 3;
  if (start(dma, pci_dev_id(dma->pci) + 1, RING, RECORDS) != 0) return 4;
  return refused(dma, TARGET, dma->second.bytes);
}

// Everything that is mapped works as before.
static int afterwards(struct dma* dma) {
  if (start(dma, pci_dev_id(dma->pci), RING, RECORDS) != 0) return 1;
  const int status = run(dma, FILL, 0, TARGET + PAGE_SIZE, PAGE_SIZE, 0x2222222222222222);
  if (status != OK) return 10 + status;
  return memchr_inv(dma->second.bytes + PAGE_SIZE, 0x22, PAGE_SIZE) != NULL ||
         memchr_inv(dma->second.bytes, 0x5a, PAGE_SIZE) != NULL;
}

static int detach(struct dma* dma) {
  iommu_detach_device(dma->domain, &dma->pci->dev);
  return identity(dma);
}

static int interrupts(struct dma* dma) { return atomic_read(&dma->interrupts) != dma->all_jobs; }

static const struct {
  const char* name;
  int (*run)(struct dma* dma);
} steps[] = {{"identity", identity}, {"attach", attach},        {"copy", copy},
             {"large", large_leaf},  {"remap", remap},          {"protected", write_protected},
             {"unmapped", unmapped}, {"stranger", stranger},    {"afterwards", afterwards},
             {"detach", detach},     {"interrupts", interrupts}};
static int codes[ARRAY_SIZE(steps)];
static unsigned ended;  // steps

static ssize_t steps_show(struct device* device, struct device_attribute* attribute, char* text) {
  int size = 0;
  for (unsigned i = 0; i < ended; ++i) size += sysfs_emit_at(text, size, "%s %d\n", steps[i].name, codes[i]);
  return size;
}
static DEVICE_ATTR_RO(steps);
static struct attribute* aperture_dma_attrs[] = {&dev_attr_steps.attr, NULL};
ATTRIBUTE_GROUPS(aperture_dma);

static int allocate(struct scattered* memory) {
  for (unsigned i = 0; i < PAGES; ++i) {
    memory->pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
    if (memory->pages[i] == NULL) return -ENOMEM;
  }
  memory->bytes = vmap(memory->pages, PAGES, VM_MAP, PAGE_KERNEL);
  return memory->bytes == NULL ? -ENOMEM : 0;
}

// For good: the machine ends with it.
static int allocate_all(struct dma* dma) {
  dma->ring = (void*)get_zeroed_page(GFP_KERNEL);
  dma->records = (void*)get_zeroed_page(GFP_KERNEL);
  dma->locked = (void*)get_zeroed_page(GFP_KERNEL);
  dma->source = (void*)__get_free_pages(GFP_KERNEL, get_order(SIZE));
  dma->large = (void*)__get_free_pages(GFP_KERNEL | __GFP_ZERO, get_order(SZ_2M));
  if (dma->ring == NULL || dma->records == NULL || dma->locked == NULL || dma->source == NULL || dma->large == NULL)
    return -ENOMEM;
  u64 random = 1;
  for (unsigned i = 0; i < SIZE; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    dma->source[i] = random >> 56;
  }
  return allocate(&dma->first) != 0 || allocate(&dma->second) != 0 ? -ENOMEM : 0;
}

static int probe(struct pci_dev* pci, const struct pci_device_id* id) {
  struct dma* dma = devm_kzalloc(&pci->dev, sizeof *dma, GFP_KERNEL);
  if (dma == NULL) return -ENOMEM;
  dma->pci = pci;
  init_completion(&dma->done);
  int code = pcim_enable_device(pci);
  if (code != 0) return code;
  dma->registers = pcim_iomap(pci, 0, 0);
  if (dma->registers == NULL) return -ENOMEM;
  code = pci_alloc_irq_vectors(pci, 1, 1, PCI_IRQ_MSIX);
  if (code < 0) return code;
  code = devm_request_irq(&pci->dev, pci_irq_vector(pci, 0), interrupt, 0, "aperture_dma", dma);
  if (code == 0) code = allocate_all(dma);
  if (code != 0) return code;
  pci_set_master(pci);
  while (ended < ARRAY_SIZE(steps)) {
    codes[ended] = steps[ended].run(dma);
    dev_info(&pci->dev, "%s: %d\n", steps[ended].name, codes[ended]);
    if (codes[ended++] != 0) break;
  }
  return 0;
}

static const struct pci_device_id ids[] = {{PCI_DEVICE(0x1234, 0xa9e8)}, {}};
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver aperture_dma_driver = {.name = "aperture_dma",
                                                .id_table = ids,
                                                .probe = probe,
                                                .dev_groups = aperture_dma_groups,
                                                .driver = {.suppress_bind_attrs = true}};
builtin_pci_driver(aperture_dma_driver);

MODULE_DESCRIPTION("Drives a simulated DMA function behind a simulated IOMMU");
MODULE_LICENSE("GPL");
