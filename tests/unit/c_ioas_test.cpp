// SPDX-License-Identifier: Apache-2.0
// The C interface: the frame of requests, and address spaces, field by field and errno by errno.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>

#include "c_context.hpp"

namespace aperture::test {
namespace {

class CIoas : public CContext {};

TEST_F(CIoas, RequestsThatAreNoneAreEnottyAndThoseNotServedEopnotsupp) {
  iommu_destroy request{sizeof request, 1};
  EXPECT_EQ(call(0x3b7f, &request), ENOTTY);
  EXPECT_EQ(call(0x3b96, &request), ENOTTY);
  EXPECT_EQ(call(0xc0083b80, &request), ENOTTY) << "the number with a size in it";
  for (const unsigned number : {0x88U, 0x8aU, 0x8dU, 0x8eU, 0x90U, 0x91U, 0x92U, 0x93U, 0x94U, 0x95U}) {
    EXPECT_EQ(call(0x3b00 + number, &request), EOPNOTSUPP) << number;
  }
}

TEST_F(CIoas, StructureThatCannotBeReadIsEfault) {
  EXPECT_EQ(call(IOMMU_IOAS_ALLOC, static_cast<void*>(nullptr)), EFAULT);
  auto* pages =
      static_cast<std::byte*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_EQ(mprotect(pages + 4096, 4096, PROT_NONE), 0);
  auto* cut = reinterpret_cast<iommu_ioas_alloc*>(pages + 4096 - 8);
  cut->size = sizeof *cut;
  EXPECT_EQ(call(IOMMU_IOAS_ALLOC, static_cast<void*>(cut)), EFAULT);
  auto* whole = reinterpret_cast<iommu_ioas_alloc*>(pages);
  *whole = {sizeof *whole, 0, 0};
  ASSERT_EQ(mprotect(pages, 4096, PROT_READ), 0);
  EXPECT_EQ(call(IOMMU_IOAS_ALLOC, static_cast<void*>(whole)), EFAULT) << "the answer cannot be written";
  EXPECT_EQ(new_ioas(), 1U) << "and the IOAS is gone again";
  munmap(pages, 8192);
}

TEST_F(CIoas, SizeBelowTheFirstVersionIsEinval) {
  struct {
    unsigned long request;
    std::uint32_t least;
  } const kFirst[] = {{IOMMU_DESTROY, 8},
                      {IOMMU_IOAS_ALLOC, 12},
                      {IOMMU_IOAS_ALLOW_IOVAS, 24},
                      {IOMMU_IOAS_COPY, 40},
                      {IOMMU_IOAS_IOVA_RANGES, 32},
                      {IOMMU_IOAS_MAP, 40},
                      {IOMMU_IOAS_UNMAP, 24},
                      {IOMMU_OPTION, 24},
                      {IOMMU_HWPT_ALLOC, 24},
                      {IOMMU_HWPT_SET_DIRTY_TRACKING, 16},
                      {IOMMU_HWPT_GET_DIRTY_BITMAP, 48},
                      {IOMMU_IOAS_MAP_FILE, 40}};
  for (const auto& first : kFirst) {
    alignas(8) std::array<std::byte, 64> bytes{};
    const std::uint32_t less = first.least - 1;
    std::memcpy(bytes.data(), &less, 4);
    EXPECT_EQ(call(first.request, static_cast<void*>(bytes.data())), EINVAL) << std::hex << first.request;
    std::memcpy(bytes.data(), &first.least, 4);
    call(first.request, static_cast<void*>(bytes.data()));
    char why[64];
    aperture_explain(why, sizeof why);
    EXPECT_NE(std::string(why).substr(0, 8), "size is ") << std::hex << first.request;
  }
}

TEST_F(CIoas, LongerStructureIsTakenIfItsTailIsZero) {
  struct {
    iommu_ioas_alloc known;
    std::uint32_t more[300];
  } longer{};
  longer.known.size = sizeof longer;
  EXPECT_EQ(call(IOMMU_IOAS_ALLOC, static_cast<void*>(&longer)), 0);
  EXPECT_EQ(longer.known.out_ioas_id, 1U);
  longer.more[299] = 1;
  EXPECT_EQ(call(IOMMU_IOAS_ALLOC, static_cast<void*>(&longer)), E2BIG);
  EXPECT_EQ(new_ioas(), 2U) << "the refused one made nothing";
}

TEST_F(CIoas, IdsBeginAtOneAndTheLowestFreeOneIsNext) {
  EXPECT_EQ(new_ioas(), 1U);
  EXPECT_EQ(new_ioas(), 2U);
  EXPECT_EQ(new_device(), 3U) << "one number space";
  EXPECT_EQ(destroy(2), 0);
  EXPECT_EQ(destroy(2), ENOENT);
  EXPECT_EQ(new_ioas(), 2U);
  EXPECT_EQ(destroy(0), ENOENT);
}

TEST_F(CIoas, UnknownFlagsAndReservedFieldsAreEopnotsupp) {
  iommu_ioas_alloc alloc{};
  alloc.flags = 1;
  EXPECT_EQ(call(IOMMU_IOAS_ALLOC, alloc), EOPNOTSUPP);
  const std::uint32_t ioas = new_ioas();
  iommu_ioas_map map{};
  map.ioas_id = ioas;
  map.flags = kRead | 8;
  map.length = kTop;
  EXPECT_EQ(call(IOMMU_IOAS_MAP, map), EOPNOTSUPP) << "before the length";
  map.flags = kRead;
  map.__reserved = 1;
  EXPECT_EQ(call(IOMMU_IOAS_MAP, map), EOPNOTSUPP);
  iommu_ioas_copy copy{};
  copy.flags = 8;
  EXPECT_EQ(call(IOMMU_IOAS_COPY, copy), EOPNOTSUPP);
  iommu_ioas_map_file file{};
  file.flags = 8;
  EXPECT_EQ(call(IOMMU_IOAS_MAP_FILE, file), EOPNOTSUPP);
  iommu_ioas_iova_ranges ranges{};
  ranges.__reserved = 1;
  EXPECT_EQ(call(IOMMU_IOAS_IOVA_RANGES, ranges), EOPNOTSUPP) << "before the id";
  iommu_ioas_allow_iovas allowed{};
  allowed.__reserved = 1;
  EXPECT_EQ(call(IOMMU_IOAS_ALLOW_IOVAS, allowed), EOPNOTSUPP);
  iommu_option option{};
  option.option_id = 2;
  EXPECT_EQ(call(IOMMU_OPTION, option), EOPNOTSUPP);
  option = {};
  option.option_id = IOMMU_OPTION_HUGE_PAGES;
  option.object_id = ioas;
  option.op = 2;
  EXPECT_EQ(call(IOMMU_OPTION, option), EOPNOTSUPP);
  option.op = IOMMU_OPTION_OP_GET;
  option.__reserved = 1;
  EXPECT_EQ(call(IOMMU_OPTION, option), EOPNOTSUPP);
}

TEST_F(CIoas, UnknownIdsAreEnoent) {
  std::uint64_t iova = 0;
  EXPECT_EQ(map(7, memory.data(), 4096, iova), ENOENT);
  std::uint64_t length = 4096;
  EXPECT_EQ(unmap(7, 0, length), ENOENT);
  EXPECT_EQ(allow(7, {}), ENOENT);
  EXPECT_EQ(huge_pages(7, 0), ENOENT);
  const std::uint32_t device = new_device();
  EXPECT_EQ(map(device, memory.data(), 4096, iova), ENOENT) << "not an IOAS";
  const std::uint32_t ioas = new_ioas();
  iommu_ioas_copy copy{};
  copy.flags = kRead;
  copy.dst_ioas_id = 99;
  copy.src_ioas_id = ioas;
  EXPECT_EQ(call(IOMMU_IOAS_COPY, copy), EINVAL) << "the length is looked at before the destination";
  copy.length = 4096;
  EXPECT_EQ(call(IOMMU_IOAS_COPY, copy), ENOENT);
}

TEST_F(CIoas, FreshIoasHasOneRangeAndNoAlignment) {
  std::uint64_t alignment = 0;
  const auto list = ranges(new_ioas(), alignment);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].start, 0U);
  EXPECT_EQ(list[0].last, kTop);
  EXPECT_EQ(alignment, 1U);
}

