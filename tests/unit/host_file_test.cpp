// SPDX-License-Identifier: Apache-2.0
// Memory of files behind the host's IOMMU.
#include "host_fixture.hpp"
#include "support/memory_file.hpp"

namespace aperture::host {
namespace {

using ioas::FileSpan;
using ioas::Ioas;
using ioas::Prot;
using test::MemoryFile;
namespace uapi = vfio::uapi;

constexpr std::uint64_t kPage = kPageSize;

class HostFile : public HostDevice {
 protected:
  static FileSpan span(const MemoryFile& file, std::uint64_t offset = 0) {
    return {ioas::share_file(file.fd()).value(), offset};
  }
};

TEST_F(HostFile, MemoryOfAFileIsMappedThroughTheFile) {
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(*device));
  MemoryFile file(4 * kPage);
  ASSERT_TRUE(ioas.map(file.at(kPage), 2 * kPage, Prot::kReadWrite, Iova{0x10000}, span(file, kPage)));
  EXPECT_EQ(kernel.calls(uapi::kIoasMapFile), 1U);
  EXPECT_EQ(kernel.calls(uapi::kIoasMap), 0U);
  file.at(2 * kPage)[5] = std::byte{0x5a};
  const std::byte* const seen = reach(*device, 0x11005);
  ASSERT_NE(seen, nullptr);
  EXPECT_NE(seen, file.at(2 * kPage + 5)) << "the kernel has a mapping of its own";
  EXPECT_EQ(*seen, std::byte{0x5a});
  EXPECT_EQ(machine->pinned_bytes(), 2 * kPage);
}

TEST_F(HostFile, DescriptorOfTheCallerMayBeClosedAndTheSharedOneGoesWithTheLastMap) {
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform);
  MemoryFile file(4 * kPage);
  FileSpan first = span(file);
  const std::weak_ptr<const FileDescriptor> shared = first.file;
  ASSERT_TRUE(ioas.map(file.data(), kPage, Prot::kRead, Iova{0x10000}, std::move(first)));
  file.close();
  ASSERT_TRUE(ioas.attach(*device));
  EXPECT_EQ(kernel.calls(uapi::kIoasMapFile), 1U) << "pinned only now, without the caller's descriptor";
  EXPECT_NE(reach(*device, 0x10000), nullptr);
  EXPECT_FALSE(shared.expired());
  ASSERT_TRUE(ioas.unmap({0x10000}, kPage));
  EXPECT_TRUE(shared.expired());
}

TEST_F(HostFile, KernelWithoutTheCallIsAskedOnceAndItIsTold) {
  kernel.lacks.insert(uapi::kIoasMapFile);
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(*device));
  EXPECT_TRUE(machine->fallbacks().empty());
  const MemoryFile file(4 * kPage);
  ASSERT_TRUE(ioas.map(file.data(), kPage, Prot::kRead, Iova{0x10000}, span(file)));
  ASSERT_TRUE(ioas.map(file.at(kPage), kPage, Prot::kRead, Iova{0x20000}, span(file, kPage)));
  EXPECT_EQ(kernel.calls(uapi::kIoasMapFile), 1U);
  EXPECT_TRUE(reaches(*device, 0x10000, file.data()));
  EXPECT_TRUE(reaches(*device, 0x20000, file.at(kPage)));
  ASSERT_EQ(machine->fallbacks().size(), 1U);
  EXPECT_NE(machine->fallbacks()[0].find("IOMMU_IOAS_MAP_FILE"), std::string::npos);
}

TEST_F(HostFile, WhatWouldNotBeTheSameThroughTheFileIsMappedLikeAnyMemory) {
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(*device));
  const MemoryFile copied(kPage, MAP_PRIVATE);
  const MemoryFile elsewhere(4 * kPage);
  const MemoryFile cut(kPage + 100);
  ASSERT_TRUE(ioas.map(copied.data(), kPage, Prot::kRead, Iova{0x10000}, span(copied)));
  ASSERT_TRUE(ioas.map(elsewhere.data(), kPage, Prot::kRead, Iova{0x20000}, span(elsewhere, kPage)));
  ASSERT_TRUE(ioas.map(cut.data(), 2 * kPage, Prot::kRead, Iova{0x30000}, span(cut)));
  EXPECT_EQ(kernel.calls(uapi::kIoasMapFile), 0U);
  EXPECT_TRUE(reaches(*device, 0x10000, copied.data()));
  EXPECT_TRUE(reaches(*device, 0x20000, elsewhere.data()));
  EXPECT_TRUE(reaches(*device, 0x31000, cut.at(kPage)));
}

TEST_F(HostFile, FailureOfTheMapOrOfTheCopyLeavesNothing) {
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(*device));
  const MemoryFile file(kPage);
  for (const unsigned long request : {uapi::kIoasMapFile, uapi::kIoasCopy}) {
    kernel.fail(request, ENOMEM);
    EXPECT_EQ(ioas.map(file.data(), kPage, Prot::kRead, Iova{0x10000}, span(file)).error().number, ENOMEM);
    EXPECT_EQ(kernel.dma_maps(), 0U);
    EXPECT_EQ(machine->pinned_bytes(), 0U);
  }
  EXPECT_TRUE(machine->fallbacks().empty()) << "the kernel has the call";
  EXPECT_TRUE(ioas.map(file.data(), kPage, Prot::kRead, Iova{0x10000}, span(file)));
}

TEST_F(HostFile, Type1MapsTheMemoryOfAFileLikeAny) {
  use(vfio::Backend::kType1);
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(*device));
  const MemoryFile file(kPage);
  ASSERT_TRUE(ioas.map(file.data(), kPage, Prot::kRead, Iova{0x10000}, span(file)));
  EXPECT_TRUE(reaches(*device, 0x10000, file.data()));
}

}  // namespace
}  // namespace aperture::host
