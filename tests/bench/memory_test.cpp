// SPDX-License-Identifier: Apache-2.0
#include "tb/memory/memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>

#include "support/seed.hpp"

namespace aperture::tb {
namespace {

class MemoryTest : public ::testing::Test {
 protected:
  Memory memory{test::seed()};
};

struct Pages {
  explicit Pages(std::size_t pages, int protection = PROT_READ | PROT_WRITE)
      : size(pages * kPageSize),
        first(static_cast<std::byte*>(::mmap(nullptr, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
  ~Pages() { ::munmap(first, size); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  std::size_t size;
  std::byte* first;
};

TEST_F(MemoryTest, NeverWrittenReadsAsZero) { EXPECT_EQ(memory.read64(0x00ab'cdef'0123'4560), 0U); }

TEST_F(MemoryTest, WrittenAcrossAPageReadsBack) {
  memory.write64(0x1ffc, 0x1122'3344'5566'7788);
  EXPECT_EQ(memory.read64(0x1ffc), 0x1122'3344'5566'7788U);
  EXPECT_EQ(memory.read32(0x2000), 0x1122'3344U);
}

TEST_F(MemoryTest, WrapsAt56Bits) {
  memory.write64((std::uint64_t{1} << 56) - 4, 0x1122'3344'5566'7788);
  EXPECT_EQ(memory.read32(0), 0x1122'3344U);
}

TEST_F(MemoryTest, FaultAppliesToTheCardOnly) {
  memory.write64(0x1000, 42);
  memory.fault(0x1004, 1, MemoryFault::kError);
  std::array<std::byte, 8> word{};
  EXPECT_EQ(memory.card_read(0x1000, word), MemoryAnswer::kError);
  EXPECT_EQ(memory.card_write(0x1000, word, 0xff), MemoryAnswer::kError);
  EXPECT_EQ(memory.read64(0x1000), 42U);
  EXPECT_EQ(memory.card_read(0x1008, word), MemoryAnswer::kOk);
}

TEST_F(MemoryTest, FaultIsTakenBackInParts) {
  memory.fault(0x1000, 0x100, MemoryFault::kPoison);
  memory.fault(0x1040, 0x10, MemoryFault::kNone);
  std::array<std::byte, 8> word{};
  EXPECT_EQ(memory.card_read(0x1038, word), MemoryAnswer::kPoison);
  EXPECT_EQ(memory.card_read(0x1040, word), MemoryAnswer::kOk);
  EXPECT_EQ(memory.card_read(0x1050, word), MemoryAnswer::kPoison);
  EXPECT_EQ(memory.card_write(0x1038, word, 0xff), MemoryAnswer::kOk);
}

TEST_F(MemoryTest, AddressAbove56BitsDecodesNowhere) {
  std::array<std::byte, 8> word{};
  EXPECT_EQ(memory.card_read(std::uint64_t{1} << 56, word), MemoryAnswer::kDecode);
}

TEST_F(MemoryTest, BufferIsZeroedContiguousAndAligned) {
  auto buffer = memory.allocate(3 * 4096, 2 << 20);
  ASSERT_TRUE(buffer);
  EXPECT_EQ((*buffer)->address().value % (2 << 20), 0U);
  EXPECT_TRUE(std::ranges::all_of((*buffer)->bytes(), [](std::byte b) { return b == std::byte{0}; }));
  std::array<std::byte, 1> one{std::byte{7}};
  EXPECT_EQ(memory.card_write((*buffer)->address().value + 8191, one, 1), MemoryAnswer::kOk);
  EXPECT_EQ((*buffer)->bytes()[8191], std::byte{7});
}

TEST_F(MemoryTest, PinnedPagesAreTheCallersAndScattered) {
  Pages pages(64);
  auto pinned = memory.pin(pages.first, pages.size, true);
  ASSERT_TRUE(pinned);
  std::uint64_t total = 0;
  for (const auto& extent : (*pinned)->extents()) total += extent.length;
  EXPECT_EQ(total, pages.size);
  EXPECT_GT((*pinned)->extents().size(), 32U);
  std::array<std::byte, 1> one{std::byte{9}};
  EXPECT_EQ(memory.card_write((*pinned)->extents()[0].address.value + 5, one, 1), MemoryAnswer::kOk);
  EXPECT_EQ(pages.first[5], std::byte{9});
}

TEST_F(MemoryTest, RunsOfFramesKeepTheAlignmentOfTheMemory) {
  memory.set_frame_run(8);
  Pages pages(64);
  auto pinned = memory.pin(pages.first, pages.size, true);
  ASSERT_TRUE(pinned);
  std::uint64_t offset = 0;
  for (const auto& extent : (*pinned)->extents()) {
    const auto host = reinterpret_cast<std::uintptr_t>(pages.first) + offset;
    EXPECT_EQ(extent.address.value / 4096 % 8, host / 4096 % 8);
    offset += extent.length;
  }
  EXPECT_LE((*pinned)->extents().size(), 9U);
}

TEST_F(MemoryTest, ReadOnlyPinRefusesTheCardsWrites) {
  Pages pages(1, PROT_READ);
  auto pinned = memory.pin(pages.first, pages.size, false);
  ASSERT_TRUE(pinned);
  std::array<std::byte, 1> one{std::byte{9}};
  EXPECT_EQ(memory.card_write((*pinned)->extents()[0].address.value, one, 1), MemoryAnswer::kError);
}

TEST_F(MemoryTest, PinOfUnmappedMemoryFails) {
  auto* hole = static_cast<std::byte*>(::mmap(nullptr, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ::munmap(hole + 4096, 4096);
  const auto pinned = memory.pin(hole, 8192, false);
  ASSERT_FALSE(pinned);
  EXPECT_EQ(pinned.error().number, EFAULT);
  ::munmap(hole, 4096);
}

TEST_F(MemoryTest, PinForWritingOfReadOnlyMemoryFails) {
  Pages pages(1, PROT_READ);
  const auto pinned = memory.pin(pages.first, pages.size, true);
  ASSERT_FALSE(pinned);
  EXPECT_EQ(pinned.error().number, EFAULT);
}

TEST_F(MemoryTest, AccessAfterUnpinIsRefusedAndCounted) {
  Pages pages(1);
  std::uint64_t address = 0;
  {
    auto pinned = memory.pin(pages.first, pages.size, true);
    ASSERT_TRUE(pinned);
    address = (*pinned)->extents()[0].address.value;
  }
  std::array<std::byte, 1> one{std::byte{9}};
  EXPECT_EQ(memory.card_write(address, one, 1), MemoryAnswer::kError);
  EXPECT_EQ(memory.stale_accesses(), 1U);
  EXPECT_EQ(pages.first[0], std::byte{0});
}

TEST_F(MemoryTest, StaysWithinTheAddressSpaceGiven) {
  memory.set_space(34);
  for (int i = 0; i < 100; ++i) {
    auto buffer = memory.allocate(4096, 4096);
    ASSERT_TRUE(buffer);
    EXPECT_LT((*buffer)->address().value, std::uint64_t{1} << 34);
    EXPECT_GE((*buffer)->address().value, Memory::kFirstHandedOut);
  }
}

TEST_F(MemoryTest, RunsOutWithEnomem) {
  memory.set_space(33);
  const auto buffer = memory.allocate(std::uint64_t{1} << 33, 4096);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().number, ENOMEM);
}

}  // namespace
}  // namespace aperture::tb
