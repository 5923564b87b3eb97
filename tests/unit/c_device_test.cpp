// SPDX-License-Identifier: Apache-2.0
// The C interface: devices, page tables of their own, dirty pages, and devices of C++ programs.
#include <array>

#include "c/context.hpp"
#include "c_context.hpp"
#include "ioas/memory_domain.hpp"

namespace aperture::test {
namespace {

class CDevice : public CContext {
 protected:
  int hwpt_alloc(std::uint32_t device, std::uint32_t pt, std::uint32_t flags, std::uint32_t& id) {
    iommu_hwpt_alloc request{};
    request.dev_id = device;
    request.pt_id = pt;
    request.flags = flags;
    const int result = call(IOMMU_HWPT_ALLOC, request);
    id = request.out_hwpt_id;
    return result;
  }
  int track(std::uint32_t hwpt, std::uint32_t flags) {
    iommu_hwpt_set_dirty_tracking request{};
    request.hwpt_id = hwpt;
    request.flags = flags;
    return call(IOMMU_HWPT_SET_DIRTY_TRACKING, request);
  }
  int dirty(std::uint32_t hwpt, std::uint64_t iova, std::uint64_t length, std::uint64_t page_size, void* bitmap,
            std::uint32_t flags = 0) {
    iommu_hwpt_get_dirty_bitmap request{};
    request.hwpt_id = hwpt;
    request.flags = flags;
    request.iova = iova;
    request.length = length;
    request.page_size = page_size;
    request.data = address(bitmap);
    return call(IOMMU_HWPT_GET_DIRTY_BITMAP, request);
  }
};

TEST_F(CDevice, AttachNarrowsDetachWidensAndGivesThePageTable) {
  const std::uint32_t ioas = new_ioas();
  const std::uint32_t device = new_device(40, {{0x8000000, 0x80fffff, APERTURE_CAUSE_MSI, 0}});
  std::uint32_t pt = ioas;
  ASSERT_EQ(attach(device, pt), 0);
  EXPECT_EQ(pt, 3U) << "the next id";
  std::uint64_t alignment = 0;
  const auto list = ranges(ioas, alignment);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1].start, 0x8100000U);
  EXPECT_EQ(list[1].last, 0xffffffffffU);
  EXPECT_EQ(destroy(ioas), EBUSY);
  EXPECT_EQ(destroy(pt), EBUSY);
  EXPECT_EQ(destroy(device), EBUSY);
  EXPECT_EQ(detach(device), 0);
  EXPECT_EQ(detach(device), 0) << "without effect";
  EXPECT_EQ(destroy(pt), ENOENT) << "an automatic page table goes with its last device";
  EXPECT_EQ(ranges(ioas, alignment).size(), 1U);
  EXPECT_EQ(destroy(ioas), 0);
  EXPECT_EQ(destroy(device), 0);
}

TEST_F(CDevice, SecondDeviceSharesThePageTableAndReplaceMovesOne) {
  const std::uint32_t a = new_ioas();
  const std::uint32_t b = new_ioas();
  const std::uint32_t first = new_device();
  const std::uint32_t second = new_device();
  std::uint32_t pt_first = a;
  std::uint32_t pt_second = a;
  ASSERT_EQ(attach(first, pt_first), 0);
  ASSERT_EQ(attach(second, pt_second), 0);
  EXPECT_EQ(pt_first, pt_second);
  ASSERT_EQ(map_at(b, memory.data(), 4096, 0x1000), 0);
  std::uint32_t moved = b;
  ASSERT_EQ(attach(first, moved), 0) << "attached already: a replace";
  EXPECT_NE(moved, pt_first);
  char byte = 0;
  EXPECT_EQ(dma(first, 0x1000, &byte, 1, false), 0);
  EXPECT_EQ(dma(second, 0x1000, &byte, 1, false), EFAULT);
}

TEST_F(CDevice, MakerOfASharedPageTableMayGoFirst) {
  const std::uint32_t ioas = new_ioas();
  const std::uint32_t maker = new_device();
  const std::uint32_t user = new_device();
  ASSERT_EQ(attach_to(maker, ioas), 0);
  ASSERT_EQ(attach_to(user, ioas), 0);
  ASSERT_EQ(detach(maker), 0);
  EXPECT_EQ(destroy(maker), 0);
  EXPECT_EQ(new_device(), maker) << "its number is free";
  ASSERT_EQ(map_at(ioas, memory.data(), 4096, 0x1000), 0);
  char byte = 0;
  EXPECT_EQ(dma(user, 0x1000, &byte, 1, false), 0);
}

