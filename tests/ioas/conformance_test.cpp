// SPDX-License-Identifier: Apache-2.0
// What every Domain and Device must give an IOAS, whatever they are made of.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "conformance.hpp"
#include "support/memory_file.hpp"

namespace aperture::ioas::test {
namespace {

TEST_P(IoasConformance, DeviceReadsWhatWasMappedBeforeItsAttach) {
  Device& device = world->add_device({.name = "nic"});
  Ioas ioas(platform);
  memory.data()[5] = std::byte{0x5a};
  ASSERT_TRUE(ioas.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(ioas.attach(device));
  std::array<std::byte, 8> got{};
  ASSERT_TRUE(world->read(device, {0x10000}, got));
  EXPECT_EQ(got[5], std::byte{0x5a});
  ASSERT_TRUE(Ioas::detach(platform, device));
}

TEST_P(IoasConformance, DeviceWritesWhatIsMappedAfterItsAttach) {
  Device& device = world->add_device({.name = "nic"});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(device));
  const auto iova = ioas.map(memory.data(), 2 * kPage, Prot::kReadWrite);
  ASSERT_TRUE(iova);
  const std::array<std::byte, 4> sent{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  ASSERT_TRUE(world->write(device, *iova + (kPage - 2), sent));
  EXPECT_EQ(memory.data()[kPage - 2], std::byte{1});
  EXPECT_EQ(memory.data()[kPage + 1], std::byte{4});
}

TEST_P(IoasConformance, MemoryOfAFileIsTheSameAsThroughItsMapping) {
  Device& device = world->add_device({.name = "nic"});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(device));
  const aperture::test::MemoryFile file(4 * kPage);
  const auto shared = share_file(file.fd());
  ASSERT_TRUE(shared);
  const auto iova = ioas.map(file.at(kPage), 2 * kPage, Prot::kReadWrite, {}, FileSpan{*shared, kPage});
  ASSERT_TRUE(iova) << iova.error().what;
  file.at(kPage)[5] = std::byte{0x5a};
  std::array<std::byte, 8> got{};
  ASSERT_TRUE(world->read(device, *iova, got));
  EXPECT_EQ(got[5], std::byte{0x5a});
  const std::array<std::byte, 4> sent{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  ASSERT_TRUE(world->write(device, *iova + kPage, sent));
  EXPECT_EQ(file.at(2 * kPage)[3], std::byte{4});
}

TEST_P(IoasConformance, ReadOnlyMappingRefusesWrites) {
  Device& device = world->add_device({.name = "nic"});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(device));
  const auto iova = ioas.map(memory.data(), kPage, Prot::kRead);
  ASSERT_TRUE(iova);
  const std::array<std::byte, 4> sent{std::byte{1}};
  EXPECT_FALSE(world->write(device, *iova, sent));
  EXPECT_EQ(memory.data()[0], std::byte{0});
}

TEST_P(IoasConformance, UnmappedAddressFaultsAndItsPagesAreReleased) {
  Device& device = world->add_device({.name = "nic"});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(device));
  const auto iova = ioas.map(memory.data(), 4 * kPage, Prot::kReadWrite);
  ASSERT_TRUE(iova);
  EXPECT_EQ(world->pinned_bytes(), 4 * kPage);
  EXPECT_EQ(ioas.unmap(*iova, 4 * kPage), 4 * kPage);
  EXPECT_FALSE(reads(device, *iova));
  EXPECT_EQ(world->pinned_bytes(), 0U);
}

TEST_P(IoasConformance, WrittenPagesAreToldWhereTheDomainCanTrackThem) {
  Device& device = world->add_device({.name = "nic"});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(device));
  ASSERT_TRUE(ioas.map(memory.data(), 8 * kPage, Prot::kReadWrite, Iova{0x10000}));
  const auto on = ioas.set_dirty_tracking(true);
  if (!on) {
    EXPECT_EQ(on.error().number, EOPNOTSUPP);
    GTEST_SKIP() << on.error().what;
  }
  const std::array<std::byte, 4> sent{std::byte{1}};
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(reads(device, {0x12000}));
    ASSERT_TRUE(world->write(device, {0x13ffe}, sent));
    const std::vector<IovaRange> written{{{0x13000}, {0x14fff}}};
    EXPECT_EQ(*ioas.dirty({0x10000}, 8 * kPage, kPage), written);
    EXPECT_TRUE(ioas.dirty({0x10000}, 8 * kPage, kPage)->empty());
  }
}

