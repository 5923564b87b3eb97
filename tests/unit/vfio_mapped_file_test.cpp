// SPDX-License-Identifier: Apache-2.0
// Whether memory is a mapping of a file: by the maps of this process.
#include <gtest/gtest.h>

#include <linux/magic.h>
#include <sys/vfs.h>

#include <cstdlib>
#include <string>

#include "base/types.hpp"
#include "support/memory_file.hpp"
#include "vfio/kernel.hpp"

namespace aperture::vfio {
namespace {

constexpr std::uint64_t kPage = kPageSize;

bool maps_file(const std::byte* first, std::uint64_t size, int fd, std::uint64_t offset, bool writable = true) {
  return linux_kernel().maps_file(first, size, writable, fd, offset);
}

TEST(VfioMappedFile, SharedMappingIsOneAtItsOwnOffsetOnly) {
  const test::MemoryFile file(8 * kPage);
  EXPECT_TRUE(maps_file(file.data(), 8 * kPage, file.fd(), 0));
  EXPECT_TRUE(maps_file(file.at(2 * kPage), 3 * kPage, file.fd(), 2 * kPage));
  EXPECT_FALSE(maps_file(file.at(2 * kPage), 3 * kPage, file.fd(), kPage));
}

TEST(VfioMappedFile, MappingInPiecesIsOneAsLongAsTheyContinue) {
  const test::MemoryFile file(8 * kPage);
  ASSERT_EQ(::mprotect(file.at(2 * kPage), kPage, PROT_READ), 0);
  EXPECT_TRUE(maps_file(file.data(), 8 * kPage, file.fd(), 0, false));
  EXPECT_FALSE(maps_file(file.data(), 8 * kPage, file.fd(), 0, true)) << "a page of it is for reads only";
  ASSERT_EQ(::munmap(file.at(4 * kPage), kPage), 0);
  EXPECT_TRUE(maps_file(file.data(), 4 * kPage, file.fd(), 0, false));
  EXPECT_FALSE(maps_file(file.data(), 8 * kPage, file.fd(), 0, false)) << "a page of it is missing";
}

TEST(VfioMappedFile, PrivateMappingIsNone) {
  const test::MemoryFile file(kPage, MAP_PRIVATE);
  EXPECT_FALSE(maps_file(file.data(), kPage, file.fd(), 0));
}

TEST(VfioMappedFile, MappingOfAnotherFileIsNone) {
  const test::MemoryFile file(kPage);
  const test::MemoryFile other(kPage);
  EXPECT_FALSE(maps_file(file.data(), kPage, other.fd(), 0));
}

TEST(VfioMappedFile, PageBeyondTheEndOfTheFileIsNone) {
  const test::MemoryFile file(kPage + 100);
  EXPECT_TRUE(maps_file(file.data(), kPage, file.fd(), 0));
  EXPECT_FALSE(maps_file(file.data(), 2 * kPage, file.fd(), 0));
}

TEST(VfioMappedFile, FileOnADiskIsNoneAndNeitherIsAClosedDescriptor) {
  std::string path = testing::TempDir() + "mapped_file_XXXXXX";
  const FileDescriptor file(::mkstemp(path.data()));
  ASSERT_TRUE(file);
  ::unlink(path.c_str());
  ASSERT_EQ(::ftruncate(file.get(), kPage), 0);
  void* const first = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  ASSERT_NE(first, MAP_FAILED);
  struct statfs system {};
  ASSERT_EQ(::fstatfs(file.get(), &system), 0);
  if (system.f_type == TMPFS_MAGIC) GTEST_SKIP() << testing::TempDir() << " is not on a disk";
  EXPECT_FALSE(maps_file(static_cast<std::byte*>(first), kPage, file.get(), 0));
  EXPECT_FALSE(maps_file(static_cast<std::byte*>(first), kPage, -1, 0));
  ::munmap(first, kPage);
}

}  // namespace
}  // namespace aperture::vfio