TEST_F(CDevice, RefusedAttachChangesNothing) {
  const std::uint32_t ioas = new_ioas();
  const std::uint32_t device = new_device(64, {{0x10000, 0x1ffff, APERTURE_CAUSE_RESERVED, 0}});
  ASSERT_EQ(map_at(ioas, memory.data(), 4096, 0x10000), 0);
  EXPECT_EQ(attach_to(device, ioas), EADDRINUSE);
  std::uint64_t alignment = 0;
  EXPECT_EQ(ranges(ioas, alignment).size(), 1U);
  EXPECT_EQ(alignment, 1U);
  EXPECT_EQ(attach_to(device, 99), ENOENT);
  EXPECT_EQ(attach_to(device, device), EINVAL) << "a device is no page table";
  EXPECT_EQ(attach_to(ioas, ioas), ENOENT);
}

TEST_F(CDevice, DmaStopsAtTheFirstByteThatIsNotMappedForIt) {
  const std::uint32_t ioas = new_ioas();
  const std::uint32_t device = new_device();
  ASSERT_EQ(attach_to(device, ioas), 0);
  ASSERT_EQ(map_at(ioas, memory.data(), 4096, 0x10000, kRead | kWrite), 0);
  ASSERT_EQ(map_at(ioas, memory.at(4096), 4096, 0x11000, kRead), 0);
  std::array<char, 8> bytes{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'};
  aperture_device_dma request{};
  request.flags = APERTURE_DMA_WRITE;
  request.device_id = device;
  request.iova = 0x10ffc;
  request.length = 8;
  request.user_va = address(bytes.data());
  EXPECT_EQ(call(APERTURE_DEVICE_DMA, request), EFAULT);
  EXPECT_EQ(request.iova, 0x11000U);
  EXPECT_EQ(request.length, 4U);
  EXPECT_EQ(std::memcmp(memory.at(0xffc), "abcd\0\0\0", 8), 0);
  EXPECT_EQ(dma(device, 0x10000, nullptr, 8, false), EFAULT);
  EXPECT_EQ(dma(device, 0x10000, bytes.data(), 0, false), EINVAL);
  EXPECT_EQ(dma(device, kTop, bytes.data(), 8, false), EOVERFLOW);
}

TEST_F(CDevice, DescriptionOfADeviceIsChecked) {
  aperture_device_alloc request{};
  request.flags = 1;
  EXPECT_EQ(call(APERTURE_DEVICE_ALLOC, request), EOPNOTSUPP);
  request = {};
  request.dma_bits = 65;
  EXPECT_EQ(call(APERTURE_DEVICE_ALLOC, request), EINVAL);
  request = {};
  request.num_apertures = 1;
  EXPECT_EQ(call(APERTURE_DEVICE_ALLOC, request), EFAULT);
  const iommu_iova_range descending[] = {{0x2000, 0x2fff}, {0, 0xfff}};
  request.num_apertures = 2;
  request.apertures = address(descending);
  EXPECT_EQ(call(APERTURE_DEVICE_ALLOC, request), EINVAL);
  aperture_reserved_range reserved{2, 1, APERTURE_CAUSE_MSI, 0};
  request = {};
  request.num_reserved = 1;
  request.reserved = address(&reserved);
  EXPECT_EQ(call(APERTURE_DEVICE_ALLOC, request), EINVAL);
  reserved = {1, 2, 77, 0};
  EXPECT_EQ(call(APERTURE_DEVICE_ALLOC, request), EOPNOTSUPP);
  EXPECT_EQ(new_device(), 1U) << "none of them is there";
}

TEST_F(CDevice, TwoAperturesAndPageSizesNarrowAsALinuxDomainWould) {
  const iommu_iova_range two[] = {{0x10000, 0x1ffff}, {0x100000, 0x1fffff}};
  aperture_device_alloc request{};
  request.num_apertures = 2;
  request.apertures = address(two);
  request.page_sizes = 0x400;
  ASSERT_EQ(call(APERTURE_DEVICE_ALLOC, request), 0);
  const std::uint32_t ioas = new_ioas();
  ASSERT_EQ(attach_to(request.out_device_id, ioas), 0);
  std::uint64_t alignment = 0;
  const auto list = ranges(ioas, alignment);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1].start, 0x100000U);
  EXPECT_EQ(alignment, 0x400U);
  request.page_sizes = 0x4000;
  ASSERT_EQ(call(APERTURE_DEVICE_ALLOC, request), 0);
  EXPECT_EQ(attach_to(request.out_device_id, ioas), EINVAL) << "a granule beyond 4 KiB";
}

