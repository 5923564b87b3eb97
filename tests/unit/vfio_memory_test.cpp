// SPDX-License-Identifier: Apache-2.0
// DMA memory of a card over VFIO: bus addresses, arena, pins.
#include <gtest/gtest.h>

#include <algorithm>

#include "card/vfio/bus_allocator.hpp"
#include "card/vfio/memory.hpp"
#include "support/fake_kernel.hpp"
#include "vfio/function.hpp"
#include "vfio/uapi.hpp"

namespace aperture::vfio {
inline void PrintTo(Backend backend, std::ostream* out) { *out << name(backend); }
}  // namespace aperture::vfio

namespace aperture::card {
namespace {

using test::FakeKernel;

constexpr std::uint64_t kMiB = 1U << 20;

TEST(BusAllocator, TakesTheLowestPlaceOfAPhaseAndJoinsWhatComesBack) {
  BusAllocator bus({{{0x1000}, {0x3fff}}, {{0x10000}, {0x1ffff}}});
  EXPECT_EQ(bus.take(0x2000, 0x1000)->value, 0x1000U);
  EXPECT_EQ(bus.take(0x2000, 0x1000)->value, 0x10000U);
  EXPECT_EQ(bus.take(0x1000, 0x4000, 0x3000)->value, 0x3000U);
  EXPECT_EQ(bus.take(0x1000, 0x8000, 0x5000)->value, 0x15000U);
  EXPECT_FALSE(bus.take(0x10000, 0x1000));
  bus.give({0x1000}, 0x2000);
  bus.give({0x3000}, 0x1000);
  EXPECT_EQ(bus.take(0x3000, 0x1000)->value, 0x1000U);
  bus.give({0x10000}, 0x2000);
  bus.give({0x15000}, 0x1000);
  EXPECT_EQ(bus.take(0x10000, 0x1000)->value, 0x10000U);
}

TEST(BusAllocator, ReachesTheEndOfTheSpaceAndNotBeyond) {
  const std::vector<BusRange> top{{{~std::uint64_t{0} - 0x2fff}, {~std::uint64_t{0}}}};
  BusAllocator bus(top);
  EXPECT_FALSE(bus.take(0x4000, 0x1000));
  EXPECT_FALSE(bus.take(0x1000, 0x10000));
  const auto all = bus.take(0x3000, 0x1000);
  ASSERT_TRUE(all);
  bus.give(*all, 0x3000);
  EXPECT_TRUE(bus.whole());
  EXPECT_TRUE(bus.take(0x3000, 0x1000));
}

class VfioMemoryOn : public testing::TestWithParam<vfio::Backend> {
 protected:
  void SetUp() override { make(); }
  void make(std::uint64_t limit = ~std::uint64_t{0}) {
    memory.reset();
    function.reset();
    auto opened = vfio::System(kernel, GetParam()).open(*vfio::locate(kernel, "0000:01:00.0"));
    ASSERT_TRUE(opened) << opened.error().what;
    function = std::move(*opened);
    auto space = function->own_space();
    ASSERT_TRUE(space) << space.error().what;
    std::vector<BusRange> ranges;
    const auto found = (*space)->ranges();
    ASSERT_TRUE(found) << found.error().what;
    for (const IovaRange& range : found->ranges) ranges.push_back({{range.first.value}, {range.last.value}});
    memory = std::make_unique<VfioMemory>(kernel, *space, ranges, limit);
  }
  std::byte* at(BusAddress address, bool write = true) { return kernel.reach(card, address.value, write); }