TEST_F(CIoas, TooSmallAnArrayOfRangesIsEmsgsizeAndFilledAsFarAsItGoes) {
  const std::uint32_t ioas = new_ioas();
  ASSERT_EQ(attach_to(new_device(64, {{0xfee00000, 0xfeefffff, APERTURE_CAUSE_MSI, 0}}), ioas), 0);
  iommu_iova_range list[2] = {{1, 1}, {2, 2}};
  iommu_ioas_iova_ranges request{};
  request.ioas_id = ioas;
  request.num_iovas = 1;
  request.allowed_iovas = address(list);
  EXPECT_EQ(call(IOMMU_IOAS_IOVA_RANGES, request), EMSGSIZE);
  EXPECT_EQ(request.num_iovas, 2U);
  EXPECT_EQ(request.out_iova_alignment, 4096U);
  EXPECT_EQ(list[0].last, 0xfedfffffU);
  EXPECT_EQ(list[1].start, 2U) << "not written";
  request.num_iovas = 0;
  request.allowed_iovas = 0;
  EXPECT_EQ(call(IOMMU_IOAS_IOVA_RANGES, request), EMSGSIZE);
  request.num_iovas = 2;
  EXPECT_EQ(call(IOMMU_IOAS_IOVA_RANGES, request), EFAULT);
  request.allowed_iovas = address(list);
  EXPECT_EQ(call(IOMMU_IOAS_IOVA_RANGES, request), 0);
  EXPECT_EQ(list[1].start, 0xfef00000U);
}

