// SPDX-License-Identifier: Apache-2.0
// Devices behind the host's IOMMU, on a kernel in memory; what every device must do is tests/ioas.
#include "host_fixture.hpp"

namespace aperture::host {
namespace {

using ioas::Cause;
using ioas::Ioas;
using ioas::Prot;

constexpr std::uint64_t kPage = kPageSize;

TEST_F(HostDevice, ReservationsAreTheKernelsHolesWithTheirCauses) {
  kernel.ranges = {{{0}, {0xfedf'ffff}}, {{0xfef0'0000}, {0xfc'ffff'ffff}}, {{0x100'0000'0000}, {~std::uint64_t{0}}}};
  kernel.files["/sys/kernel/iommu_groups/4/reserved_regions"] =
      "0x00000000fee00000 0x00000000feefffff msi\n0x000000fd00000000 0x000000ffffffffff reserved\n";
  for (const vfio::Backend backend : {vfio::Backend::kIommufd, vfio::Backend::kType1}) {
    use(backend);
    const auto device = open("0000:00:04.0", 4, {.reservations = {{{{0x1000}, {0x1fff}}, Cause::kUser}}});
    const auto& found = device->reservations();
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].range, (IovaRange{{0xfee0'0000}, {0xfeef'ffff}}));
    EXPECT_EQ(found[0].cause, Cause::kMsi);
    EXPECT_EQ(found[1].range, (IovaRange{{0xfd'0000'0000}, {0xff'ffff'ffff}}));
    EXPECT_EQ(found[1].cause, Cause::kReserved);
    EXPECT_EQ(found[2].cause, Cause::kUser);
    EXPECT_EQ(device->formats({}).at(0).apertures, std::vector{ioas::kAll});
  }
}

TEST_F(HostDevice, HoleOfUnknownReasonIsReserved) {
  const auto device = open("0000:00:04.0", 4);
  ASSERT_EQ(device->reservations().size(), 1U);
  EXPECT_EQ(device->reservations()[0].cause, Cause::kReserved);
}

TEST_F(HostDevice, NameAndNumberAreThoseOfTheBusUnlessNamed) {
  const auto device = open("0000:3a:1f.5", 4);
  EXPECT_EQ(device->name(), "0000:3a:1f.5");
  EXPECT_EQ(device->device_id(), 0x3afdU);
  EXPECT_EQ(open("0000:00:05.0", 5, {.name = "disk"})->name(), "disk");
}

TEST_F(HostDevice, RangesAreKnownBeforeTheFirstAttachAndTheTrialLeavesNothing) {
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform);
  const auto probe = ioas.probe_attach(*device);
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->ranges_after, kernel.ranges);
  EXPECT_FALSE(kernel.function("0000:00:04.0").attached);
  EXPECT_EQ(kernel.spaces(), 1U) << "the staging IOAS";
}

TEST_F(HostDevice, MemoryForTwoDevicesIsLockedOnceBehindIommufdAndTwiceBehindType1) {
  for (const vfio::Backend backend : {vfio::Backend::kIommufd, vfio::Backend::kType1}) {
    use(backend);
    kernel.memlock = 16 * kPage;
    const auto first = open("0000:00:04.0", 4);
    const auto second = open("0000:00:05.0", 5);
    Ioas a(platform);
    Ioas b(platform);
    ASSERT_TRUE(a.attach(*first));
    ASSERT_TRUE(b.attach(*second));
    ASSERT_TRUE(a.map(memory.data(), 16 * kPage, Prot::kReadWrite, Iova{0x10000}));
    EXPECT_TRUE(b.copy(a, {0x10000}, 16 * kPage, Prot::kRead, Iova{0x20000}));
    EXPECT_TRUE(reaches(*second, 0x21000, memory.at(kPage)));
    EXPECT_EQ(machine->pinned_bytes(), 16 * kPage);
  }
}

TEST_F(HostDevice, FailedReplaceLeavesTheDeviceWhereItWas) {
  const auto device = open("0000:00:04.0", 4);
  Ioas old(platform);
  Ioas next(platform);
  ASSERT_TRUE(old.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(old.attach(*device));
  kernel.fail(vfio::uapi::kDeviceAttachIommufdPt, ENOMEM);
  EXPECT_EQ(next.replace(*device).error().number, ENOMEM);
  EXPECT_TRUE(reaches(*device, 0x10000, memory.data()));
  EXPECT_EQ(platform.attached_to(*device, {}), &old);
  EXPECT_EQ(kernel.spaces(), 2U) << "staging, and the one in use";
  EXPECT_EQ(kernel.tables(), 1U);
}

TEST_F(HostDevice, DroppedPreparationPutsTheDeviceBack) {
  const auto device = open("0000:00:04.0", 4);
  Ioas old(platform);
  ASSERT_TRUE(old.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(old.attach(*device));
  auto domain = device->make_domain(0, {});
  ASSERT_TRUE(domain);
  auto prepared = device->prepare_attach(*domain, {});
  ASSERT_TRUE(prepared);
  EXPECT_FALSE(reaches(*device, 0x10000, memory.data()));
  prepared->reset();
  EXPECT_TRUE(reaches(*device, 0x10000, memory.data()));
}

TEST_F(HostDevice, BadMemoryFailsTheMapAndLeavesNothingPinned) {
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(*device));
  kernel.fail(vfio::uapi::kIoasCopy, EFAULT);
  EXPECT_EQ(ioas.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}).error().number, EFAULT);
  EXPECT_EQ(ioas.map_count(), 0U);
  EXPECT_EQ(machine->pinned_bytes(), 0U);
  EXPECT_EQ(kernel.dma_maps(), 0U);
}