  FakeKernel kernel;
  FakeKernel::Function& card = kernel.add("0000:01:00.0", 1);
  std::unique_ptr<vfio::Function> function;
  std::unique_ptr<VfioMemory> memory;
};

TEST_P(VfioMemoryOn, BuffersAreZeroedAndReachedAtTheirBusAddress) {
  auto buffer = memory->allocate(100, 0x4000);
  ASSERT_TRUE(buffer) << buffer.error().what;
  EXPECT_EQ((*buffer)->address().value % 0x4000, 0U);
  EXPECT_NE((*buffer)->address().value, 0U);
  EXPECT_EQ((*buffer)->bytes().size(), 100U);
  EXPECT_EQ(at((*buffer)->address()), (*buffer)->bytes().data());
}

TEST_P(VfioMemoryOn, ManyBuffersTakeOneMapOfTheKernel) {
  std::vector<std::unique_ptr<DmaBuffer>> buffers;
  for (unsigned i = 0; i < 512; ++i) {
    auto buffer = memory->allocate(4096, 4096);
    ASSERT_TRUE(buffer) << buffer.error().what;
    buffers.push_back(std::move(*buffer));
  }
  EXPECT_EQ(kernel.dma_maps(), 1U);
  EXPECT_TRUE(std::ranges::all_of(buffers, [&](auto& b) { return at(b->address()) == b->bytes().data(); }));
  auto another = memory->allocate(4096, 4096);
  ASSERT_TRUE(another);
  EXPECT_EQ(kernel.dma_maps(), 2U);
}

TEST_P(VfioMemoryOn, FreedBuffersAreUsedAgainZeroedWithoutAKernelCall) {
  auto first = memory->allocate(8192, 4096);
  ASSERT_TRUE(first);
  const BusAddress address = (*first)->address();
  std::ranges::fill((*first)->bytes(), std::byte{0xff});
  first->reset();
  auto second = memory->allocate(8192, 4096);
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)->address(), address);
  EXPECT_TRUE(std::ranges::all_of((*second)->bytes(), [](std::byte b) { return b == std::byte{0}; }));
  EXPECT_EQ(kernel.dma_maps(), 1U);
}

TEST_P(VfioMemoryOn, LargeBufferHasAMapOfItsOwnThatGoesWithIt) {
  auto small = memory->allocate(4096, 4096);
  auto large = memory->allocate(5 * kMiB, 4 * kMiB);
  ASSERT_TRUE(large) << large.error().what;
  EXPECT_EQ((*large)->address().value % (4 * kMiB), 0U);
  EXPECT_EQ(at((*large)->address() + (5 * kMiB - 1)), (*large)->bytes().data() + (5 * kMiB - 1));
  EXPECT_EQ(kernel.dma_maps(), 2U);
  large->reset();
  EXPECT_EQ(kernel.dma_maps(), 1U);
}

TEST_P(VfioMemoryOn, HugePagesAreUsedWhenThereAreSome) {
  ASSERT_TRUE(memory->allocate(4096, 4096));
  EXPECT_EQ(kernel.huge_allocations(), 0U);
  make();
  kernel.huge_pages = true;
  ASSERT_TRUE(memory->allocate(4096, 4096));
  EXPECT_EQ(kernel.huge_allocations(), 1U);
}

TEST_P(VfioMemoryOn, PinIsOneExtentAndOneMap) {
  FakeKernel::Function& device = card;
  auto piece = kernel.allocate(8 * kMiB, false);
  ASSERT_TRUE(piece);
  std::byte* const first = *piece + 0x3000;
  auto pinned = memory->pin(first, 5 * kMiB, false);
  ASSERT_TRUE(pinned) << pinned.error().what;
  ASSERT_EQ((*pinned)->extents().size(), 1U);
  const BusExtent extent = (*pinned)->extents()[0];
  EXPECT_EQ(extent.length, 5 * kMiB);
  EXPECT_EQ(extent.address.value % (2 * kMiB), reinterpret_cast<std::uintptr_t>(first) % (2 * kMiB));
  EXPECT_EQ(kernel.reach(device, extent.address.value + 0x1234, false), first + 0x1234);
  EXPECT_EQ(kernel.reach(device, extent.address.value, true), nullptr) << "pinned for reads only";
  EXPECT_EQ(kernel.dma_maps(), 1U);
  pinned->reset();
  EXPECT_EQ(kernel.dma_maps(), 0U);
  EXPECT_EQ(kernel.reach(device, extent.address.value, false), nullptr);
  auto again = memory->pin(first, 5 * kMiB, true);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->extents()[0].address, extent.address) << "addresses are used again";
  kernel.unmap(*piece, 8 * kMiB);
}

