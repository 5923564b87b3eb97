// SPDX-License-Identifier: Apache-2.0
// Several IOASes as one, over every Domain and Device: what devices reach shows what is mapped.
#include <array>
#include <cerrno>

#include "conformance.hpp"
#include "ioas/change.hpp"
#include "ioas/mirror.hpp"
#include "ioas/projection.hpp"

namespace aperture::ioas::test {
namespace {

class IoasSharing : public IoasConformance {
 protected:
  std::byte byte_at(Device& device, Iova iova) {
    std::array<std::byte, 1> got{};
    EXPECT_TRUE(world->read(device, iova, got)) << "at " << iova.value;
    return got[0];
  }
};

TEST_P(IoasSharing, MirrorsMapIsReachedByTheDevicesOfEveryMemberAtOneAddress) {
  Device& first = world->add_device({.name = "one"});
  Device& second = world->add_device({.name = "two"});
  Ioas a(platform);
  Ioas b(platform);
  ASSERT_TRUE(a.attach(first));
  ASSERT_TRUE(b.attach(second));
  Mirror mirror(platform);
  ASSERT_TRUE(mirror.join(a));
  memory.data()[0] = std::byte{0x11};
  const auto iova = mirror.map(memory.data(), 2 * kPage, Prot::kRead);
  ASSERT_TRUE(iova) << iova.error().what;
  ASSERT_TRUE(mirror.join(b));
  EXPECT_EQ(byte_at(first, *iova), std::byte{0x11});
  EXPECT_EQ(byte_at(second, *iova), std::byte{0x11});
  EXPECT_EQ(world->pinned_bytes(), 2 * kPage);
  ASSERT_TRUE(mirror.leave(b));
  EXPECT_FALSE(reads(second, *iova));
  EXPECT_EQ(byte_at(first, *iova), std::byte{0x11});
  ASSERT_TRUE(mirror.unmap({0}, kMax));
  EXPECT_FALSE(reads(first, *iova));
  EXPECT_EQ(world->pinned_bytes(), 0U);
}

TEST_P(IoasSharing, FollowersDeviceReachesTheStagedMemoryAtTheOffset) {
  Device& device = world->add_device({.name = "nic"});
  Ioas staging(platform);
  Ioas bus(platform);
  ASSERT_TRUE(bus.attach(device));
  memory.at(kPage)[3] = std::byte{0x22};
  ASSERT_TRUE(staging.map(memory.data(), 4 * kPage, Prot::kRead, Iova{0x80000000}));
  const auto projection = Projection::begin(platform, staging, {{0x80001000}, {0x80002fff}}, bus, {0x40000});
  ASSERT_TRUE(projection) << projection.error().what;
  EXPECT_EQ(byte_at(device, {0x40003}), std::byte{0x22});
  EXPECT_TRUE(reads(device, {0x41000}));
  EXPECT_FALSE(reads(device, {0x42000}));
  ASSERT_TRUE(staging.unmap({0}, kMax));
  EXPECT_FALSE(reads(device, {0x40000}));
  EXPECT_EQ(world->pinned_bytes(), 0U);
}

TEST_P(IoasSharing, ChangeThatFailsLateIsAsIfItHadNotBeen) {
  Device& device = world->add_device({.name = "nic"});
  Ioas a(platform);
  Ioas b(platform);
  ASSERT_TRUE(a.attach(device));
  ASSERT_TRUE(a.map(memory.data(), kPage, Prot::kRead, Iova{0x10000}));
  Change change(platform);
  change.add(MapEdit{&a, memory.at(kPage), kPage, Iova{0x20000}, Prot::kRead, {}});
  change.add(CopyEdit{&a, {0x10000}, kPage, &a, Iova{0x30000}, Prot::kRead});
  change.add(UnmapEdit{&a, {0x10000}, kPage});
  change.add(MapEdit{&b, memory.at(2 * kPage), kPage, Iova{0x40000}, Prot::kRead, {}});
  for (std::size_t n = 1; n <= change.size(); ++n) {
    change.fail_at(n);
    const auto refused = change.apply();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().number, ENOMEM);
    EXPECT_TRUE(reads(device, {0x10000}));
    EXPECT_FALSE(reads(device, {0x20000}));
    EXPECT_FALSE(reads(device, {0x30000}));
    EXPECT_EQ(world->pinned_bytes(), kPage);
  }
  change.fail_at(0);
  ASSERT_TRUE(change.apply());
  EXPECT_FALSE(reads(device, {0x10000}));
  EXPECT_TRUE(reads(device, {0x20000}));
  EXPECT_TRUE(reads(device, {0x30000}));
}

TEST_P(IoasSharing, RebasedCloneShowsTheSameMemoryElsewhere) {
  Device& device = world->add_device({.name = "nic"});
  Ioas ioas(platform);
  memory.at(2 * kPage)[0] = std::byte{0x33};
  ASSERT_TRUE(ioas.map(memory.data(), 4 * kPage, Prot::kReadWrite, Iova{0x10000}));
  const auto clone = ioas.clone({.ranges = {{{0x12000}, {0x12fff}}}, .rebase = 0x100000, .prot = Prot::kRead});
  ASSERT_TRUE(clone);
  ASSERT_TRUE((*clone)->attach(device));
  EXPECT_EQ(byte_at(device, {0x112000}), std::byte{0x33});
  EXPECT_FALSE(reads(device, {0x111000}));
  const std::array<std::byte, 4> sent{};
  EXPECT_FALSE(world->write(device, {0x112000}, sent));
}

TEST_P(IoasSharing, DirtyPagesAreThoseThatTheDeviceWroteUntilTheyAreCleared) {
  Device& device = world->add_device({.name = "nic"});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(device));
  if (const auto on = ioas.set_dirty_tracking(true); !on) {
    EXPECT_EQ(on.error().number, EOPNOTSUPP);
    EXPECT_FALSE(ioas.dirty_tracking());
    GTEST_SKIP() << on.error().what;
  }
  ASSERT_TRUE(ioas.set_huge_pages(false));
  ASSERT_TRUE(ioas.map(memory.data(), 8 * kPage, Prot::kReadWrite, Iova{0x10000}));
  const std::array<std::byte, 8> sent{std::byte{1}};
  ASSERT_TRUE(reads(device, {0x11000}));
  ASSERT_TRUE(world->write(device, {0x13000}, sent));
  const std::vector<IovaRange> page{{{0x13000}, {0x13fff}}};
  EXPECT_EQ(ioas.dirty({0x10000}, 8 * kPage, kPage, false), page);
  EXPECT_EQ(ioas.dirty({0x10000}, 8 * kPage, kPage), page);
  EXPECT_EQ(ioas.dirty({0x10000}, 8 * kPage, kPage), std::vector<IovaRange>{});
  ASSERT_TRUE(world->write(device, {0x13000}, sent));
  EXPECT_EQ(ioas.dirty({0x10000}, 8 * kPage, kPage), page);
}