TEST_F(CDevice, HwptNarrowsBeforeAnyDeviceAndUntilDestroyed) {
  const iommu_iova_range low{0, 0xffffffff};
  aperture_device_alloc narrow{};
  narrow.num_apertures = 1;
  narrow.apertures = address(&low);
  ASSERT_EQ(call(APERTURE_DEVICE_ALLOC, narrow), 0);
  const std::uint32_t device = narrow.out_device_id;
  const std::uint32_t ioas = new_ioas();
  std::uint32_t hwpt = 0;
  ASSERT_EQ(hwpt_alloc(device, ioas, 0, hwpt), 0);
  std::uint64_t alignment = 0;
  EXPECT_EQ(ranges(ioas, alignment).front().last, 0xffffffffU);
  EXPECT_EQ(alignment, 4096U);
  EXPECT_EQ(destroy(ioas), EBUSY);
  std::uint32_t pt = ioas;
  ASSERT_EQ(attach(device, pt), 0);
  EXPECT_NE(pt, hwpt) << "an automatic attach never takes it";
  std::uint32_t named = hwpt;
  ASSERT_EQ(attach(device, named), 0);
  EXPECT_EQ(named, hwpt);
  EXPECT_EQ(destroy(pt), ENOENT) << "the automatic one was left";
  EXPECT_EQ(destroy(hwpt), EBUSY);
  ASSERT_EQ(detach(device), 0);
  EXPECT_EQ(ranges(ioas, alignment).front().last, 0xffffffffU) << "it stays";
  EXPECT_EQ(destroy(hwpt), 0);
  EXPECT_EQ(ranges(ioas, alignment).front().last, kTop);
  EXPECT_EQ(alignment, 1U);
  EXPECT_EQ(destroy(ioas), 0);
}

TEST_F(CDevice, HwptIsFilledWithWhatIsMapped) {
  const std::uint32_t ioas = new_ioas();
  const std::uint32_t device = new_device();
  const std::uint32_t other = new_device();
  memory.data()[0] = std::byte{42};
  ASSERT_EQ(map_at(ioas, memory.data(), 4096, 0x1000), 0);
  std::uint32_t hwpt = 0;
  ASSERT_EQ(hwpt_alloc(device, ioas, 0, hwpt), 0);
  ASSERT_EQ(map_at(ioas, memory.at(4096), 4096, 0x2000), 0);
  ASSERT_EQ(attach_to(other, hwpt), 0) << "of the same IOMMU, with an equal format";
  char byte = 0;
  EXPECT_EQ(dma(other, 0x1000, &byte, 1, false), 0);
  EXPECT_EQ(byte, 42);
  EXPECT_EQ(dma(other, 0x2000, &byte, 1, false), 0);
}

TEST_F(CDevice, HwptAllocIsRefusedAsInLinux) {
  const std::uint32_t ioas = new_ioas();
  const std::uint32_t device = new_device();
  std::uint32_t id = 0;
  EXPECT_EQ(hwpt_alloc(99, ioas, 0, id), ENOENT);
  EXPECT_EQ(hwpt_alloc(device, 99, 0, id), EINVAL);
  EXPECT_EQ(hwpt_alloc(device, device, 0, id), EINVAL);
  EXPECT_EQ(hwpt_alloc(device, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, id), EOPNOTSUPP);
  EXPECT_EQ(hwpt_alloc(device, ioas, 1U << 31, id), EOPNOTSUPP);
  iommu_hwpt_alloc request{};
  request.dev_id = device;
  request.pt_id = ioas;
  request.data_len = 8;
  EXPECT_EQ(call(IOMMU_HWPT_ALLOC, request), EINVAL);
  request.data_type = 1;
  EXPECT_EQ(call(IOMMU_HWPT_ALLOC, request), EOPNOTSUPP);
  request.data_len = 0;
  EXPECT_EQ(call(IOMMU_HWPT_ALLOC, request), EINVAL);
  request.data_type = 0;
  request.__reserved = 1;
  EXPECT_EQ(call(IOMMU_HWPT_ALLOC, request), EOPNOTSUPP);
  ASSERT_EQ(hwpt_alloc(device, ioas, 0, id), 0);
  std::uint32_t nested = 0;
  EXPECT_EQ(hwpt_alloc(device, id, 0, nested), EOPNOTSUPP) << "no data";
  request.__reserved = 0;
  request.pt_id = id;
  request.data_type = 1;
  request.data_len = 8;
  EXPECT_EQ(call(IOMMU_HWPT_ALLOC, request), EINVAL) << "no nesting parent";
  const std::uint32_t blocked = new_ioas();
  ASSERT_EQ(map_at(blocked, memory.data(), 100, 0x1000), 0);
  EXPECT_EQ(hwpt_alloc(device, blocked, 0, id), EADDRINUSE) << "the alignment";
}