TEST_F(HostDevice, ShortLockedMemoryIsToldWithTheRemedy) {
  for (const vfio::Backend backend : {vfio::Backend::kIommufd, vfio::Backend::kType1}) {
    use(backend);
    kernel.memlock = ~std::uint64_t{0};
    const auto device = open("0000:00:04.0", 4);
    Ioas ioas(platform);
    ASSERT_TRUE(ioas.attach(*device));
    kernel.memlock = 4 * kPage;
    const auto mapped = ioas.map(memory.data(), 8 * kPage, Prot::kRead, Iova{0x10000});
    ASSERT_FALSE(mapped);
    EXPECT_EQ(mapped.error().number, ENOMEM);
    EXPECT_NE(mapped.error().what.find("ulimit -l"), std::string::npos) << mapped.error().what;
    EXPECT_EQ(kernel.dma_maps(), 0U);
  }
}

TEST_F(HostDevice, RefusedUnmapIsEioAndKeepsThePagesPinned) {
  const auto device = open("0000:00:04.0", 4);
  {
    Ioas ioas(platform);
    ASSERT_TRUE(ioas.attach(*device));
    ASSERT_TRUE(ioas.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
    kernel.fail(vfio::uapi::kIoasUnmap, EBUSY);
    EXPECT_EQ(ioas.unmap({0x10000}, kPage).error().number, EIO);
    EXPECT_EQ(machine->pinned_bytes(), kPage);
    EXPECT_EQ(ioas.map(memory.data(), kPage, Prot::kRead, Iova{0x20000}).error().number, EIO);
  }
  EXPECT_EQ(platform.quarantined(), 1U);
  platform.release_quarantine();
  EXPECT_EQ(machine->pinned_bytes(), 0U);
}

TEST_F(HostDevice, FunctionsOfOneGroupCannotPartBehindIommufd) {
  const auto first = open("0000:00:04.0", 4);
  const auto second = open("0000:00:04.1", 4);
  Ioas a(platform);
  Ioas b(platform);
  ASSERT_TRUE(a.attach(*first));
  const auto refused = b.attach(*second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EINVAL);
  EXPECT_NE(refused.error().what.find("group 4"), std::string::npos) << refused.error().what;
  EXPECT_TRUE(a.attach(*second));
}

TEST_F(HostDevice, Type1HasOneAddressSpaceForAGroup) {
  use(vfio::Backend::kType1);
  const auto first = open("0000:00:04.0", 4);
  const auto second = open("0000:00:04.1", 4);
  Ioas a(platform);
  Ioas b(platform);
  ASSERT_TRUE(a.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(a.attach(*first));
  const auto refused = b.attach(*second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EOPNOTSUPP);
  EXPECT_NE(refused.error().what.find("type1 has one address space"), std::string::npos) << refused.error().what;
  EXPECT_TRUE(a.attach(*second));
  EXPECT_TRUE(reaches(*second, 0x10000, memory.data()));
}

TEST_F(HostDevice, Type1MovesADeviceOnlyByWayOfADetach) {
  use(vfio::Backend::kType1);
  const auto device = open("0000:00:04.0", 4);
  Ioas old(platform);
  Ioas next(platform);
  ASSERT_TRUE(old.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(next.map(memory.at(kPage), kPage, Prot::kRead, Iova{0x20000}));
  ASSERT_TRUE(old.attach(*device));
  EXPECT_EQ(next.replace(*device).error().number, EOPNOTSUPP);
  EXPECT_TRUE(reaches(*device, 0x10000, memory.data()));
  ASSERT_TRUE(Ioas::detach(platform, *device));
  EXPECT_EQ(kernel.dma_maps(), 0U);
  ASSERT_TRUE(next.attach(*device));
  EXPECT_TRUE(reaches(*device, 0x20000, memory.at(kPage)));
}

TEST_F(HostDevice, SpacesOfProcessesAreNotSupported) {
  for (const vfio::Backend backend : {vfio::Backend::kIommufd, vfio::Backend::kType1}) {
    use(backend);
    const auto device = open("0000:00:04.0", 4);
    Ioas ioas(platform);
    EXPECT_EQ(ioas.attach(*device, 7U).error().number, EOPNOTSUPP);
  }
}

TEST_F(HostDevice, ClosingLeavesNothingBehind) {
  for (const vfio::Backend backend : {vfio::Backend::kIommufd, vfio::Backend::kType1}) {
    use(backend);
    {
      const auto device = open("0000:00:04.0", 4);
      Ioas ioas(platform);
      ASSERT_TRUE(ioas.attach(*device));
      ASSERT_TRUE(ioas.map(memory.data(), kPage, Prot::kRead));
    }
    EXPECT_EQ(machine->pinned_bytes(), 0U);
    machine.reset();
    EXPECT_EQ(kernel.open_files(), 0U);
    EXPECT_EQ(kernel.spaces(), 0U);
  }
}

}  // namespace
}  // namespace aperture::host
