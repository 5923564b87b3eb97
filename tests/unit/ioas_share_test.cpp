// SPDX-License-Identifier: Apache-2.0
// Mirrors, projections, clones and transactions: several IOASes in one step, or none.
#include <gtest/gtest.h>

#include "ioas/change.hpp"
#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"
#include "ioas/mirror.hpp"
#include "ioas/projection.hpp"

namespace aperture::ioas {
namespace {

std::byte* pointer(std::uint64_t address) { return reinterpret_cast<std::byte*>(address); }
constexpr std::uint64_t kVa = 0x4000'0000;

class IoasShare : public testing::Test {
 protected:
  MemoryPins pins;
  MemoryDevice nic{"nic", 1, pins, {{}, {{{{0x100000}, {0x1fffff}}, Cause::kMsi}}, 64}};
  MemoryDevice disk{"disk", 2, pins, {{}, {}, 32}};
  Platform platform;
  Ioas a{platform, {.name = "a"}};
  Ioas b{platform, {.name = "b"}};
};

TEST_F(IoasShare, MirrorMapsAndUnmapsInEveryMember) {
  Mirror mirror(platform);
  ASSERT_TRUE(mirror.join(a));
  ASSERT_TRUE(mirror.join(b));
  ASSERT_TRUE(mirror.map(pointer(kVa), 0x2000, Prot::kRead, Iova{0x10000}));
  EXPECT_EQ(a.lookup({0x11000})->range, (IovaRange{{0x10000}, {0x11fff}}));
  EXPECT_EQ(b.lookup({0x11000})->pages, a.lookup({0x10000})->pages);
  EXPECT_EQ(mirror.unmap({0x10000}, 0x2000), 0x2000U);
  EXPECT_EQ(a.map_count() + b.map_count() + mirror.space().map_count(), 0U);
}

TEST_F(IoasShare, ProjectionsThatMultiplyAMapAreRefusedWhenTheyAreMany) {
  std::vector<std::unique_ptr<Ioas>> spaces;
  std::vector<std::unique_ptr<Projection>> projections;
  std::optional<Refusal> refused;
  spaces.push_back(std::make_unique<Ioas>(platform, IoasOptions{.name = "first"}));
  while (!refused && spaces.size() < 64) {
    spaces.push_back(std::make_unique<Ioas>(platform));
    for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{0x10000} << spaces.size()}) {
      auto begun =
          Projection::begin(platform, *spaces[spaces.size() - 2], {{0}, {0xffffffff}}, *spaces.back(), Iova{at});
      if (!begun) {
        refused = begun.error();
        break;
      }
      projections.push_back(std::move(*begun));
    }
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->number, ENOMEM);
  EXPECT_NE(refused->what.find("\"first\""), std::string::npos) << refused->what;
  ASSERT_TRUE(spaces.front()->map(pointer(kVa), 0x1000, Prot::kRead, Iova{0}));
  EXPECT_EQ(spaces[1]->map_count(), 2U);
  EXPECT_EQ(spaces[spaces.size() - 2]->map_count(), 512U);
  EXPECT_EQ(spaces.back()->map_count(), 0U) << "the projection that was refused is not there";
}

TEST_F(IoasShare, CopiesThatDoubleWhatIsThereEndBeforeMemoryDoes) {
  ASSERT_TRUE(a.map(pointer(kVa), 1, Prot::kRead, Iova{0}));
  std::uint64_t maps = 1;
  for (; maps < std::uint64_t{1} << 20; maps *= 2) {
    ASSERT_TRUE(a.copy(a, {0}, maps, Prot::kRead, Iova{maps})) << maps;
  }
  ASSERT_TRUE(a.copy(a, {0}, 1, Prot::kRead, Iova{maps}));
  const auto refused = a.copy(a, {0}, maps, Prot::kRead, Iova{4 * maps});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, ENOMEM);
  EXPECT_NE(refused.error().what.find("2097152 maps"), std::string::npos) << refused.error().what;
  EXPECT_EQ(a.map_count(), maps + 1);
}

