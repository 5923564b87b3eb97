// SPDX-License-Identifier: Apache-2.0
// What an IOAS tells its user: events, which devices are in the way, what was written; and what a freeze keeps.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>

#include "ioas/host_memory.hpp"
#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"
#include "ioas/smallest_set.hpp"

namespace aperture::ioas {
namespace {

std::byte* pointer(std::uint64_t address) { return reinterpret_cast<std::byte*>(address); }
constexpr std::uint64_t kVa = 0x4000'0000;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

class IoasTell : public testing::Test {
 protected:
  using Kind = Event::Kind;
  static std::vector<Kind> kinds(const std::vector<Event>& events) {
    std::vector<Kind> out;
    for (const Event& event : events) out.push_back(event.kind);
    return out;
  }
  MemoryPins pins;
  MemoryDevice nic{"nic", 1, pins, {{}, {{{{0xfee00000}, {0xfeefffff}}, Cause::kMsi}}, 64}};
  MemoryDevice narrow{"narrow", 2, pins, {{}, {}, 32}};
  MemoryDevice low{"low", 4, pins, {{}, {{{{0}, {3 * kGiB}}, Cause::kReserved}}, 64}};
  MemoryDevice high{"high", 5, pins, {{}, {{{{3 * kGiB}, {kMax}}, Cause::kReserved}}, 64}};
  MemoryDevice high_too{"high too", 6, pins, {{}, {{{{4 * kGiB}, {kMax}}, Cause::kReserved}}, 64}};
  Platform platform;
  Ioas ioas{platform};
};

TEST_F(IoasTell, EventsSayWhatAnAttachTookAndADetachGaveBack) {
  ASSERT_TRUE(ioas.attach(nic));
  const auto attached = ioas.events();
  EXPECT_EQ(kinds(attached), (std::vector{Kind::kAttached, Kind::kReserved, Kind::kAlignment}));
  EXPECT_EQ(attached[1], (Event{1, Kind::kReserved, {{0xfee00000}, {0xfeefffff}}, Cause::kMsi, "nic", {}}));
  EXPECT_EQ(attached[2].range.first.value, 0x1000U);
  ASSERT_TRUE(Ioas::detach(platform, nic));
  const auto detached = ioas.events(1);
  EXPECT_EQ(kinds(detached), (std::vector{Kind::kUnreserved, Kind::kAlignment, Kind::kDetached}));
  EXPECT_EQ(detached[2].device, "nic");
  EXPECT_EQ(detached[2].generation, ioas.generation());
}

TEST_F(IoasTell, EventsFollowWindows) {
  ASSERT_TRUE(ioas.require({{.name = "w", .size = kGiB, .align = kGiB}}));
  ASSERT_TRUE(ioas.reserve({{kGiB}, {kGiB}}));
  ASSERT_TRUE(ioas.release("w"));
  const auto events = ioas.events();
  EXPECT_EQ(kinds(events), (std::vector{Kind::kWindow, Kind::kReserved, Kind::kWindow, Kind::kReleased}));
  EXPECT_EQ(events[0].range.first.value, kGiB);
  EXPECT_EQ(events[2].range.first.value, 2 * kGiB);
  EXPECT_EQ(events[3].name, "w");
}

TEST_F(IoasTell, RefusedCallIsNoEvent) {
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0xfee00000}));
  EXPECT_FALSE(ioas.attach(nic));
  EXPECT_TRUE(ioas.events().empty());
  EXPECT_FALSE(ioas.probe_attach(nic));
  EXPECT_TRUE(ioas.events().empty());
}

TEST_F(IoasTell, OldestEventsGiveWayAndThatIsSaid) {
  EXPECT_EQ(ioas.events_forgotten(), 0U);
  for (std::size_t i = 0; i <= Journal::kSize; ++i) ASSERT_TRUE(ioas.reserve({{i}, {i}}));
  EXPECT_EQ(ioas.events().size(), Journal::kSize);
  EXPECT_EQ(ioas.events_forgotten(), 1U);
  EXPECT_EQ(ioas.events().front().generation, 2U);
}