TEST_P(IoasConformance, AttachWithMapInTheDevicesHoleIsRefusedAndChangesNothing) {
  Device& device = world->add_device({.name = "nic", .reservations = {{{{0x20000}, {0x2ffff}}, Cause::kMsi}}});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.map(memory.data(), kPage, Prot::kRead, Iova{0x21000}));
  const Ranges before = ioas.ranges();
  const auto attached = ioas.attach(device);
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().number, EADDRINUSE);
  ASSERT_EQ(attached.error().report->maps_blocked.size(), 1U);
  EXPECT_EQ(attached.error().report->maps_blocked[0].cause, Cause::kMsi);
  EXPECT_EQ(ioas.ranges().ranges, before.ranges);
  EXPECT_EQ(ioas.ranges().alignment, before.alignment);
  EXPECT_EQ(ioas.ranges().generation, before.generation);
  EXPECT_EQ(ioas.map_count(), 1U);
  EXPECT_EQ(platform.attached_to(device, {}), nullptr);
  EXPECT_FALSE(reads(device, {0x21000}));
}

TEST_P(IoasConformance, AllowListRefusesAHoleInsideAndOutlivesAttachAndDetach) {
  Device& inside = world->add_device({.name = "bad", .reservations = {{{{0x20000}, {0x2ffff}}, Cause::kMsi}}});
  Device& outside = world->add_device({.name = "good", .reservations = {{{{0x80000}, {0x8ffff}}, Cause::kMsi}}});
  Ioas ioas(platform);
  const std::vector<IovaRange> list{{{0x10000}, {0x3ffff}}};
  ASSERT_TRUE(ioas.allow(list));
  EXPECT_EQ(ioas.attach(inside).error().number, EADDRINUSE);
  ASSERT_TRUE(ioas.attach(outside));
  EXPECT_FALSE(RangeSet(ioas.ranges().ranges).overlaps({{0x80000}, {0x8ffff}}));
  EXPECT_EQ(ioas.allowed(), list);
  ASSERT_TRUE(Ioas::detach(platform, outside));
  EXPECT_EQ(ioas.ranges().ranges, std::vector{kAll});
  EXPECT_EQ(ioas.attach(inside).error().number, EADDRINUSE);
}

TEST_P(IoasConformance, LastDetachGivesOneFullRangeAndAlignmentOne) {
  Device& first = world->add_device({.name = "one"});
  Device& second = world->add_device({.name = "two"});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(first));
  const Ranges with_one = ioas.ranges();
  EXPECT_EQ(with_one.alignment, kPage);
  ASSERT_TRUE(ioas.attach(second));
  EXPECT_EQ(ioas.ranges().ranges, with_one.ranges);
  ASSERT_TRUE(Ioas::detach(platform, first));
  EXPECT_EQ(ioas.ranges().ranges, with_one.ranges);
  ASSERT_TRUE(Ioas::detach(platform, second));
  EXPECT_EQ(ioas.ranges().ranges, std::vector{kAll});
  EXPECT_EQ(ioas.ranges().alignment, 1U);
}

TEST_P(IoasConformance, DevicesOfOneIommuShareMapsAndPins) {
  Device& first = world->add_device({.name = "one"});
  Device& second = world->add_device({.name = "two"});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(first));
  ASSERT_TRUE(ioas.attach(second));
  const auto iova = ioas.map(memory.data(), kPage, Prot::kRead);
  ASSERT_TRUE(iova);
  EXPECT_TRUE(reads(first, *iova));
  EXPECT_TRUE(reads(second, *iova));
  ASSERT_TRUE(Ioas::detach(platform, first));
  EXPECT_FALSE(reads(first, *iova));
  EXPECT_TRUE(reads(second, *iova));
}