TEST_F(CIoas, AllowListIsCheckedInLinuxsOrder) {
  const std::uint32_t ioas = new_ioas();
  EXPECT_EQ(allow(ioas, {{0x1000, 0x1000}}), EINVAL);
  EXPECT_EQ(allow(ioas, {{0x1000, 0x2fff}, {0x2000, 0x3fff}}), EINVAL);
  iommu_ioas_allow_iovas request{};
  request.ioas_id = ioas;
  request.num_iovas = 2;
  EXPECT_EQ(call(IOMMU_IOAS_ALLOW_IOVAS, request), EFAULT);
  ASSERT_EQ(attach_to(new_device(32), ioas), 0);
  EXPECT_EQ(allow(ioas, {{0xffff0000, 0x100000fff}}), EADDRINUSE);
  EXPECT_EQ(allow(ioas, {{0x800000, 0x9fffff}}), 0);
  std::uint64_t iova = 0;
  EXPECT_EQ(map(ioas, memory.data(), 4096, iova), 0);
  EXPECT_EQ(iova, 0x800000U);
  EXPECT_EQ(map_at(ioas, memory.data(), 4096, 0x1000), 0) << "fixed maps are not restricted";
  EXPECT_EQ(attach_to(new_device(23), ioas), EADDRINUSE);
  EXPECT_EQ(allow(ioas, {}), 0);
}

TEST_F(CIoas, MapChecksInLinuxsOrder) {
  const std::uint32_t ioas = new_ioas();
  EXPECT_EQ(map_at(99, memory.data(), 4096, kTop), EOVERFLOW) << "before the id";
  std::uint64_t iova = kTop;
  EXPECT_EQ(map(ioas, memory.data(), 4096, iova), EOVERFLOW) << "even if the IOVA is not used";
  EXPECT_EQ(map_at(99, memory.data(), 4096, 0, 0), EINVAL) << "no access, before the id";
  EXPECT_EQ(map_at(ioas, memory.data(), 0, 0), EINVAL);
  EXPECT_EQ(map_at(ioas, memory.data(), 4096, 0x10000), 0);
  EXPECT_EQ(map_at(ioas, memory.data(), 4096, 0x10fff), EEXIST);
  EXPECT_EQ(map_at(ioas, memory.data(), 4096, kTop - 4094), EOVERFLOW);
  ASSERT_EQ(attach_to(new_device(64, {{0x20000, 0x20fff, APERTURE_CAUSE_RESERVED, 0}}), ioas), 0);
  EXPECT_EQ(map_at(ioas, memory.data(), 4096, 0x20000), EINVAL) << "reserved";
  EXPECT_EQ(map_at(ioas, memory.data(), 4096, 0x30800), EINVAL) << "misaligned";
  EXPECT_EQ(map_at(ioas, memory.data(), 100, 0x30000), EINVAL);
  iova = 0;
  EXPECT_EQ(map(ioas, memory.data(), 4096, iova), 0);
  EXPECT_EQ(iova, 0x1000U) << "page 0 is never chosen";
  iova = 0;
  EXPECT_EQ(map(new_ioas(), memory.data(), kTop / 2, iova), EOVERFLOW) << "no such length is ever chosen for";
}