TEST_F(IoasShare, CloneHasTheUsersReservationsAndTheTrackingAndMovesItsWindows) {
  ASSERT_TRUE(a.attach(nic));
  ASSERT_TRUE(a.reserve({{0x5000}, {0x5fff}}));
  ASSERT_TRUE(a.set_dirty_tracking(true));
  ASSERT_TRUE(a.require({{.name = "w", .base = Iova{0x10000}, .size = 0x1000}}));
  const auto clone = a.clone({{}, 0x100000, {}});
  ASSERT_TRUE(clone);
  ASSERT_EQ((*clone)->reservations().size(), 1U) << "the device's are its attachment's";
  EXPECT_EQ((*clone)->reservations().front().range, (IovaRange{{0x105000}, {0x105fff}}));
  EXPECT_TRUE((*clone)->dirty_tracking());
  ASSERT_EQ((*clone)->windows().size(), 1U);
  EXPECT_EQ((*clone)->windows().front().range, (IovaRange{{0x110000}, {0x110fff}}));
  EXPECT_EQ((*clone)->windows().front().window.base, Iova{0x110000});
}

TEST_F(IoasShare, CloneWhoseReservationWouldPassTheEndIsRefused) {
  ASSERT_TRUE(a.reserve({{0x5000}, {0x5fff}}));
  const auto refused = a.clone({{}, ~std::uint64_t{0} - 0x5800, {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EOVERFLOW);
}

TEST_F(IoasShare, UnmapOfALeaderLeavesWhatItsFollowerPutThereItself) {
  const auto projection = Projection::begin(platform, a, kAll, b, Iova{0});
  ASSERT_TRUE(projection);
  ASSERT_TRUE(a.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x1000}));
  ASSERT_TRUE(b.unmap({0x1000}, 0x1000));
  ASSERT_TRUE(b.map(pointer(2 * kVa), 0x1000, Prot::kRead, Iova{0x1000}));
  ASSERT_TRUE(a.unmap({0x1000}, 0x1000));
  EXPECT_EQ(b.map_count(), 1U);
}

TEST_F(IoasShare, ChangeDoesNotUnmapWhatItMaps) {
  Change change(platform);
  change.add(MapEdit{&a, pointer(kVa), 0x1000, Iova{0x1000}, Prot::kRead, {}});
  change.add(UnmapEdit{&a, {0x1000}, 0x1000});
  const auto refused = change.apply();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EINVAL);
  EXPECT_EQ(refused.error().edit, 1U);
  EXPECT_EQ(a.map_count(), 0U);
}

TEST_F(IoasShare, RefusalOfOneMemberNamesItAndChangesNone) {
  Mirror mirror(platform);
  ASSERT_TRUE(mirror.join(a));
  ASSERT_TRUE(mirror.join(b));
  ASSERT_TRUE(b.attach(nic));
  const auto refused = mirror.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x100000});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EINVAL);
  EXPECT_EQ(refused.error().ioas, &b);
  EXPECT_NE(refused.error().what.find("\"b\""), std::string::npos) << refused.error().what;
  EXPECT_EQ(refused.error().report->maps_blocked.at(0).device, "nic");
  EXPECT_EQ(refused.error().report->detach_set, std::vector<std::string>{"nic"});
  EXPECT_EQ(a.map_count() + b.map_count() + mirror.space().map_count(), 0U);
}

TEST_F(IoasShare, MirrorsAutomaticIovaIsFreeInEveryMember) {
  Mirror mirror(platform);
  ASSERT_TRUE(mirror.join(a));
  ASSERT_TRUE(mirror.join(b));
  ASSERT_TRUE(a.map(pointer(kVa), 0x2000, Prot::kRead, Iova{0x1000}));
  ASSERT_TRUE(b.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x4000}));
  ASSERT_TRUE(b.reserve({{0x3000}, {0x3fff}}));
  ASSERT_TRUE(a.require({{.name = "w", .base = Iova{0x5000}, .size = 0x1000}}));
  EXPECT_EQ(mirror.map(pointer(kVa), 0x1000, Prot::kRead)->value, 0x6000U);
}

TEST_F(IoasShare, JoinerGetsWhatTheMirrorHasOrNothing) {
  Mirror mirror(platform);
  ASSERT_TRUE(mirror.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(mirror.map(pointer(kVa + 0x1000), 0x1000, Prot::kRead, Iova{0x20000}));
  ASSERT_TRUE(b.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x20000}));
  ASSERT_TRUE(mirror.join(a));
  EXPECT_EQ(a.map_count(), 2U);
  const auto refused = mirror.join(b);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EEXIST);
  EXPECT_EQ(refused.error().ioas, &b);
  EXPECT_EQ(b.map_count(), 1U);
  EXPECT_EQ(mirror.members(), std::vector<Ioas*>{&a});
  EXPECT_EQ(mirror.join(a).error().number, EEXIST);
}