TEST_P(IoasSharing, ProvisionalWindowIsWhereTheDeviceCanUseIt) {
  Device& device = world->add_device({.name = "nic", .reservations = {{{{0x1000}, {0x3fffffff}}, Cause::kReserved}}});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.require({{.name = "ring", .size = 0x100000, .place = Place::kLow32}}));
  EXPECT_TRUE(ioas.windows().at(0).provisional);
  ASSERT_TRUE(ioas.attach(device));
  const PlacedWindow window = ioas.windows().at(0);
  EXPECT_FALSE(window.provisional);
  EXPECT_GE(window.range.first.value, 0x40000000U);
  EXPECT_LE(window.range.last.value, 0xffffffffU);
  ASSERT_TRUE(ioas.map(memory.data(), kPage, Prot::kRead, window.range.first));
  EXPECT_TRUE(reads(device, window.range.first));
}

TEST_P(IoasSharing, FrozenRangesOutliveTheAttachOfANarrowDevice) {
  Device& wide = world->add_device({.name = "wide"});
  Device& narrow = world->add_device({.name = "narrow", .dma_bits = 32});
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(wide));
  ASSERT_TRUE(ioas.freeze());
  const Ranges before = ioas.ranges();
  const auto refused = ioas.attach(narrow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  EXPECT_EQ(ioas.ranges().ranges, before.ranges);
  EXPECT_TRUE(ioas.map(memory.data(), kPage, Prot::kRead));
}

INSTANTIATE_TEST_SUITE_P(On, IoasSharing, testing::ValuesIn(worlds()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace aperture::ioas::test
