// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"

namespace aperture::ioas {
namespace {

std::byte* pointer(std::uint64_t address) { return reinterpret_cast<std::byte*>(address); }
constexpr std::uint64_t kVa = 0x4000'0000;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
const Format kSv39{"Sv39", 1, 3, {{{0}, {0x3fffffffff}}, {{0xffffffc000000000}, {kMax}}}, 0x40201000};
const Format kSv39x4{"Sv39x4", 2, 3, {{{0}, {0x1ffffffffff}}}, 0x40201000};
const Format kSv48{"Sv48", 1, 4, {{{0}, {0x7fffffffffff}}, {{0xffff800000000000}, {kMax}}}, 0x8040201000};

class IoasWindow : public testing::Test {
 protected:
  int require_errno(Window window) {
    const auto done = ioas.require({std::move(window)});
    return done ? 0 : done.error().number;
  }
  MemoryPins pins;
  MemoryDevice card{"nic1", 1, pins, {{kSv39, kSv39x4, kSv48}, {}, 64}};
  MemoryDevice narrow{"nic32", 2, pins, {{}, {}, 32}};
  MemoryDevice picky{"picky", 3, pins, {{}, {{{{0}, {3 * kGiB - 1}}, Cause::kReserved}}, 64}};
  MemoryDevice loner{"loner", 4, pins, {{kSv39, kSv39x4, kSv48}, {}, 64}};
  Platform platform;
  Ioas ioas{platform};
};

TEST_F(IoasWindow, MalformedOnesAreInvalid) {
  EXPECT_EQ(require_errno({.name = "", .size = kGiB}), EINVAL);
  EXPECT_EQ(require_errno({.name = "w", .size = 0}), EINVAL);
  EXPECT_EQ(require_errno({.name = "w", .size = kGiB, .align = 3}), EINVAL);
  EXPECT_EQ(require_errno({.name = "w", .size = 0x1800, .granule = 0x1000}), EINVAL);
  EXPECT_EQ(require_errno({.name = "w", .base = Iova{0x800}, .size = 0x1000, .granule = 0x1000}), EINVAL);
  EXPECT_EQ(require_errno({.name = "w", .base = Iova{kMax}, .size = 2}), EINVAL);
  EXPECT_TRUE(ioas.windows().empty());
}

TEST_F(IoasWindow, ListIsAllOrNone) {
  const auto done = ioas.require({{.name = "a", .size = kGiB}, {.name = "a", .size = kGiB}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().number, EEXIST);
  ASSERT_TRUE(ioas.require({{.name = "a", .base = Iova{0}, .size = kGiB}}));
  EXPECT_EQ(
      ioas.require({{.name = "b", .size = kGiB}, {.name = "c", .base = Iova{0x1000}, .size = kGiB}}).error().number,
      EADDRINUSE);
  EXPECT_EQ(ioas.windows().size(), 1U);
}

TEST_F(IoasWindow, UnknownNamesAreNotFound) {
  EXPECT_EQ(ioas.resize("w", kGiB).error().number, ENOENT);
  EXPECT_EQ(ioas.bind("w").error().number, ENOENT);
  EXPECT_EQ(ioas.release("w").error().number, ENOENT);
}

TEST_F(IoasWindow, WithoutBaseIsProvisionalUntilTheFirstAttach) {
  const auto placed = ioas.require({{.name = "w", .size = kGiB, .align = kGiB}});
  ASSERT_TRUE(placed);
  EXPECT_TRUE(placed->front().provisional);
  EXPECT_EQ(placed->front().range, (IovaRange{{kGiB}, {2 * kGiB - 1}}));
  ASSERT_TRUE(ioas.attach(card));
  EXPECT_FALSE(ioas.windows().front().provisional);
  EXPECT_EQ(ioas.windows().front().range.first, Iova{kGiB});
}

TEST_F(IoasWindow, ProvisionalOneMovesOutOfAReservationsWayABoundOneDoesNot) {
  ASSERT_TRUE(ioas.require({{.name = "w", .size = kGiB, .align = kGiB}}));
  ASSERT_TRUE(ioas.reserve({{kGiB}, {kGiB}}));
  EXPECT_EQ(ioas.windows().front().range.first, Iova{2 * kGiB});
  ASSERT_TRUE(ioas.bind("w"));
  EXPECT_EQ(ioas.reserve({{2 * kGiB}, {2 * kGiB}}).error().number, EADDRINUSE);
}

TEST_F(IoasWindow, FirstMapIntoItBindsIt) {
  ASSERT_TRUE(ioas.require({{.name = "w", .size = kGiB, .align = kGiB}}));
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{kGiB}));
  EXPECT_FALSE(ioas.windows().front().provisional);
}

TEST_F(IoasWindow, BaseSuitsEveryKnownDevice) {
  platform.add_known(picky);
  const auto placed = ioas.require({{.name = "w", .size = kGiB / 2}});
  ASSERT_TRUE(placed);
  EXPECT_EQ(placed->front().range.first, Iova{3 * kGiB});
  EXPECT_TRUE(ioas.attach(card));
  EXPECT_TRUE(ioas.attach(picky));
}

TEST_F(IoasWindow, PlacesAreKept) {
  const auto placed = ioas.require(
      {{.name = "low", .size = kGiB, .place = Place::kLow32}, {.name = "high", .size = kGiB, .place = Place::kHigh}});
  ASSERT_TRUE(placed);
  EXPECT_LE((*placed)[0].range.last.value, 0xffffffffU);
  EXPECT_GT((*placed)[1].range.first.value, 0xffffffffU);
  const auto full = ioas.require({{.name = "big", .size = 4 * kGiB, .place = Place::kLow32}});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().number, ENOSPC);
}