TEST_F(IoasShare, LeaverLosesTheMirrorsMapsAndKeepsItsOwn) {
  Mirror mirror(platform);
  ASSERT_TRUE(mirror.join(a));
  ASSERT_TRUE(mirror.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  ASSERT_TRUE(a.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x20000}));
  ASSERT_TRUE(mirror.leave(a));
  EXPECT_FALSE(a.lookup({0x10000}));
  EXPECT_TRUE(a.lookup({0x20000}));
  EXPECT_EQ(mirror.leave(a).error().number, ENOENT);
  ASSERT_TRUE(mirror.unmap({0}, kMax));
}

TEST_F(IoasShare, MemberThatIsDestroyedHasLeft) {
  Mirror mirror(platform);
  {
    Ioas gone(platform);
    ASSERT_TRUE(mirror.join(gone));
    ASSERT_TRUE(mirror.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
  }
  EXPECT_TRUE(mirror.members().empty());
  EXPECT_TRUE(mirror.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x20000}));
}

TEST_F(IoasShare, FollowerSeesItsRangeAtItsOffsetCutAtTheEnds) {
  ASSERT_TRUE(a.map(pointer(kVa), 0x4000, Prot::kReadWrite, Iova{0xe000}));
  const auto projection = Projection::begin(platform, a, {{0x10000}, {0x1ffff}}, b, {0x500000});
  ASSERT_TRUE(projection);
  const auto before = b.lookup({0x500000});
  ASSERT_TRUE(before);
  EXPECT_EQ(before->range, (IovaRange{{0x500000}, {0x501fff}}));
  EXPECT_EQ(before->offset, 0x2000U);
  ASSERT_TRUE(a.map(pointer(kVa), 0x4000, Prot::kRead, Iova{0x1e000}));
  EXPECT_EQ(b.lookup({0x50e000})->range, (IovaRange{{0x50e000}, {0x50ffff}}));
  ASSERT_TRUE(a.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x30000}));
  EXPECT_EQ(b.map_count(), 2U);
  ASSERT_TRUE(a.unmap({0xe000}, 0x4000));
  EXPECT_FALSE(b.lookup({0x500000}));
  ASSERT_TRUE((*projection)->end());
  EXPECT_EQ(b.map_count(), 0U);
  EXPECT_EQ(a.map_count(), 2U);
}

TEST_F(IoasShare, FollowersFollowFollowersButNotInACircle) {
  Ioas c(platform, {.name = "c"});
  const auto first = Projection::begin(platform, a, {{0}, {0xfffff}}, b, {0x100000});
  const auto second = Projection::begin(platform, b, {{0x100000}, {0x1fffff}}, c, {0});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(Projection::begin(platform, c, kAll, a, {0}).error().number, EINVAL);
  EXPECT_EQ(Projection::begin(platform, a, kAll, a, {0}).error().number, EINVAL);
  EXPECT_EQ(Projection::begin(platform, a, kAll, c, {1}).error().number, EOVERFLOW);
  ASSERT_TRUE(a.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x8000}));
  EXPECT_TRUE(b.lookup({0x108000}));
  EXPECT_TRUE(c.lookup({0x8000}));
  ASSERT_TRUE(a.unmap({0}, kMax));
  EXPECT_EQ(b.map_count() + c.map_count(), 0U);
}

TEST_F(IoasShare, LeadersMapThatTheFollowerCannotTakeIsRefusedInBoth) {
  const auto projection = Projection::begin(platform, a, {{0}, {0xffff}}, b, {0x100000});
  ASSERT_TRUE(projection);
  ASSERT_TRUE(b.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x104000}));
  const auto refused = a.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x4000});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EEXIST);
  EXPECT_EQ(refused.error().ioas, &b);
  EXPECT_EQ(a.map_count(), 0U);
  EXPECT_EQ(a.map(pointer(kVa), 0x5000, Prot::kRead)->value, 0x8000U);
}