TEST_F(IoasTell, HandlerIsCalledWithoutLocksAndMayChangeTheIoas) {
  std::vector<std::uint64_t> heard;
  ioas.watch([&](const Event& event) {
    heard.push_back(event.generation);
    if (event.kind != Kind::kAttached) return;
    EXPECT_TRUE(ioas.reserve({{0x5000}, {0x5fff}}));
  });
  ASSERT_TRUE(ioas.attach(nic));
  EXPECT_EQ(heard, (std::vector<std::uint64_t>{1, 1, 1, 2}));
  ioas.watch(nullptr);
  ASSERT_TRUE(Ioas::detach(platform, nic));
  EXPECT_EQ(heard.size(), 4U);
}

TEST_F(IoasTell, FrozenIoasRefusesWhatNarrowsItAndNothingElse) {
  ASSERT_TRUE(ioas.attach(nic));
  ASSERT_TRUE(ioas.freeze());
  const auto refused = ioas.attach(narrow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  const WindowReport& report = refused.error().report->windows.at(0);
  EXPECT_EQ(report.blockers.at(0).cause, Cause::kUser);
  EXPECT_EQ(report.blockers.at(0).device, "narrow");
  EXPECT_EQ(report.blockers.at(0).range, (IovaRange{{0x100000000}, {kMax}}));
  EXPECT_EQ(ioas.reserve({{0}, {0xfff}}).error().number, EADDRINUSE);
  EXPECT_TRUE(ioas.reserve({{0xfee00000}, {0xfee00fff}}));  // not there before either
  EXPECT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead));
  MemoryDevice same("same", 3, pins, {{}, {{{{0xfee00000}, {0xfeefffff}}, Cause::kMsi}}, 64});
  EXPECT_TRUE(ioas.attach(same));
  EXPECT_TRUE(Ioas::detach(platform, same));
  EXPECT_TRUE(Ioas::detach(platform, nic));
}

TEST_F(IoasTell, FrozenIoasRefusesAHigherAlignment) {
  ASSERT_TRUE(ioas.freeze());
  EXPECT_EQ(ioas.set_huge_pages(false).error().number, EADDRINUSE);
  EXPECT_EQ(ioas.attach(nic).error().number, EADDRINUSE);
  EXPECT_EQ(ioas.ranges().alignment, 1U);
}

TEST_F(IoasTell, DetachSetIsTheFewestDevicesNotAllThatBlock) {
  for (Device* device : {&low, &high, &high_too}) ASSERT_TRUE(ioas.attach(*device));
  const auto refused = ioas.require({{.name = "w", .size = 2 * kGiB}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, ENOSPC);
  EXPECT_EQ(refused.error().report->detach_set, std::vector<std::string>{"low"});
  EXPECT_EQ(refused.error().report->windows.at(0).alternatives.back().devices, std::vector<std::string>{"low"});
  ASSERT_TRUE(Ioas::detach(platform, low));
  EXPECT_TRUE(ioas.require({{.name = "w", .size = 2 * kGiB}}));
}

TEST_F(IoasTell, NegotiationNamesTheCandidatesToLeaveOut) {
  Device* const all[] = {&nic, &narrow};
  const auto refused = ioas.negotiate({{.name = "high", .base = Iova{8 * kGiB}, .size = kGiB}}, all);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().report->detach_set, std::vector<std::string>{"narrow"});
  EXPECT_EQ(refused.error().edit, 2U);
}

TEST_F(IoasTell, EveryBlockedWindowIsInTheReport) {
  ASSERT_TRUE(ioas.attach(narrow));
  const auto refused = ioas.require({{.name = "fits", .base = Iova{kGiB}, .size = kGiB},
                                     {.name = "one", .base = Iova{8 * kGiB}, .size = kGiB},
                                     {.name = "two", .base = Iova{16 * kGiB}, .size = kGiB}});
  ASSERT_FALSE(refused);
  const auto& windows = refused.error().report->windows;
  ASSERT_EQ(windows.size(), 3U);
  EXPECT_EQ(windows[0].verdict, Verdict::kFits);
  EXPECT_EQ(windows[1].verdict, Verdict::kBlocked);
  EXPECT_EQ(windows[2].verdict, Verdict::kBlocked);
}

