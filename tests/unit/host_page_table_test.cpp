// SPDX-License-Identifier: Apache-2.0
// Which page tables of the kernel's devices behind iommufd use.
#include "host_fixture.hpp"

namespace aperture::host {
namespace {

using ioas::Ioas;
using ioas::Prot;
namespace uapi = vfio::uapi;

constexpr std::uint64_t kPage = kPageSize;

class HostPageTable : public HostDevice {};

TEST_F(HostPageTable, DomainIsOneTableThatItsDevicesShareAndThatGoesWithTheLastOne) {
  const auto first = open("0000:00:04.0", 4);
  const auto second = open("0000:00:05.0", 5);
  EXPECT_EQ(kernel.tables(), 0U) << "the trials leave nothing";
  EXPECT_TRUE(machine->fallbacks().empty());
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(ioas.attach(*first));
  ASSERT_TRUE(ioas.attach(*second));
  EXPECT_EQ(kernel.tables(), 1U);
  EXPECT_EQ(kernel.spaces(), 2U) << "staging, and the domain's";
  EXPECT_EQ(function(*first).attached, static_cast<IommufdDomain*>(first->domain())->table()->id());
  EXPECT_TRUE(reaches(*second, 0x10000, memory.data()));
  ASSERT_TRUE(Ioas::detach(platform, *first));
  EXPECT_TRUE(reaches(*second, 0x10000, memory.data()));
  ASSERT_TRUE(Ioas::detach(platform, *second));
  EXPECT_EQ(kernel.tables(), 0U);
  EXPECT_EQ(kernel.spaces(), 1U);
}

TEST_F(HostPageTable, BadMemoryIsFoundBeforeTheDeviceMoves) {
  const auto device = open("0000:00:04.0", 4);
  Ioas old(platform);
  Ioas next(platform);
  ASSERT_TRUE(next.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(old.attach(*device));
  const unsigned attaches = kernel.calls(uapi::kDeviceAttachIommufdPt);
  kernel.fail(uapi::kIoasCopy, EFAULT);
  EXPECT_EQ(next.replace(*device).error().number, EFAULT);
  EXPECT_EQ(kernel.calls(uapi::kDeviceAttachIommufdPt), attaches);
  EXPECT_EQ(kernel.tables(), 1U);
  EXPECT_EQ(kernel.spaces(), 2U);
}

TEST_F(HostPageTable, DeviceThatCannotUseTheTableGetsItsOwnAndMemoryStaysPinnedOnce) {
  const auto first = open("0000:00:04.0", 4);
  const auto second = open("0000:00:05.0", 5);
  function(*second).own_tables_only = true;
  kernel.memlock = 16 * kPage;
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.map(memory.data(), 16 * kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(ioas.attach(*first));
  const auto attached = ioas.attach(*second);
  ASSERT_TRUE(attached) << attached.error().what;
  EXPECT_NE(first->domain(), second->domain());
  EXPECT_EQ(kernel.tables(), 2U);
  EXPECT_TRUE(reaches(*first, 0x11000, memory.at(kPage)));
  EXPECT_TRUE(reaches(*second, 0x11000, memory.at(kPage)));
  EXPECT_EQ(machine->pinned_bytes(), 16 * kPage);
}

TEST_F(HostPageTable, DevicesWithDifferentHolesShareATable) {
  const auto first = open("0000:00:04.0", 4);
  const auto second = open("0000:00:05.0", 5);
  function(*second).keeps = {{{0x2000'0000}, {0x2fff'ffff}}};
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.require({{.name = "ram", .base = Iova{0x1000'0000}, .size = 0x1000'0000}}));
  ASSERT_TRUE(ioas.attach(*first));
  ASSERT_TRUE(ioas.attach(*second));
  EXPECT_EQ(kernel.tables(), 1U);
}

TEST_F(HostPageTable, TableThatCannotBeMadeFailsTheAttachAndLeavesNothing) {
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform);
  kernel.fail(uapi::kHwptAlloc, ENOMEM);
  EXPECT_EQ(ioas.attach(*device).error().number, ENOMEM);
  EXPECT_EQ(kernel.spaces(), 1U);
  EXPECT_FALSE(function(*device).attached);
  EXPECT_TRUE(ioas.attach(*device));
}

TEST_F(HostPageTable, WithoutTheCallDevicesAreAttachedToTheIoasAndItIsTold) {
  for (const int number : {ENOTTY, EOPNOTSUPP}) {
    use(vfio::Backend::kIommufd);
    kernel.fail(uapi::kHwptAlloc, number);
    const auto device = open("0000:00:04.0", 4);
    ASSERT_EQ(machine->fallbacks().size(), 1U);
    EXPECT_NE(machine->fallbacks()[0].find("no page table for it before an attach"), std::string::npos);
    Ioas old(platform);
    Ioas next(platform);
    ASSERT_TRUE(old.attach(*device));
    EXPECT_EQ(static_cast<IommufdDomain*>(device->domain())->table(), nullptr);
    ASSERT_TRUE(next.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
    ASSERT_TRUE(next.replace(*device));
    EXPECT_TRUE(reaches(*device, 0x10000, memory.data()));
  }
}

TEST_F(HostPageTable, TableThatOnlyAnAttachCompletesIsTheKernelsAndAReplaceGoesByWayOfADetach) {
  kernel.completes_by_attach = true;
  const auto device = open("0000:00:04.0", 4);
  ASSERT_EQ(machine->fallbacks().size(), 1U);
  EXPECT_NE(machine->fallbacks()[0].find("completes it only by an attach"), std::string::npos);
  Ioas old(platform);
  Ioas next(platform);
  ASSERT_TRUE(old.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(next.map(memory.at(kPage), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(old.attach(*device));
  const auto moved = next.replace(*device);
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_FALSE(moved->hitless);
  EXPECT_TRUE(reaches(*device, 0x10000, memory.at(kPage)));
  EXPECT_TRUE(next.map(memory.at(kPage), kPage, Prot::kRead, Iova{0x20000})) << "the table is a whole one";
}

TEST_F(HostPageTable, ReplaceByWayOfADetachThatFailsGoesBackOrSaysThatItCannot) {
  kernel.completes_by_attach = true;
  const auto device = open("0000:00:04.0", 4);
  Ioas old(platform);
  Ioas next(platform);
  ASSERT_TRUE(old.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(old.attach(*device));
  kernel.fail(uapi::kDeviceAttachIommufdPt, ENOMEM);
  EXPECT_EQ(next.replace(*device).error().number, ENOMEM);
  EXPECT_TRUE(reaches(*device, 0x10000, memory.data()));
  kernel.fail(uapi::kDeviceAttachIommufdPt, ENOMEM, 1);
  kernel.fail(uapi::kDeviceAttachIommufdPt, ENOMEM, 2);
  EXPECT_EQ(next.replace(*device).error().number, EIO);
  EXPECT_FALSE(function(*device).attached);
}

TEST_F(HostPageTable, ReplaceThatWouldMoveANeighbourOfTheGroupIsRefused) {
  const auto first = open("0000:00:04.0", 4);
  const auto second = open("0000:00:04.1", 4);
  Ioas old(platform);
  Ioas next(platform);
  ASSERT_TRUE(old.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(old.attach(*first));
  ASSERT_TRUE(old.attach(*second));
  const auto refused = next.replace(*first);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EINVAL);
  EXPECT_NE(refused.error().what.find("group 4"), std::string::npos) << refused.error().what;
  EXPECT_TRUE(reaches(*second, 0x10000, memory.data()));
  ASSERT_TRUE(Ioas::detach(platform, *second));
  EXPECT_TRUE(next.replace(*first));
}

TEST_F(HostPageTable, SmallPagesAreTheKernelsToo) {
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform, {.huge_pages = false});
  ASSERT_TRUE(ioas.attach(*device));
  const std::uint32_t id = static_cast<IommufdDomain*>(device->domain())->space().id();
  ASSERT_TRUE(ioas.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  EXPECT_TRUE(kernel.small_pages(id));
  ASSERT_TRUE(ioas.set_huge_pages(true));
  ASSERT_TRUE(ioas.map(memory.data(), kPage, Prot::kRead, Iova{0x20000}));
  EXPECT_FALSE(kernel.small_pages(id));
}

TEST_F(HostPageTable, SmallPagesThatTheKernelRefusesFailTheMap) {
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform, {.huge_pages = false});
  ASSERT_TRUE(ioas.attach(*device));
  kernel.fail(uapi::kOption, EINVAL);
  EXPECT_EQ(ioas.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}).error().number, EINVAL);
  EXPECT_EQ(machine->pinned_bytes(), 0U);
  EXPECT_EQ(kernel.dma_maps(), 0U);
  EXPECT_TRUE(ioas.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
}

TEST_F(HostPageTable, SmallPagesAreNotToBeHadBehindType1) {
  use(vfio::Backend::kType1);
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform, {.huge_pages = false});
  ASSERT_TRUE(ioas.attach(*device));
  const auto mapped = ioas.map(memory.data(), kPage, Prot::kRead, Iova{0x10000});
  ASSERT_FALSE(mapped);
  EXPECT_EQ(mapped.error().number, EOPNOTSUPP);
  EXPECT_NE(mapped.error().what.find("type1"), std::string::npos);
}

}  // namespace
}  // namespace aperture::host