TEST_F(IoasWindow, AutomaticMapsKeepOffUserWindowsAndTheirGuards) {
  ASSERT_TRUE(ioas.require({{.name = "w", .base = Iova{0x10000}, .size = 0x10000, .guard = 0x8000}}));
  EXPECT_EQ(ioas.map(pointer(kVa), 0x7000, Prot::kRead)->value, 0x28000U);
  EXPECT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x10000}));
}

TEST_F(IoasWindow, AutomaticMapsComeFromPoolsOnlyWhereThereAreAny) {
  ASSERT_TRUE(ioas.require({{.name = "pool", .base = Iova{kGiB}, .size = 0x2000, .owner = Owner::kPool}}));
  EXPECT_EQ(ioas.map(pointer(kVa), 0x1000, Prot::kRead)->value, kGiB);
  EXPECT_EQ(ioas.map(pointer(kVa), 0x1000, Prot::kRead)->value, kGiB + 0x1000);
  EXPECT_EQ(ioas.map(pointer(kVa), 0x1000, Prot::kRead).error().number, ENOSPC);
  EXPECT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x5000}));
}

TEST_F(IoasWindow, FixedMapInsideKeepsToTheGranule) {
  ASSERT_TRUE(ioas.require({{.name = "w", .base = Iova{0x100000}, .size = 0x100000, .granule = 0x10000}}));
  EXPECT_EQ(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x100000}).error().number, EINVAL);
  EXPECT_TRUE(ioas.map(pointer(kVa), 0x10000, Prot::kRead, Iova{0x100000}));
  EXPECT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x200000}));
}

TEST_F(IoasWindow, AttachThatRaisesTheAlignmentOverItsGranuleIsRefused) {
  ASSERT_TRUE(ioas.require({{.name = "w", .base = Iova{0x100000}, .size = 0x100000, .granule = 0x400}}));
  const auto refused = ioas.attach(card);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  EXPECT_EQ(refused.error().report->windows.at(0).blockers.at(0).cause, Cause::kGranule);
}