TEST_P(IoasConformance, MisalignedMapOfAnIdleIoasRefusesTheAttachUntilUnmapped) {
  Device& device = world->add_device({.name = "nic"});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.map(memory.data(), 100, Prot::kRead, Iova{12345}));
  const auto attached = ioas.attach(device);
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().number, EADDRINUSE);
  EXPECT_EQ(attached.error().report->maps_blocked.at(0).cause, Cause::kGranule);
  EXPECT_EQ(ioas.ranges().alignment, 1U);
  EXPECT_EQ(ioas.unmap({12345}, 100), 100U);
  EXPECT_TRUE(ioas.attach(device));
}

TEST_P(IoasConformance, UnmapThatCutsAMapInTwoRemovesNothing) {
  Device& device = world->add_device({.name = "nic"});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(device));
  ASSERT_TRUE(ioas.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(ioas.map(memory.data(), 2 * kPage, Prot::kRead, Iova{0x11000}));
  EXPECT_EQ(ioas.unmap({0x10000}, 2 * kPage).error().number, ENOENT);
  EXPECT_TRUE(reads(device, {0x10000}));
  EXPECT_TRUE(reads(device, {0x11000}));
}

TEST_P(IoasConformance, CopiesOutliveTheirStagingMapAndArePinnedOnce) {
  Device& first = world->add_device({.name = "one"});
  Device& second = world->add_device({.name = "two"});
  Ioas staging(platform);
  Ioas a(platform);
  Ioas b(platform);
  ASSERT_TRUE(a.attach(first));
  ASSERT_TRUE(b.attach(second));
  ASSERT_TRUE(staging.map(memory.data(), 8 * kPage, Prot::kReadWrite, Iova{0x80000000}));
  EXPECT_EQ(world->pinned_bytes(), 0U);
  const auto in_a = a.copy(staging, {0x80000000}, 8 * kPage, Prot::kReadWrite);
  const auto in_b = b.copy(staging, {0x80001000}, kPage, Prot::kRead, Iova{0x5000});
  ASSERT_TRUE(in_a);
  ASSERT_TRUE(in_b);
  ASSERT_TRUE(staging.unmap({0}, kMax));
  EXPECT_EQ(world->pinned_bytes(), 8 * kPage);
  memory.data()[kPage] = std::byte{7};
  std::array<std::byte, 1> got{};
  ASSERT_TRUE(world->read(second, {0x5000}, got));
  EXPECT_EQ(got[0], std::byte{7});
  ASSERT_TRUE(a.unmap({0}, kMax));
  EXPECT_EQ(world->pinned_bytes(), 8 * kPage);
  ASSERT_TRUE(b.unmap({0}, kMax));
  EXPECT_EQ(world->pinned_bytes(), 0U);
}