TEST_F(CDevice, CallersOfTheFirstVersionOfHwptAllocAreServed) {
  const std::uint32_t ioas = new_ioas();
  const std::uint32_t device = new_device();
  iommu_hwpt_alloc request{};
  std::memset(&request, 0xff, sizeof request);
  request.size = offsetof(iommu_hwpt_alloc, data_type);
  request.flags = 0;
  request.dev_id = device;
  request.pt_id = ioas;
  request.__reserved = 0;
  EXPECT_EQ(call(IOMMU_HWPT_ALLOC, static_cast<void*>(&request)), 0);
  EXPECT_EQ(request.out_hwpt_id, 3U);
  EXPECT_EQ(request.data_type, ~0U) << "beyond the caller's structure";
}

TEST_F(CDevice, DirtyBitmapHasABitForEachPageWritten) {
  const std::uint32_t ioas = new_ioas();
  const std::uint32_t device = new_device();
  std::uint32_t hwpt = 0;
  ASSERT_EQ(hwpt_alloc(device, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, hwpt), 0);
  ASSERT_EQ(attach_to(device, hwpt), 0);
  ASSERT_EQ(map_at(ioas, memory.data(), 16 * 4096, 0x100000), 0);
  char byte = 1;
  ASSERT_EQ(dma(device, 0x102000, &byte, 1, true), 0) << "before tracking";
  ASSERT_EQ(track(hwpt, IOMMU_HWPT_DIRTY_TRACKING_ENABLE), 0);
  ASSERT_EQ(dma(device, 0x101fff, &byte, 1, true), 0);
  ASSERT_EQ(dma(device, 0x10f000, &byte, 1, true), 0);
  ASSERT_EQ(dma(device, 0x105000, &byte, 1, false), 0) << "a read";
  std::uint64_t bitmap = 0x4;
  EXPECT_EQ(dirty(hwpt, 0x100000, 16 * 4096, 4096, &bitmap, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR), 0);
  EXPECT_EQ(bitmap, 0x8006U) << "bits are only set";
  bitmap = 0;
  EXPECT_EQ(dirty(hwpt, 0x100000, 16 * 4096, 8192, &bitmap), 0);
  EXPECT_EQ(bitmap, 0x81U) << "of 8 KiB each";
  bitmap = 0;
  EXPECT_EQ(dirty(hwpt, 0x100000, 16 * 4096, 4096, &bitmap), 0);
  EXPECT_EQ(bitmap, 0U) << "the last one cleared them";
  ASSERT_EQ(track(hwpt, 0), 0);
  EXPECT_EQ(dirty(hwpt, 0x100000, 4096, 4096, &bitmap), EINVAL) << "tracking is off";
}