TEST_F(IoasWindow, ResizeKeepsTheBase) {
  ASSERT_TRUE(ioas.require(
      {{.name = "w", .base = Iova{kGiB}, .size = kGiB}, {.name = "next", .base = Iova{3 * kGiB}, .size = kGiB}}));
  EXPECT_EQ(ioas.resize("w", 2 * kGiB)->range, (IovaRange{{kGiB}, {3 * kGiB - 1}}));
  EXPECT_EQ(ioas.resize("w", 3 * kGiB).error().number, EADDRINUSE);
  EXPECT_EQ(ioas.windows().size(), 2U);
}

TEST_F(IoasWindow, ReleaseDropsItsMapsOnDemand) {
  ASSERT_TRUE(ioas.require({{.name = "w", .base = Iova{kGiB}, .size = kGiB}}));
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x2000, Prot::kRead, Iova{kGiB}));
  EXPECT_EQ(ioas.release("w", true), 0x2000U);
  EXPECT_EQ(ioas.map_count(), 0U);
  EXPECT_TRUE(ioas.windows().empty());
}

TEST_F(IoasWindow, ReleaseThatWouldCutAMapChangesNothing) {
  ASSERT_TRUE(ioas.require({{.name = "w", .base = Iova{kGiB}, .size = kGiB}}));
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x2000, Prot::kRead, Iova{kGiB - 0x1000}));
  EXPECT_EQ(ioas.release("w", true).error().number, ENOENT);
  EXPECT_EQ(ioas.windows().size(), 1U);
  EXPECT_TRUE(ioas.release("w"));
  EXPECT_EQ(ioas.map_count(), 1U);
}

TEST_F(IoasWindow, FormatIsTheLargestWithoutWindowsAndTheSmallestThatHoldsThem) {
  EXPECT_EQ(ioas.attach(card)->format, "Sv48");
  const auto format_for = [&](Iova base) {
    Ioas other(platform);
    EXPECT_TRUE(other.require({{.name = "w", .base = base, .size = kGiB}}));
    return other.attach(card)->format;
  };
  EXPECT_EQ(format_for({kGiB}), "Sv39");
  EXPECT_EQ(format_for({0x4000000000}), "Sv39x4");
  EXPECT_EQ(format_for({0x400000000000}), "Sv48");
}