TEST_F(IoasShare, CopiesOfAStagingIoasArePinnedOnce) {
  Ioas staging(platform, {.eager_pin = &pins});
  ASSERT_TRUE(staging.map(pointer(kVa), 0x10000, Prot::kReadWrite, Iova{0x80000000}));
  EXPECT_EQ(pins.pinned_bytes(), 0x10000U);
  ASSERT_TRUE(a.attach(nic));
  ASSERT_TRUE(b.attach(disk));
  const auto to_a = Projection::begin(platform, staging, kAll, a, {0});
  const auto to_b = Projection::begin(platform, staging, {{0x80000000}, {0x8fffffff}}, b, {0});
  ASSERT_TRUE(to_a && to_b);
  EXPECT_EQ(pins.pinned_bytes(), 0x10000U);
  EXPECT_EQ(staging.lookup({0x80000000})->pages->references(), 3U);
  ASSERT_TRUE(staging.unmap({0}, kMax));
  EXPECT_EQ(pins.pinned_bytes(), 0U);
}

/// An IOAS with a device, one whose device is to move, a window, maps in both.
class IoasTransaction : public IoasShare {
 protected:
  IoasTransaction() {
    EXPECT_TRUE(a.attach(nic));
    EXPECT_TRUE(b.attach(disk));
    EXPECT_TRUE(a.map(pointer(kVa), 0x3000, Prot::kReadWrite, Iova{0x10000}));
    EXPECT_TRUE(b.map(pointer(kVa), 0x1000, Prot::kReadWrite, Iova{0x20000}));
    events = a.events().size() + b.events().size();
    change.add(MapEdit{&a, pointer(kVa + 0x10000), 0x2000, Iova{0x40000}, Prot::kRead, {}});
    change.add(CopyEdit{&a, {0x10000}, 0x3000, &b, Iova{0x50000}, Prot::kRead});
    change.add(UnmapEdit{&b, {0x20000}, 0x1000});
    change.add(RequireEdit{&a, {{.name = "w", .base = Iova{0x800000}, .size = 0x100000}}});
    change.add(AttachEdit{&a, &disk, {}, {}, true});
    change.add(ReserveEdit{&b, {{0x900000}, {0x9fffff}}, Cause::kUser});
  }
  void expect_untouched() {
    EXPECT_EQ(a.map_count(), 1U);
    EXPECT_EQ(b.map_count(), 1U);
    EXPECT_TRUE(b.lookup({0x20000}));
    EXPECT_TRUE(a.windows().empty());
    EXPECT_EQ(platform.attached_to(disk, {}), &b);
    EXPECT_EQ(disk.domain()->map_count(), 1U);
    EXPECT_EQ(nic.domain()->map_count(), 1U);
    EXPECT_EQ(pins.pinned_bytes(), 0x4000U);
    EXPECT_EQ(a.generation(), 1U);
    EXPECT_EQ(b.generation(), 1U);
    EXPECT_EQ(a.events().size() + b.events().size(), events);
  }
  Change change{platform};
  std::size_t events{};
};

TEST_F(IoasTransaction, HappensAsOne) {
  const auto done = change.apply();
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_EQ(done->size(), 6U);
  EXPECT_TRUE((*done)[4].hitless);
  EXPECT_TRUE(b.lookup({0x52fff}));
  EXPECT_FALSE(b.lookup({0x20000}));
  EXPECT_EQ(platform.attached_to(disk, {}), &a);
  EXPECT_EQ(disk.domain(), nic.domain());
  EXPECT_EQ(disk.domain()->map_count(), 2U);
  EXPECT_EQ(a.generation(), 2U);
}

TEST_F(IoasTransaction, FailureOfAnyStepLeavesEverythingAsItWas) {
  for (std::size_t n = 1; n <= change.size(); ++n) {
    change.fail_at(n);
    const auto refused = change.apply();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().number, ENOMEM);
    EXPECT_EQ(refused.error().edit, n - 1);
    expect_untouched();
  }
  change.fail_at(0);
  EXPECT_TRUE(change.apply());
}

TEST_F(IoasTransaction, FailureOfAnyPinTableOrContextLeavesEverythingAsItWas) {
  std::uint64_t n = 1;
  for (;; ++n) {
    pins.fail_after(n);
    const auto done = change.apply();
    if (done) break;
    EXPECT_EQ(done.error().number, ENOMEM);
    expect_untouched();
  }
  EXPECT_EQ(n, 4U);  // a pin, a table, a context
  EXPECT_EQ(disk.domain()->map_count(), 2U);
}

TEST_F(IoasTransaction, DeviceMovesOnceInAChange) {
  change.add(DetachEdit{&disk, {}});
  const auto refused = change.apply();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EINVAL);
  EXPECT_EQ(refused.error().edit, 6U);
  expect_untouched();
}

}  // namespace
}  // namespace aperture::ioas