TEST_P(VfioMemoryOn, SameMemoryCanBePinnedTwice) {
  auto piece = kernel.allocate(2 * kMiB, false);
  auto once = memory->pin(*piece, 0x4000, true);
  auto twice = memory->pin(*piece + 0x1000, 0x2000, true);
  ASSERT_TRUE(once && twice);
  EXPECT_EQ(at((*once)->extents()[0].address + 0x1000), at((*twice)->extents()[0].address));
  kernel.unmap(*piece, 2 * kMiB);
}

TEST_P(VfioMemoryOn, PinTakesWholePagesOnly) {
  auto piece = kernel.allocate(2 * kMiB, false);
  EXPECT_EQ(memory->pin(*piece, 0, true).error().number, EINVAL);
  EXPECT_EQ(memory->pin(*piece, 100, true).error().number, EINVAL);
  EXPECT_EQ(memory->pin(*piece + 8, 4096, true).error().number, EINVAL);
  kernel.unmap(*piece, 2 * kMiB);
}

TEST_P(VfioMemoryOn, AddressesKeepToTheKernelsRangesAndBelowTheLimit) {
  kernel.ranges = {{{0}, {0x2f'ffff}}, {{0x50'0000}, {0xff'ffff}}};
  make(0x7f'ffff);
  auto piece = kernel.allocate(8 * kMiB, false);
  std::vector<std::unique_ptr<PinnedMemory>> pins;
  std::uint64_t sum = 0;
  for (;;) {
    auto pinned = memory->pin(*piece, kMiB / 2, true);
    if (!pinned) {
      EXPECT_EQ(pinned.error().number, ENOMEM);
      break;
    }
    const BusExtent extent = (*pinned)->extents()[0];
    const BusRange range{extent.address, extent.address + (extent.length - 1)};
    EXPECT_TRUE((range.first.value > 0 && range.last.value <= 0x2f'ffff) ||
                (range.first.value >= 0x50'0000 && range.last.value <= 0x7f'ffff))
        << std::hex << range.first.value;
    sum += extent.length;
    pins.push_back(std::move(*pinned));
  }
  EXPECT_GE(sum, 5 * kMiB);
  kernel.unmap(*piece, 8 * kMiB);
}

TEST_P(VfioMemoryOn, ShortLockedMemoryIsToldWithTheLimitAndNothingStays) {
  kernel.memlock = kMiB;
  const auto before = kernel.mappings();
  const auto buffer = memory->allocate(4096, 4096);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().number, ENOMEM);
  EXPECT_NE(buffer.error().what.find("1 MiB (`ulimit -l`)"), std::string::npos) << buffer.error().what;
  EXPECT_EQ(kernel.mappings(), before);
  EXPECT_EQ(kernel.dma_maps(), 0U);
  kernel.memlock = ~std::uint64_t{0};
  EXPECT_TRUE(memory->allocate(4096, 4096));
}

TEST_P(VfioMemoryOn, AddressesOfAMapThatTheKernelKeepsAreNotUsedAgain) {
  auto piece = kernel.allocate(2 * kMiB, false);
  auto pinned = memory->pin(*piece, 0x1000, true);
  ASSERT_TRUE(pinned);
  const BusAddress kept = (*pinned)->extents()[0].address;
  kernel.fail(GetParam() == vfio::Backend::kIommufd ? vfio::uapi::kIoasUnmap : VFIO_IOMMU_UNMAP_DMA, EBUSY);
  pinned->reset();
  auto next = memory->pin(*piece + 0x1000, 0x1000, true);
  ASSERT_TRUE(next) << next.error().what;
  EXPECT_NE((*next)->extents()[0].address, kept);
  kernel.unmap(*piece, 2 * kMiB);
}

INSTANTIATE_TEST_SUITE_P(Backend, VfioMemoryOn, testing::Values(vfio::Backend::kIommufd, vfio::Backend::kType1),
                         [](const auto& info) { return std::string(vfio::name(info.param)); });

}  // namespace
}  // namespace aperture::card