/// Any monotone question: it is accepted once one of some sets has gone.
RC_GTEST_PROP(SmallestSet, EqualsBruteForce, ()) {
  const auto count = *rc::gen::inRange<unsigned>(0, 9);
  const auto enough = *rc::gen::container<std::vector<unsigned>>(rc::gen::inRange<unsigned>(0, 1U << count));
  const auto accepted = [&](unsigned gone) {
    return std::ranges::any_of(enough, [gone](unsigned set) { return (gone & set) == set; });
  };
  unsigned best = count + 1;
  for (unsigned set = 0; set < 1U << count; ++set) {
    if (accepted(set)) best = std::min(best, static_cast<unsigned>(std::popcount(set)));
  }
  const auto found = smallest_set(count, [&](const std::vector<bool>& gone) {
    unsigned bits = 0;
    for (unsigned i = 0; i < count; ++i) bits |= gone[i] ? 1U << i : 0;
    return accepted(bits);
  });
  const auto size = static_cast<unsigned>(std::ranges::count(found, true));
  RC_ASSERT(size == (best > count ? 0 : best));
}

TEST(SmallestSet, OfManyHasNoneThatCouldStay) {
  const auto found = smallest_set(40, [](const std::vector<bool>& gone) { return gone[3] && gone[17] && gone[39]; });
  EXPECT_EQ(std::ranges::count(found, true), 3);
  EXPECT_TRUE(found[3] && found[17] && found[39]);
}

TEST(SmallestSet, OfManyWaysTriesNoMoreThanItMay) {
  unsigned tries = 0;
  const auto found = smallest_set(
      16,
      [&tries](const std::vector<bool>& gone) {
        ++tries;
        return std::ranges::count(gone, true) >= 8;
      },
      100);
  EXPECT_EQ(std::ranges::count(found, true), 8);
  EXPECT_LE(tries, 100U);
}

TEST_F(IoasTell, DirtyPagesAreThoseThatDevicesWrote) {
  test::Memory memory(0x10000);
  ASSERT_TRUE(ioas.map(memory.data(), 0x10000, Prot::kReadWrite, Iova{0x100000}));
  ASSERT_TRUE(ioas.attach(nic));
  ASSERT_TRUE(ioas.set_dirty_tracking(true));
  MemoryFault fault;
  const std::array<std::byte, 4> word{};
  std::array<std::byte, 4> got{};
  ASSERT_TRUE(nic.dma_write({0x102ffe}, word, fault));
  ASSERT_TRUE(nic.dma_write({0x108000}, word, fault));
  ASSERT_TRUE(nic.dma_read({0x10a000}, got, fault));
  const std::vector<IovaRange> expected{{{0x102000}, {0x103fff}}, {{0x108000}, {0x108fff}}};
  EXPECT_EQ(ioas.dirty({0x100000}, 0x10000, 0x1000, false), expected);
  EXPECT_EQ(ioas.dirty({0x100000}, 0x8000, 0x1000), std::vector{expected[0]});
  EXPECT_EQ(ioas.dirty({0x100000}, 0x10000, 0x4000), (std::vector<IovaRange>{{{0x108000}, {0x10bfff}}}));
  EXPECT_EQ(ioas.dirty({0x100000}, 0x10000, 0x1000), std::vector<IovaRange>{});
  ASSERT_TRUE(nic.dma_write({0x100000}, word, fault));
  ASSERT_TRUE(ioas.set_dirty_tracking(true));
  EXPECT_EQ(ioas.dirty({0x100000}, 0x10000, 0x1000), std::vector<IovaRange>{});
}

TEST_F(IoasTell, DirtyRefusals) {
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x2000, Prot::kReadWrite, Iova{0x100000}));
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kReadWrite, Iova{0x103000}));
  ASSERT_TRUE(ioas.attach(nic));
  const auto refusal = [&](Iova iova, std::uint64_t length, std::uint64_t page_size) {
    const auto done = ioas.dirty(iova, length, page_size);
    return done ? 0 : done.error().number;
  };
  EXPECT_EQ(refusal({0x100000}, 0x1000, 0x1000), EINVAL);  // off
  ASSERT_TRUE(ioas.set_dirty_tracking(true));
  EXPECT_EQ(refusal({0x100000}, 0x1000, 0x1000), 0);
  EXPECT_EQ(refusal({0x100000}, 0, 0x1000), EINVAL);
  EXPECT_EQ(refusal({0x100000}, 0x1000, 0), EINVAL);
  EXPECT_EQ(refusal({0x100000}, 0x1000, 0x2000), EINVAL);
  EXPECT_EQ(refusal({0x100800}, 0x1000, 0x800), EINVAL);
  EXPECT_EQ(refusal({0x100000}, 0x4000, 0x1000), ENOENT);  // a hole
  EXPECT_EQ(refusal({kMax - 0xfff}, 0x2000, 0x1000), EOVERFLOW);
}

}  // namespace
}  // namespace aperture::ioas
