// SPDX-License-Identifier: Apache-2.0
// DMA_MAP and DMA_UNMAP: what the function reaches by shared memory, and what it does not.
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "vfio_user/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint64_t kPage = 4096;

class Maps : public Served {
 protected:
  Maps() { start(); }
  std::uint64_t word(std::uint64_t offset) const {
    std::uint64_t value = 0;
    EXPECT_EQ(::pread(file.get(), &value, sizeof value, static_cast<off_t>(offset)), 8);
    return value;
  }
  /// Whether the function reaches shared memory there; if not, the client would be asked.
  bool reaches(std::uint64_t address) {
    const std::uint64_t before = memory.traffic().file_written;
    dma_write(address, 0x77);
    const bool reached = memory.traffic().file_written != before;
    // Otherwise it still waits for the answer.
    EXPECT_EQ(error_of(command(vu::Command::kDeviceReset)), 0);
    write_config(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    return reached;
  }
  FileDescriptor file = shared_memory(8 * kPage, F_SEAL_SHRINK);
};

TEST_F(Maps, TheFunctionWritesAndReadsSharedMemory) {
  ASSERT_EQ(map(0x10'0000, 2 * kPage, file, kPage), 0);
  dma_write(0x10'0ff8, 0x1234'5678);
  EXPECT_EQ(word(kPage + 0xff8), 0x1234'5678U);
  dma_read(0x10'0ff8);
  EXPECT_EQ(read_bar(2, SimpleFunction::kData), 0x1234'5678U);
  EXPECT_TRUE(asked.empty());
}

TEST_F(Maps, StrobesChooseTheBytes) {
  ASSERT_EQ(map(0, kPage, file), 0);
  write_bar(2, SimpleFunction::kAddress, 0x10);
  write_bar(2, SimpleFunction::kLength, 8);
  write_bar(2, SimpleFunction::kData, ~std::uint64_t{0});
  write_bar(2, SimpleFunction::kGo, 0b1010'0110ULL << 32 | 1);
  EXPECT_EQ(word(0x10), 0xff00'ff00'00ff'ff00U);
}

TEST_F(Maps, ExchangesLoseNothingOfWhatTheClientAddsMeanwhile) {
  constexpr unsigned kRounds = 200'000;
  ASSERT_EQ(map(0, kPage, file), 0);
  void* const shared = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  ASSERT_NE(shared, MAP_FAILED);
  const std::atomic_ref<std::uint64_t> count(*static_cast<std::uint64_t*>(shared));
  std::atomic<bool> over = false;
  std::atomic<std::uint64_t> added = 0;
  std::thread client([&] {
    for (; !over; ++added) count.fetch_add(1);
  });
  while (added == 0) std::this_thread::yield();
  unsigned lost = 0;
  for (unsigned i = 0; i < kRounds; ++i) {
    std::uint64_t now = 0, next = 0;
    bool held = false;
    while (!held) {
      now = count.load();
      next = now + (std::uint64_t{1} << 32);
      if (memory.exchange(1, 0, std::as_bytes(std::span(&now, 1)), std::as_bytes(std::span(&next, 1)), held) !=
          sw::serve::Answer::kOk) {
        ++lost;
        break;
      }
    }
  }
  over = true;
  client.join();
  EXPECT_EQ(lost, 0U);
  EXPECT_EQ(count.load(), std::uint64_t{kRounds} << 32 | added);
  ::munmap(shared, kPage);
}

TEST_F(Maps, AnExchangeNeedsAMapThatMayBeReadAndWritten) {
  constexpr std::uint64_t kZero = 0, kOne = 1;
  const auto exchange = [&](std::uint64_t address, bool& held) {
    return memory.exchange(address, address, std::as_bytes(std::span(&kZero, 1)), std::as_bytes(std::span(&kOne, 1)),
                           held);
  };
  ASSERT_EQ(map(0, kPage, file), 0);
  ASSERT_EQ(map(kPage, kPage, file, kPage, vu::DmaMap::kRead), 0);
  const FileDescriptor may_shrink = shared_memory(kPage, 0);
  ASSERT_EQ(map(2 * kPage, kPage, may_shrink), 0);
  bool held = false;
  EXPECT_EQ(exchange(8, held), sw::serve::Answer::kOk);
  EXPECT_TRUE(held);
  EXPECT_EQ(exchange(8, held), sw::serve::Answer::kOk);
  EXPECT_FALSE(held);
  EXPECT_EQ(word(8), 1U);
  EXPECT_EQ(exchange(2 * kPage, held), sw::serve::Answer::kOk);
  EXPECT_TRUE(held);
  EXPECT_EQ(exchange(2 * kPage, held), sw::serve::Answer::kOk);
  EXPECT_FALSE(held);
  EXPECT_EQ(exchange(kPage + 8, held), sw::serve::Answer::kPending) << "the client is asked";
  ASSERT_EQ(map(3 * kPage, kPage, file, 2 * kPage + 3), 0);
  EXPECT_EQ(exchange(3 * kPage, held), sw::serve::Answer::kOk);
  EXPECT_TRUE(held) << "at no multiple of 8 in the file";
}

TEST_F(Maps, NothingBesideAMapIsTouched) {
  ASSERT_EQ(map(0x10'0000, kPage, file, 3 * kPage), 0);
  for (const std::uint64_t address : {0x10'0000U - 8, 0x10'0000U - 4, 0x10'1000U - 4, 0x10'1000U})
    EXPECT_FALSE(reaches(address)) << address;
  for (std::uint64_t offset = 0; offset < 8 * kPage; offset += 8) ASSERT_EQ(word(offset), 0U) << offset;
  EXPECT_TRUE(reaches(0x10'0ff8));
}

TEST_F(Maps, MemoryThatMayShrinkIsReachedToo) {
  file = shared_memory(2 * kPage, 0);
  ASSERT_EQ(map(0, 2 * kPage, file), 0);
  dma_write(kPage, 5);
  EXPECT_EQ(word(kPage), 5U);
}

TEST_F(Maps, MemoryThatShrinksUnderAMapFailsTheAccessAndNothingElse) {
  file = shared_memory(2 * kPage, 0);
  ASSERT_EQ(map(0, 2 * kPage, file), 0);
  ASSERT_EQ(::ftruncate(file.get(), static_cast<off_t>(kPage)), 0);
  dma_read(kPage);
  EXPECT_EQ(read_bar(0, 0), 0U);
  EXPECT_TRUE(alive);
}

TEST_F(Maps, DirectionsAreKept) {
  ASSERT_EQ(map(0, kPage, file, 0, vu::DmaMap::kRead), 0);
  ASSERT_EQ(map(kPage, kPage, file, kPage, vu::DmaMap::kWrite), 0);
  EXPECT_FALSE(reaches(0));
  EXPECT_EQ(word(0), 0U);
  EXPECT_TRUE(reaches(kPage));
  dma_read(kPage);
  EXPECT_EQ(memory.traffic().file_read, 0U);
}

TEST_F(Maps, AFileThatIsNotOpenForWritingIsNotMappedForIt) {
  const FileDescriptor reader(::open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(map(0, kPage, reader), EACCES);
  EXPECT_EQ(map(0, kPage, reader, 0, vu::DmaMap::kRead), 0);
  const FileDescriptor path(::open("/proc/self/exe", O_PATH | O_CLOEXEC));
  EXPECT_EQ(map(0x10'0000, kPage, path, 0, vu::DmaMap::kRead), EACCES);
}

TEST_F(Maps, WhatMakesNoSenseIsRefused) {
  EXPECT_EQ(map(0, 0, file), EINVAL);
  EXPECT_EQ(map(1, kPage, file), EINVAL);
  EXPECT_EQ(map(0, kPage + 1, file), EINVAL);
  EXPECT_EQ(map(~std::uint64_t{0} - kPage + 1, 2 * kPage), EINVAL);
  EXPECT_EQ(map(0, 9 * kPage, file), EINVAL);
  EXPECT_EQ(map(0, kPage, file, 8 * kPage), EINVAL);
  EXPECT_EQ(map(0, 2 * kPage, file, ~std::uint64_t{0} - kPage + 1), EINVAL);
  EXPECT_EQ(map(0, kPage, file, 0, 4), EINVAL);
  EXPECT_EQ(map(0, kPage, event()), EINVAL);
  EXPECT_EQ(error_of(command(vu::Command::kDmaMap, vu::DmaMap{31, 3, 0, 0, kPage})), EINVAL);
  EXPECT_EQ(error_of(command(vu::Command::kDmaMap, std::uint32_t{32})), EINVAL);
  vu::Message two = command(vu::Command::kDmaMap, vu::DmaMap{32, 3, 0, 0, kPage});
  two.fds.push_back(file.duplicate());
  two.fds.push_back(file.duplicate());
  EXPECT_EQ(error_of(std::move(two)), EINVAL);
  EXPECT_EQ(memory.maps().size(), 0U);
}

TEST_F(Maps, TheLastPageOfTheAddressSpaceCanBeMapped) {
  ASSERT_EQ(map(~std::uint64_t{0} - kPage + 1, kPage, file), 0);
  EXPECT_TRUE(reaches(~std::uint64_t{0} - 7));
}

TEST_F(Maps, OverlapsAreRefusedAndTheSameRangeIsReplaced) {
  ASSERT_EQ(map(2 * kPage, 2 * kPage, file), 0);
  EXPECT_EQ(map(kPage, 2 * kPage, file), EEXIST);
  EXPECT_EQ(map(3 * kPage, 2 * kPage, file), EEXIST);
  EXPECT_EQ(map(2 * kPage, kPage, file), EEXIST);
  EXPECT_EQ(map(kPage, 4 * kPage, file), EEXIST);
  ASSERT_EQ(map(2 * kPage, 2 * kPage, file, 4 * kPage), 0);
  dma_write(2 * kPage, 9);
  EXPECT_EQ(word(4 * kPage), 9U);
  EXPECT_EQ(memory.maps().size(), 1U);
}

TEST_F(Maps, AnUnmapNeedNotMatchAMap) {
  ASSERT_EQ(map(0, kPage, file), 0);
  ASSERT_EQ(map(kPage, kPage, file, kPage), 0);
  ASSERT_EQ(map(4 * kPage, 4 * kPage, file, 4 * kPage), 0);
  EXPECT_EQ(unmap(100 * kPage, kPage), 0);
  EXPECT_EQ(unmap(0, 5 * kPage), 0);
  EXPECT_FALSE(reaches(0));
  EXPECT_FALSE(reaches(kPage));
  EXPECT_FALSE(reaches(4 * kPage));
  // What is left of the third keeps its place in the file.
  ASSERT_TRUE(reaches(5 * kPage));
  EXPECT_EQ(word(5 * kPage), 0x77U);
}

TEST_F(Maps, AHoleCanBeCutIntoAMap) {
  ASSERT_EQ(map(0, 8 * kPage, file), 0);
  EXPECT_EQ(unmap(3 * kPage, kPage), 0);
  EXPECT_TRUE(reaches(3 * kPage - 8));
  EXPECT_FALSE(reaches(3 * kPage));
  EXPECT_TRUE(reaches(4 * kPage));
  EXPECT_EQ(word(4 * kPage), 0x77U);
}

TEST_F(Maps, AllCanBeUnmappedAtOnce) {
  ASSERT_EQ(map(0, kPage, file), 0);
  EXPECT_EQ(unmap(0, kPage, vu::DmaUnmap::kAll), EINVAL);
  EXPECT_EQ(unmap(0, 0, vu::DmaUnmap::kAll), 0);
  EXPECT_EQ(memory.maps().size(), 0U);
}

TEST_F(Maps, AnUnmapThatMakesNoSenseIsRefused) {
  EXPECT_EQ(unmap(0, 0), EINVAL);
  EXPECT_EQ(unmap(1, kPage), EINVAL);
  EXPECT_EQ(unmap(0, kPage, 1), EINVAL);
  EXPECT_EQ(unmap(~std::uint64_t{0} - kPage + 1, 2 * kPage), EINVAL);
  EXPECT_EQ(error_of(command(vu::Command::kDmaUnmap, std::uint64_t{24})), EINVAL);
}

TEST_F(Maps, WithoutBusMasterNothingIsReachedNorAsked) {
  ASSERT_EQ(map(0, kPage, file), 0);
  write_config(PCI_COMMAND, PCI_COMMAND_MEMORY);
  dma_write(0, 1);
  dma_write(0x10'0000, 1);
  settle();
  ASSERT_EQ(function.done.size(), 2U);
  EXPECT_EQ(function.done[0].answer, Answer::kUnsupported);
  EXPECT_EQ(function.done[1].answer, Answer::kUnsupported);
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(word(0), 0U);
}

TEST_F(Maps, ManyMapsOfOneFileCostNoDescriptors) {
  for (std::uint64_t i = 0; i < 5000; ++i) ASSERT_EQ(map(i * kPage, kPage, file, i % 8 * kPage), 0) << i;
  EXPECT_TRUE(reaches(4999 * kPage));
}

}  // namespace
}  // namespace aperture::test
