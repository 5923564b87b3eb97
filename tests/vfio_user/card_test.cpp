// SPDX-License-Identifier: Apache-2.0
// The card behind a socket, as the driver sees it.
#include <sys/mman.h>

#include "vfio_user/server_thread.hpp"

namespace aperture::test {
namespace {

using card::Bar;

/// Whole pages of this process.
class Pages {
 public:
  explicit Pages(std::uint64_t size)
      : bytes_(
            static_cast<std::byte*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))),
        size_(size) {}
  ~Pages() { ::munmap(bytes_, size_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  std::byte* data() const { return bytes_; }

 private:
  std::byte* bytes_;
  std::uint64_t size_;
};

class SocketCard : public testing::TestWithParam<std::string> {
 protected:
  SocketCard() {
    auto opened = open(folder.socket(), GetParam());
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().what);
    if (opened) card = std::move(*opened);
  }
  /// The function accesses 8 bytes; true: memory answered.
  bool dma(std::uint64_t address, bool write, std::uint64_t value = 0, std::uint64_t extra = 0) {
    card::Mmio& mmio = card->mmio();
    mmio.write64(Bar::kCard, SimpleFunction::kAddress, address);
    mmio.write64(Bar::kCard, SimpleFunction::kLength, 8);
    mmio.write64(Bar::kCard, SimpleFunction::kData, write ? value : kNothing);
    mmio.write64(Bar::kCard, SimpleFunction::kGo, 0xff'0000'0000 | (write ? 1 : 0) | extra);
    // Whatever is waited for, the server's requests are served: here register reads.
    for (int i = 0; i < 20; ++i) mmio.read64(Bar::kIommu, 0);
    return write || mmio.read64(Bar::kCard, SimpleFunction::kData) != kNothing;
  }
  static constexpr std::uint64_t kNothing = 0xdead'dead'dead'dead;

  Folder folder;
  ServerThread server{folder.socket()};
  std::unique_ptr<card::Card> card;
};

INSTANTIATE_TEST_SUITE_P(Dma, SocketCard, testing::Values("memfd", "inband"),
                         [](const auto& info) { return info.param; });

TEST_P(SocketCard, RegistersAreReadAndWrittenInOrder) {
  card::Mmio& mmio = card->mmio();
  for (std::uint32_t i = 0; i < 1000; ++i) mmio.write32(Bar::kIommu, 4, i);
  EXPECT_EQ(mmio.read64(Bar::kIommu, 0), 999ULL << 32);
  mmio.write64(Bar::kCard, 0xfff8, 7);
  EXPECT_EQ(mmio.read32(Bar::kCard, 0xfff8), 7U);
}

TEST_P(SocketCard, AnAccessThatNoBusHasIsAMistakeOfTheCaller) {
  EXPECT_THROW(card->mmio().read64(Bar::kIommu, 4), std::out_of_range);
  EXPECT_THROW(card->mmio().write32(Bar::kIommu, 0x10000, 0), std::out_of_range);
}

TEST_P(SocketCard, ABufferIsZeroedAlignedAndReachedBothWays) {
  auto buffer = card->memory().allocate(5000, 0x10000);
  ASSERT_TRUE(buffer) << buffer.error().what;
  EXPECT_EQ((*buffer)->address().value % 0x10000, 0U);
  ASSERT_GE((*buffer)->bytes().size(), 5000U);
  for (const std::byte byte : (*buffer)->bytes()) ASSERT_EQ(byte, std::byte{0});
  dma((*buffer)->address().value + 4096, true, 0x55);
  EXPECT_EQ((*buffer)->bytes()[4096], std::byte{0x55});
  (*buffer)->bytes()[8] = std::byte{0x66};
  EXPECT_TRUE(dma((*buffer)->address().value + 8, false));
  EXPECT_EQ(card->mmio().read64(Bar::kCard, SimpleFunction::kData), 0x66U);
}

TEST_P(SocketCard, BuffersDoNotShareAddressesAndAFreedOneIsOutOfReach) {
  auto one = card->memory().allocate(4096, 4096);
  auto two = card->memory().allocate(4096, 4096);
  ASSERT_TRUE(one && two);
  const std::uint64_t address = (*one)->address().value;
  EXPECT_NE(address, (*two)->address().value);
  EXPECT_TRUE(dma(address, false));
  one->reset();
  EXPECT_FALSE(dma(address, false));
}

TEST_P(SocketCard, PinnedMemoryIsReachedWhileAnythingIsWaitedFor) {
  const Pages pages(0x4000);
  auto pinned = card->memory().pin(pages.data(), 0x4000, true);
  ASSERT_TRUE(pinned);
  ASSERT_EQ((*pinned)->extents().size(), 1U);
  EXPECT_EQ((*pinned)->extents()[0].length, 0x4000U);
  const std::uint64_t address = (*pinned)->extents()[0].address.value;
  pages.data()[0x3000] = std::byte{9};
  EXPECT_TRUE(dma(address + 0x3000, false));
  EXPECT_EQ(card->mmio().read64(Bar::kCard, SimpleFunction::kData), 9U);
  dma(address + 8, true, 0x1234);
  EXPECT_EQ(pages.data()[8], std::byte{0x34});
  EXPECT_FALSE(dma(address + 0x4000, false));
  pinned->reset();
  EXPECT_FALSE(dma(address, false));
}

TEST_P(SocketCard, MemoryPinnedForReadingIsNotWritten) {
  const Pages pages(0x1000);
  auto pinned = card->memory().pin(pages.data(), 0x1000, false);
  ASSERT_TRUE(pinned);
  dma((*pinned)->extents()[0].address.value, true, 0x77);
  EXPECT_EQ(pages.data()[0], std::byte{0});
}

TEST_P(SocketCard, PinnedMemoryKeepsItsAlignmentForLargeLeaves) {
  const Pages pages(8 << 20);
  auto* first = pages.data() + 0x5000;
  auto pinned = card->memory().pin(first, 4 << 20, true);
  ASSERT_TRUE(pinned);
  EXPECT_EQ((*pinned)->extents()[0].address.value % (4 << 20), reinterpret_cast<std::uintptr_t>(first) % (4 << 20));
}

TEST_P(SocketCard, WhatCannotBePinnedIsRefused) {
  const Pages pages(0x1000);
  EXPECT_EQ(card->memory().pin(pages.data() + 1, 0x1000, true).error().number, EINVAL);
  EXPECT_EQ(card->memory().pin(pages.data(), 0, true).error().number, EINVAL);
  EXPECT_EQ(card->memory().pin(nullptr, 0x1000, true).error().number, EFAULT);
  EXPECT_EQ(card->memory().allocate(0, 4096).error().number, EINVAL);
  EXPECT_EQ(card->memory().allocate(4096, 100).error().number, EINVAL);
}

TEST_P(SocketCard, AMessageIsLatchedUntilItsVectorIsWaitedFor) {
  ASSERT_EQ(card->interrupts().vectors(), card::pci::kVectors);
  auto buffer = card->memory().allocate(4096, 4096);
  ASSERT_TRUE(buffer);
  dma((*buffer)->address().value, true, 1, 2 | 19 << 8);
  EXPECT_EQ(card->interrupts().wait(1, 100), 0U);
  EXPECT_EQ(card->interrupts().wait(1U << 19 | 1, 100), 1U << 19);
  EXPECT_EQ(card->interrupts().wait(1U << 19, 100), 0U);
}

TEST_P(SocketCard, AResetLeavesACardThatWorks) {
  auto buffer = card->memory().allocate(4096, 4096);
  ASSERT_TRUE(buffer);
  card->mmio().write64(Bar::kIommu, 0, 5);
  ASSERT_TRUE(card->function_reset());
  EXPECT_EQ(card->mmio().read64(Bar::kIommu, 0), 0U);
  dma((*buffer)->address().value, true, 0x42);
  EXPECT_EQ((*buffer)->bytes()[0], std::byte{0x42});
}

TEST_P(SocketCard, AVanishedServerIsADeadCardThatSaysSo) {
  server.end();
  EXPECT_EQ(card->mmio().read32(Bar::kCard, 0), 0xffff'ffffU);
  card->mmio().write32(Bar::kCard, 0, 1);
  EXPECT_EQ(card->interrupts().wait(1, 1000), 0U);
  const auto buffer = card->memory().allocate(4096, 4096);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code, Code::kCardDead);
  EXPECT_NE(buffer.error().what.find(folder.socket()), std::string::npos);
  EXPECT_NE(card->description().find("lost"), std::string::npos);
}

TEST_P(SocketCard, ASecondClientIsRefusedAndTheFirstGoesOn) {
  const auto second = open(folder.socket());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().number, EBUSY);
  EXPECT_EQ(card->mmio().read32(Bar::kIommu, 0), 0U);
  server.end();
  EXPECT_EQ(server.lines.size(), 1U);
}

TEST_P(SocketCard, TheNextClientFindsAResetFunctionAndNoMemoryOfTheLast) {
  auto buffer = card->memory().allocate(4096, 4096);
  ASSERT_TRUE(buffer);
  const std::uint64_t address = (*buffer)->address().value;
  card->mmio().write64(Bar::kIommu, 8, 123);
  buffer->reset();
  card.reset();
  auto next = open(folder.socket(), GetParam());
  ASSERT_TRUE(next) << next.error().what;
  card = std::move(*next);
  EXPECT_EQ(card->mmio().read64(Bar::kIommu, 8), 0U);
  EXPECT_FALSE(dma(address, false));
}

}  // namespace
}  // namespace aperture::test