TEST_F(CDevice, DirtyRequestsAreRefusedAsInLinux) {
  const std::uint32_t ioas = new_ioas();
  const std::uint32_t device = new_device();
  std::uint32_t plain = 0;
  std::uint32_t hwpt = 0;
  ASSERT_EQ(hwpt_alloc(device, ioas, 0, plain), 0);
  ASSERT_EQ(hwpt_alloc(device, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, hwpt), 0);
  EXPECT_EQ(track(plain, 1), EOPNOTSUPP) << "not made for it";
  EXPECT_EQ(track(hwpt, 2), EOPNOTSUPP);
  EXPECT_EQ(track(ioas, 1), ENOENT);
  ASSERT_EQ(track(hwpt, 1), 0);
  ASSERT_EQ(map_at(ioas, memory.data(), 4096, 0x1000), 0);
  std::uint64_t bitmap = 0;
  EXPECT_EQ(dirty(plain, 0x1000, 4096, 4096, &bitmap), EOPNOTSUPP);
  EXPECT_EQ(dirty(hwpt, 0x1000, 4096, 4096, &bitmap, 2), EOPNOTSUPP);
  EXPECT_EQ(dirty(hwpt, 0x1000, 0, 4096, &bitmap), EINVAL);
  EXPECT_EQ(dirty(hwpt, 0x1000, 4096, 0, &bitmap), EINVAL);
  EXPECT_EQ(dirty(hwpt, 0x1800, 4096, 4096, &bitmap), EINVAL);
  EXPECT_EQ(dirty(hwpt, kTop - 4095, 8192, 4096, &bitmap), EOVERFLOW);
  EXPECT_EQ(dirty(hwpt, 0x1000, 8192, 4096, &bitmap), ENOENT) << "the second page is not mapped";
  EXPECT_EQ(dirty(hwpt, 0x1000, 4096, 4096, nullptr), EFAULT);
  EXPECT_EQ(dirty(ioas, 0x1000, 4096, 4096, &bitmap), ENOENT);
}

TEST_F(CDevice, BitmapThatCannotBeWrittenClearsNothing) {
  const std::uint32_t ioas = new_ioas();
  const std::uint32_t device = new_device();
  std::uint32_t hwpt = 0;
  ASSERT_EQ(hwpt_alloc(device, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, hwpt), 0);
  ASSERT_EQ(track(hwpt, 1), 0);
  ASSERT_EQ(attach_to(device, hwpt), 0);
  ASSERT_EQ(map_at(ioas, memory.data(), 4096, 0x1000), 0);
  char byte = 1;
  ASSERT_EQ(dma(device, 0x1000, &byte, 1, true), 0);
  EXPECT_EQ(dirty(hwpt, 0x1000, 4096, 4096, nullptr), EFAULT);
  std::uint64_t bitmap = 0;
  EXPECT_EQ(dirty(hwpt, 0x1000, 4096, 4096, &bitmap), 0);
  EXPECT_EQ(bitmap, 1U);
}

TEST_F(CDevice, DeviceOfACppProgramHasAnIdAndCannotBeDestroyedByC) {
  ioas::MemoryPins pins;
  ioas::MemoryDevice nic("nic", 7, pins, {{}, {}, 36});
  ioas::Platform platform;
  aperture_context* own = c::open(platform);
  ASSERT_NE(own, nullptr);
  std::swap(own, context);
  const std::uint32_t device = *c::bind(*context, nic);
  const std::uint32_t ioas = new_ioas();
  ASSERT_EQ(attach_to(device, ioas), 0);
  const auto space = c::find_ioas(*context, ioas);
  EXPECT_EQ(platform.attached_to(nic, {}), space.get());
  std::uint64_t alignment = 0;
  EXPECT_EQ(ranges(ioas, alignment).front().last, 0xfffffffffU);
  EXPECT_EQ(destroy(device), EBUSY);
  EXPECT_EQ(c::unbind(*context, device).error().number, EBUSY);
  char byte = 0;
  EXPECT_EQ(dma(device, 0, &byte, 1, false), EOPNOTSUPP) << "its DMA is its own";
  ASSERT_TRUE(ioas::Ioas::detach(platform, nic));
  EXPECT_TRUE(c::unbind(*context, device));
  EXPECT_EQ(destroy(ioas), 0) << "what C++ detached is known here too";
  EXPECT_EQ(c::find_ioas(*context, ioas), nullptr);
  std::swap(own, context);
  aperture_close(own);
}

TEST_F(CDevice, CloseDetachesAndUnpinsEverything) {
  ioas::MemoryPins pins;
  ioas::MemoryDevice nic("nic", 7, pins);
  ioas::Platform platform;
  aperture_context* own = c::open(platform);
  std::swap(own, context);
  const std::uint32_t ioas = new_ioas();
  ASSERT_EQ(attach_to(*c::bind(*context, nic), ioas), 0);
  ASSERT_EQ(map_at(ioas, memory.data(), 4096, 0x1000), 0);
  EXPECT_EQ(pins.pinned_bytes(), 4096U);
  std::swap(own, context);
  aperture_close(own);
  EXPECT_EQ(pins.pinned_bytes(), 0U);
  EXPECT_EQ(platform.attached_to(nic, {}), nullptr);
}

}  // namespace
}  // namespace aperture::test