TEST_F(IoasWindow, OneOutsideTheFormatInUseNamesTheApertureAndAlternatives) {
  ASSERT_TRUE(ioas.require({{.name = "low", .base = Iova{kGiB}, .size = kGiB}}));
  ASSERT_TRUE(ioas.attach(card));
  const auto refused = ioas.require({{.name = "guest-ram-high", .base = Iova{0x4000000000}, .size = 16 * kGiB}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  const WindowReport& window = refused.error().report->windows.at(1);
  EXPECT_EQ(window.blockers.at(0).cause, Cause::kSignGap);
  EXPECT_EQ(window.blockers.at(0).device, "nic1");
  EXPECT_EQ(window.blockers.at(0).since, 2U);
  using Kind = Alternative::Kind;
  EXPECT_EQ(window.alternatives.at(0).kind, Kind::kBase);
  EXPECT_EQ(window.alternatives.at(0).range, (IovaRange{{0x3c00000000}, {0x3fffffffff}}));
  const auto has = [&](Kind kind, const std::string& format) {
    return std::ranges::any_of(window.alternatives,
                               [&](const auto& a) { return a.kind == kind && a.format == format; });
  };
  EXPECT_TRUE(has(Kind::kMode, "Sv48"));
  EXPECT_TRUE(has(Kind::kStage, "Sv39x4"));
  EXPECT_EQ(window.alternatives.back().kind, Kind::kDetach);
  EXPECT_EQ(refused.error().report->detach_set, std::vector<std::string>{"nic1"});
}

TEST_F(IoasWindow, NoSmallerWindowIsOfferedWhereAllOfItHasRoom) {
  ASSERT_TRUE(ioas.require({{.name = "high", .base = Iova{4 * kGiB}, .size = kGiB}}));
  const auto refused = ioas.attach(narrow);
  ASSERT_FALSE(refused);
  const WindowReport& window = refused.error().report->windows.at(0);
  EXPECT_EQ(window.alternatives.at(0).kind, Alternative::Kind::kBase);
  EXPECT_EQ(window.alternatives.at(0).range, (IovaRange{{3 * kGiB}, {4 * kGiB - 1}}));
  for (const Alternative& alternative : window.alternatives) EXPECT_NE(alternative.kind, Alternative::Kind::kSize);
}

TEST_F(IoasWindow, NegotiateSaysWhatTheRealCallsWouldAndChangesNothing) {
  Device* const both[] = {&card, &narrow};
  const std::vector<Window> high{{.name = "high", .base = Iova{4 * kGiB}, .size = kGiB}};
  EXPECT_TRUE(ioas.negotiate(high, std::span(both, 1)));
  const auto refused = ioas.negotiate(high, both);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  EXPECT_EQ(refused.error().report->windows.at(0).blockers.at(0).device, "nic32");
  EXPECT_TRUE(ioas.windows().empty());
  EXPECT_TRUE(ioas.attached().empty());
  EXPECT_EQ(ioas.ranges().ranges, std::vector{kAll});
  EXPECT_EQ(ioas.generation(), 0U);
}

TEST_F(IoasWindow, DomainThatADeviceRefusesIsSkipped) {
  loner.refuse_shared_domains();
  ASSERT_TRUE(ioas.attach(card));
  ASSERT_TRUE(ioas.attach(loner));
  EXPECT_NE(loner.domain(), card.domain());
  ASSERT_TRUE(ioas.map(pointer(kVa), 0x1000, Prot::kRead));
  EXPECT_EQ(loner.domain()->map_count(), 1U);
  EXPECT_EQ(card.domain()->map_count(), 1U);
}

TEST_F(IoasWindow, RefusalReadsAsAFewShortLinesThenAlternatives) {
  ASSERT_TRUE(ioas.require({{.name = "guest-ram-high", .base = Iova{4 * kGiB}, .size = 16 * kGiB}}));
  const auto refused = ioas.attach(narrow);
  ASSERT_FALSE(refused);
  const std::string text = to_text(*refused.error().report);
  for (const char* word :
       {"attach nic32 refused", "guest-ram-high", "[0x100000000-0x4ffffffff]", "16 GiB", "dma_mask"}) {
    EXPECT_NE(text.find(word), std::string::npos) << word << " in\n" << text;
  }
  std::istringstream lines(text);
  std::size_t before_alternatives = 0;
  bool alternatives = false;
  for (std::string line; std::getline(lines, line);) {
    alternatives = alternatives || line.starts_with("  instead");
    before_alternatives += alternatives ? 0 : 1;
    EXPECT_LE(line.size(), 100U);
  }
  EXPECT_LE(before_alternatives, 6U);
  EXPECT_TRUE(alternatives);
}

TEST_F(IoasWindow, JsonHasTheDocumentedKeys) {
  ASSERT_TRUE(ioas.require({{.name = "w", .base = Iova{4 * kGiB}, .size = kGiB}}));
  const auto refused = ioas.attach(narrow);
  ASSERT_FALSE(refused);
  const auto json = to_json(*refused.error().report);
  for (const char* key : {"ok", "generation", "ranges_before", "ranges_after", "alignment_before", "alignment_after",
                          "windows", "maps_blocked", "detach_set"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["windows"][0]["verdict"], "blocked");
  EXPECT_EQ(json["windows"][0]["blockers"][0]["cause"], "dma_mask");
  EXPECT_EQ(json["windows"][0]["blockers"][0]["device"], "nic32");
  EXPECT_EQ(json["windows"][0]["alternatives"][0]["kind"], "base");
}

}  // namespace
}  // namespace aperture::ioas