TEST_P(IoasConformance, ReplaceMovesTheDeviceToTheOtherIoas) {
  Device& device = world->add_device({.name = "nic"});
  if (!world->replaces()) GTEST_SKIP() << "this IOMMU's interface has no replace";
  Ioas old(platform);
  Ioas next(platform);
  ASSERT_TRUE(old.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(next.map(memory.at(kPage), kPage, Prot::kRead, Iova{0x20000}));
  ASSERT_TRUE(old.attach(device));
  ASSERT_TRUE(next.replace(device));
  EXPECT_FALSE(reads(device, {0x10000}));
  EXPECT_TRUE(reads(device, {0x20000}));
  EXPECT_EQ(old.ranges().ranges, std::vector{kAll});
  EXPECT_EQ(world->pinned_bytes(), kPage);
}

TEST_P(IoasConformance, FailedReplaceLeavesTheOldAttachmentAndItsReservations) {
  Device& device = world->add_device({.name = "nic", .reservations = {{{{0x20000}, {0x2ffff}}, Cause::kMsi}}});
  Ioas old(platform);
  Ioas next(platform);
  ASSERT_TRUE(old.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(old.attach(device));
  const Ranges before = old.ranges();
  ASSERT_TRUE(next.map(memory.data(), kPage, Prot::kRead, Iova{0x20000}));
  EXPECT_EQ(next.replace(device).error().number, EADDRINUSE);
  EXPECT_TRUE(reads(device, {0x10000}));
  EXPECT_EQ(old.ranges().ranges, before.ranges);
  EXPECT_EQ(platform.attached_to(device, {}), &old);
}

TEST_P(IoasConformance, AttachAndDetachFollowVfiosCorners) {
  Device& device = world->add_device({.name = "nic"});
  Ioas ioas(platform);
  EXPECT_EQ(ioas.replace(device).error().number, EINVAL);
  EXPECT_TRUE(Ioas::detach(platform, device));
  EXPECT_EQ(ioas.attach(device, 0U).error().number, EINVAL);
  ASSERT_TRUE(ioas.attach(device));
  EXPECT_TRUE(ioas.attach(device));
  EXPECT_EQ(ioas.attached().size(), 1U);
}

TEST_P(IoasConformance, ProbeChangesNothingAndItsGenerationGoesStale) {
  Device& device = world->add_device({.name = "nic", .dma_bits = 32});
  Ioas ioas(platform);
  const auto probe = ioas.probe_attach(device);
  ASSERT_TRUE(probe);
  EXPECT_TRUE(probe->ok);
  EXPECT_LE(probe->ranges_after.back().last.value, 0xffffffffU);
  EXPECT_EQ(ioas.ranges().ranges, std::vector{kAll});
  EXPECT_TRUE(ioas.attached().empty());
  ASSERT_TRUE(ioas.reserve({{0x1000000}, {0x1ffffff}}));
  EXPECT_EQ(ioas.attach(device, {}, probe->generation).error().number, ESTALE);
  EXPECT_TRUE(ioas.attach(device, {}, ioas.generation()));
}

TEST_P(IoasConformance, CloneServesASecondDeviceWithTheSamePins) {
  Device& first = world->add_device({.name = "one"});
  Device& second = world->add_device({.name = "two"});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(first));
  const auto iova = ioas.map(memory.data(), 2 * kPage, Prot::kReadWrite);
  ASSERT_TRUE(iova);
  const auto clone = ioas.clone();
  ASSERT_TRUE(clone);
  ASSERT_TRUE((*clone)->attach(second));
  EXPECT_TRUE(reads(second, *iova));
  EXPECT_EQ(world->pinned_bytes(), 2 * kPage);
  ASSERT_TRUE(ioas.unmap(*iova, 2 * kPage));
  EXPECT_FALSE(reads(first, *iova));
  EXPECT_TRUE(reads(second, *iova));
}

TEST_P(IoasConformance, GuestWindowsFitAWideDeviceAndRefuseANarrowOneByName) {
  const DeviceReservation msi{{{0xfee00000}, {0xfeefffff}}, Cause::kMsi};
  Device& wide = world->add_device({.name = "nic48", .dma_bits = 48, .reservations = {msi}});
  Device& narrow = world->add_device({.name = "nic32", .dma_bits = 32, .reservations = {msi}});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.require({{.name = "guest-ram-low", .base = Iova{0}, .size = 0xc0000000},
                            {.name = "guest-ram-high", .base = Iova{0x100000000}, .size = 0x100000000}}));
  ASSERT_TRUE(ioas.attach(wide));
  const Ranges before = ioas.ranges();
  const auto refused = ioas.attach(narrow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  const Report& report = *refused.error().report;
  ASSERT_EQ(report.windows.size(), 2U);
  EXPECT_EQ(report.windows[0].verdict, Verdict::kFits);
  const WindowReport& window = report.windows[1];
  EXPECT_EQ(window.name, "guest-ram-high");
  EXPECT_EQ(window.verdict, Verdict::kBlocked);
  EXPECT_EQ(window.range, (IovaRange{{0x100000000}, {0x1ffffffff}}));
  ASSERT_FALSE(window.blockers.empty());
  EXPECT_EQ(window.blockers[0].cause, Cause::kDmaMask);
  EXPECT_EQ(window.blockers[0].device, "nic32");
  EXPECT_FALSE(window.alternatives.empty());
  EXPECT_EQ(ioas.ranges().ranges, before.ranges);
}

INSTANTIATE_TEST_SUITE_P(On, IoasConformance, testing::ValuesIn(worlds()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace aperture::ioas::test