TEST_F(CIoas, BadMemoryIsEfaultWhereADomainNeedsItAndUntouchedElsewhere) {
  auto* hole = static_cast<std::byte*>(mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  const std::uint32_t staging = new_ioas();
  EXPECT_EQ(map_at(staging, hole, 4096, 0x1000), 0);
  const std::uint32_t device = new_device();
  EXPECT_EQ(attach_to(device, staging), EFAULT);
  const std::uint32_t ioas = new_ioas();
  ASSERT_EQ(attach_to(device, ioas), 0);
  EXPECT_EQ(map_at(ioas, hole, 4096, 0x1000), EFAULT);
  ASSERT_EQ(mprotect(hole, 4096, PROT_READ), 0);
  EXPECT_EQ(map_at(ioas, hole, 4096, 0x1000), EFAULT) << "it is to be written";
  EXPECT_EQ(map_at(ioas, hole, 4096, 0x1000, kRead), 0);
  munmap(hole, 4096);
}

TEST_F(CIoas, CopyTakesPartOfAMapAndGivesWhereItIs) {
  const std::uint32_t from = new_ioas();
  const std::uint32_t to = new_ioas();
  ASSERT_EQ(map_at(from, memory.data(), 0x4000, 0x10000, kRead), 0);
  iommu_ioas_copy copy{};
  copy.flags = kRead;
  copy.dst_ioas_id = to;
  copy.src_ioas_id = from;
  copy.length = 0x2000;
  copy.src_iova = 0x11000;
  EXPECT_EQ(call(IOMMU_IOAS_COPY, copy), 0);
  EXPECT_EQ(copy.dst_iova, 0x1000U);
  copy.flags = kRead | kWrite;
  copy.dst_iova = 0;
  EXPECT_EQ(call(IOMMU_IOAS_COPY, copy), EPERM);
  copy.flags = kRead | kFixed;
  copy.dst_iova = 0x2000;
  EXPECT_EQ(call(IOMMU_IOAS_COPY, copy), EEXIST);
  copy.src_iova = 0x13000;
  copy.dst_iova = 0x20000;
  EXPECT_EQ(call(IOMMU_IOAS_COPY, copy), ENOENT) << "it ends before that";
  copy.length = kTop;
  EXPECT_EQ(call(IOMMU_IOAS_COPY, copy), EOVERFLOW);
}

TEST_F(CIoas, UnmapGivesTheBytesAndCutsNothing) {
  const std::uint32_t ioas = new_ioas();
  ASSERT_EQ(map_at(ioas, memory.data(), 0x2000, 0x10000), 0);
  ASSERT_EQ(map_at(ioas, memory.data(), 0x1000, 0x20000), 0);
  std::uint64_t length = 0x1000;
  EXPECT_EQ(unmap(ioas, 0x10000, length), ENOENT) << "only a part";
  length = 0x11000;
  EXPECT_EQ(unmap(ioas, 0x10000, length), 0);
  EXPECT_EQ(length, 0x3000U) << "the hole does not count";
  EXPECT_EQ(unmap(ioas, 0x10000, length), ENOENT);
  length = 0;
  EXPECT_EQ(unmap(ioas, 0x10000, length), EINVAL);
  length = kTop;
  EXPECT_EQ(unmap(ioas, 0x10000, length), EOVERFLOW);
  length = kTop;
  EXPECT_EQ(unmap(ioas, 0, length), 0) << "everything, even if that is nothing";
  EXPECT_EQ(length, 0U);
}

TEST_F(CIoas, HugePagesOption) {
  const std::uint32_t ioas = new_ioas();
  iommu_option get{};
  get.option_id = IOMMU_OPTION_HUGE_PAGES;
  get.op = IOMMU_OPTION_OP_GET;
  get.object_id = ioas;
  EXPECT_EQ(call(IOMMU_OPTION, get), 0);
  EXPECT_EQ(get.val64, 1U);
  EXPECT_EQ(huge_pages(ioas, 2), EINVAL);
  ASSERT_EQ(map_at(ioas, memory.data(), 100, 0x1000), 0);
  EXPECT_EQ(huge_pages(ioas, 0), EADDRINUSE);
  std::uint64_t all = kTop;
  ASSERT_EQ(unmap(ioas, 0, all), 0);
  EXPECT_EQ(huge_pages(ioas, 0), 0);
  EXPECT_EQ(call(IOMMU_OPTION, get), 0);
  EXPECT_EQ(get.val64, 0U);
  std::uint64_t alignment = 0;
  (void)ranges(ioas, alignment);
  EXPECT_EQ(alignment, 4096U);
  EXPECT_EQ(huge_pages(ioas, 1), 0);
  ASSERT_EQ(attach_to(new_device(), ioas), 0);
  ASSERT_EQ(map_at(ioas, memory.data(), 0x1000, 0x1000), 0);
  EXPECT_EQ(huge_pages(ioas, 0), EINVAL);
}

TEST_F(CIoas, RlimitModeIsForThePrivilegedBeforeThereIsAnObject) {
  iommu_option option{};
  option.option_id = IOMMU_OPTION_RLIMIT_MODE;
  option.op = IOMMU_OPTION_OP_GET;
  option.object_id = 1;
  EXPECT_EQ(call(IOMMU_OPTION, option), EOPNOTSUPP);
  option.object_id = 0;
  option.val64 = 7;
  EXPECT_EQ(call(IOMMU_OPTION, option), 0);
  EXPECT_EQ(option.val64, 0U);
  option.op = IOMMU_OPTION_OP_SET;
  option.val64 = 1;
  const int set = call(IOMMU_OPTION, option);
  if (set == EPERM) GTEST_SKIP() << "needs CAP_SYS_RESOURCE";
  EXPECT_EQ(set, 0);
  option.op = IOMMU_OPTION_OP_GET;
  option.val64 = 0;
  EXPECT_EQ(call(IOMMU_OPTION, option), 0);
  EXPECT_EQ(option.val64, 1U);
  option.op = IOMMU_OPTION_OP_SET;
  option.val64 = 2;
  EXPECT_EQ(call(IOMMU_OPTION, option), EINVAL);
  (void)new_ioas();
  option.val64 = 0;
  EXPECT_EQ(call(IOMMU_OPTION, option), EBUSY);
}

TEST_F(CIoas, FileIsMappedFromItsOffsetAndOutlivesItsDescriptor) {
  const int fd = memfd_create("test", 0);
  ASSERT_EQ(ftruncate(fd, 0x300000), 0);
  const char text[] = "of the file";
  ASSERT_EQ(pwrite(fd, text, sizeof text, 0x200000), static_cast<ssize_t>(sizeof text));
  const std::uint32_t ioas = new_ioas();
  const std::uint32_t device = new_device();
  ASSERT_EQ(attach_to(device, ioas), 0);
  iommu_ioas_map_file request{};
  request.flags = kRead | kWrite;
  request.ioas_id = ioas;
  request.fd = fd;
  request.start = 0x200000;
  request.length = 0x100001;
  EXPECT_EQ(call(IOMMU_IOAS_MAP_FILE, request), EINVAL) << "beyond the end";
  request.length = 0;
  EXPECT_EQ(call(IOMMU_IOAS_MAP_FILE, request), EINVAL);
  request.length = 0x100000;
  request.fd = 9999;
  EXPECT_EQ(call(IOMMU_IOAS_MAP_FILE, request), EBADF);
  request.fd = fd;
  EXPECT_EQ(call(IOMMU_IOAS_MAP_FILE, request), 0);
  EXPECT_EQ(request.iova, 0x100000U) << "aligned as the file's offset allows, up to its length";
  close(fd);
  char got[sizeof text] = {};
  EXPECT_EQ(dma(device, request.iova, got, sizeof got, false), 0);
  EXPECT_STREQ(got, text);
  std::uint64_t length = 0x100000;
  EXPECT_EQ(unmap(ioas, request.iova, length), 0);
}

TEST_F(CIoas, FileOutsideSharedMemoryIsEinval) {
  const int fd = open("/proc/self/exe", O_RDONLY);
  ASSERT_GE(fd, 0);
  iommu_ioas_map_file request{};
  request.flags = kRead;
  request.ioas_id = new_ioas();
  request.fd = fd;
  request.length = 4096;
  EXPECT_EQ(call(IOMMU_IOAS_MAP_FILE, request), EINVAL);
  close(fd);
}

TEST_F(CIoas, ExplanationNamesTheCulpritAndIsGoneAfterSuccess) {
  const std::uint32_t ioas = new_ioas();
  ASSERT_EQ(map_at(ioas, memory.data(), 4096, 0x100000000), 0);
  EXPECT_EQ(attach_to(new_device(32), ioas), EADDRINUSE);
  const std::size_t length = aperture_explain(nullptr, 0);
  std::string text(length + 1, '#');
  EXPECT_EQ(aperture_explain(text.data(), text.size()), length);
  EXPECT_NE(text.find("dma_mask of device 2"), std::string::npos) << text;
  char little[5];
  EXPECT_EQ(aperture_explain(little, sizeof little), length);
  EXPECT_EQ(std::string(little), text.substr(0, 4));
  (void)new_ioas();
  EXPECT_EQ(aperture_explain(nullptr, 0), 0U);
}

}  // namespace
}  // namespace aperture::test
