// SPDX-License-Identifier: Apache-2.0
// A guest's table in front of an IOAS: which domain it gets, and what the books say.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "ioas/change.hpp"
#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"

namespace aperture::ioas {
namespace {

const Format kFirst{"first", 1, 3, {{{0}, {0xff'ffff}}, {{~std::uint64_t{0xff'ffff}}, {~std::uint64_t{0}}}}, 4096};
const Format kSmall{"small", 2, 3, {{{0}, {0x3ff'ffff}}}, 4096};
const Format kLarge{"large", 2, 4, {{{0}, {0xffff'ffff}}}, 4096};

/// A device of memory that takes guests' tables, and says which it has.
class NestDevice final : public MemoryDevice {
 public:
  using MemoryDevice::MemoryDevice;
  Result<std::unique_ptr<PreparedAttach>> prepare_attach(std::shared_ptr<Domain> domain, ProcessId process) override {
    asked.push_back("");
    return MemoryDevice::prepare_attach(std::move(domain), process);
  }
  Result<std::unique_ptr<PreparedAttach>> prepare_nest(std::shared_ptr<Domain> domain,
                                                       const GuestTable& table) override {
    if (table.format == "odd") return fail(Code::kUnsupported, EOPNOTSUPP, "no such format");
    asked.push_back(table.format);
    return MemoryDevice::prepare_attach(std::move(domain), {});
  }
  std::vector<std::string> asked;
};

class NestTest : public testing::Test {
 protected:
  MemoryPins pins;
  Platform platform;
  NestDevice device{
      "nic", 1, pins, {.formats = {kFirst, kSmall, kLarge}, .reservations = {{{{0x1000}, {0x1fff}}, Cause::kMsi}}}};
  std::unique_ptr<std::byte, void (*)(void*)> memory{static_cast<std::byte*>(std::aligned_alloc(4096, 4096)),
                                                     &std::free};
};

TEST_F(NestTest, GetsTheLargestSecondStageAndTheDevicesReservations) {
  Ioas ioas(platform);
  const auto done = ioas.nest(device, {.format = "a", .root = {}});
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_EQ(done->format, "large");
  EXPECT_EQ(ioas.ranges().ranges, (std::vector<IovaRange>{{{0}, {0xfff}}, {{0x2000}, {0xffff'ffff}}}));
  EXPECT_EQ(device.asked, std::vector<std::string>{"a"});
}

TEST_F(NestTest, WithWindowsGetsTheSmallestSecondStageThatHoldsThem) {
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.require({{.name = "ram", .base = Iova{0x10'0000}, .size = 0x10'0000}}));
  EXPECT_EQ(ioas.nest(device, {.format = "a", .root = {}})->format, "small");
}

TEST_F(NestTest, AnotherTableIsAReplaceThatChangesNoRanges) {
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.nest(device, {.format = "a", .root = {}}));
  const auto before = ioas.ranges();
  ASSERT_TRUE(ioas.nest(device, {.format = "b", .root = {}}));
  EXPECT_EQ(ioas.ranges().ranges, before.ranges);
  EXPECT_EQ(ioas.attached().size(), 1U);
  EXPECT_EQ(ioas.reservations().size(), 2U);
  EXPECT_EQ(device.asked, (std::vector<std::string>{"a", "b"}));
  ASSERT_TRUE(Ioas::detach(platform, device));
  EXPECT_TRUE(ioas.attached().empty());
  EXPECT_EQ(ioas.ranges().ranges.size(), 1U);
}

TEST_F(NestTest, AnAttachTakesTheGuestsTableAway) {
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.nest(device, {.format = "a", .root = {}}));
  ASSERT_TRUE(ioas.attach(device));
  ASSERT_TRUE(ioas.attach(device));  // nothing to do
  EXPECT_EQ(device.asked, (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(ioas.attached().size(), 1U);
}

TEST_F(NestTest, AFirstStageGivesWayToASecond) {
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(device));
  ASSERT_TRUE(ioas.map(memory.get(), 4096, Prot::kReadWrite, Iova{0x8000}));
  ASSERT_TRUE(ioas.nest(device, {.format = "a", .root = {}}));
  EXPECT_EQ(device.domain()->format().name, "large");
  EXPECT_EQ(device.domain()->map_count(), 1U);
  EXPECT_EQ(ioas.ranges().ranges.back().last, Iova{0xffff'ffff});
}

TEST_F(NestTest, AMapThatNoSecondStageHoldsRefusesIt) {
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(device));
  ASSERT_TRUE(ioas.map(memory.get(), 4096, Prot::kReadWrite, Iova{~std::uint64_t{0xfff}}));
  const auto done = ioas.nest(device, {.format = "a", .root = {}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().number, EADDRINUSE);
  EXPECT_EQ(device.domain()->format().name, "first");
}

TEST_F(NestTest, ARefusedTableLeavesTheOneBefore) {
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.nest(device, {.format = "a", .root = {}}));
  const auto generation = ioas.generation();
  EXPECT_EQ(ioas.nest(device, {.format = "odd", .root = {}}).error().number, EOPNOTSUPP);
  EXPECT_EQ(ioas.generation(), generation);
  EXPECT_EQ(ioas.attached().size(), 1U);
}

TEST_F(NestTest, NeedsASecondStageAndADeviceThatCanNest) {
  Ioas ioas(platform);
  MemoryDevice plain("plain", 2, pins);
  EXPECT_EQ(ioas.nest(plain, {.format = "a", .root = {}}).error().number, EOPNOTSUPP);
  MemoryDevice second("second", 3, pins, {.formats = {kLarge}});
  EXPECT_EQ(ioas.nest(second, {.format = "a", .root = {}}).error().number, EOPNOTSUPP);
  EXPECT_EQ(second.guest_invalidate({}).error().number, EOPNOTSUPP);
  Change change(platform);
  change.add(AttachEdit{&ioas, &device, 5, {}, false, GuestTable{.format = "a", .root = {}}});
  EXPECT_EQ(change.apply().error().number, EINVAL);
}

}  // namespace
}  // namespace aperture::ioas
