// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "card/wait.hpp"
#include "unit/fake_card.hpp"

namespace aperture::card {
namespace {

using std::chrono::milliseconds;
using test::FakeCard;

TEST(CardWait, ReturnsWithoutTouchingTheCardWhenTheEventIsThere) {
  FakeCard card;
  const auto before = card.cycle;
  EXPECT_TRUE(wait(card, {.who = "test", .what = "nothing"}, [] { return true; }));
  EXPECT_EQ(card.cycle, before);
}

TEST(CardWait, AnEventThatComesInTimeEndsTheWait) {
  FakeCard card;
  card.stuck = true;
  EXPECT_TRUE(wait(card, {.who = "test", .what = "cycle 5000"}, [&] { return card.cycle > 5000; }));
}

TEST(CardWait, AnIdleCardEndsTheWaitAtOnce) {
  FakeCard card;
  auto done = wait(card, {.who = "test", .what = "a miracle", .cycles = 1'000'000}, [] { return false; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kCardIdle);
  EXPECT_LT(card.cycle, 2000U);
}

TEST(CardWait, TheEventIsLookedAtOnceMoreWhenTheCardIsIdle) {
  FakeCard card;
  int looks = 0;
  EXPECT_TRUE(wait(card, {.who = "test", .what = "the second look"}, [&] { return ++looks == 2; }));
}

TEST(CardWait, ABusyCardTimesOutByItsOwnCycles) {
  FakeCard card;
  card.stuck = true;
  const auto before = card.cycle;
  auto done = wait(card, {.who = "test", .what = "a miracle", .cycles = 20'000}, [] { return false; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kTimedOut);
  EXPECT_GE(card.cycle - before, 20'000U);
  EXPECT_LT(card.cycle - before, 21'000U);
}

TEST(CardWait, TheErrorSaysWhoWaitedForWhatSinceWhen) {
  FakeCard card;
  card.cycle = 4242;
  const std::string what = wait(card, {.who = "fault queue", .what = "a record"}, [] { return false; }).error().what;
  EXPECT_NE(what.find("fault queue waited for a record since cycle 4243"), std::string::npos) << what;
}

TEST(CardWait, AClockThatStandsStillIsADeadCard) {
  FakeCard card;
  card.frozen = true;
  auto done = wait(card, {.who = "t", .what = "x", .wall_limit = milliseconds(20)}, [] { return false; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kCardDead);
}

TEST(CardWait, AllOnesAreADeadCardLongBeforeTheLimitOfTheWait) {
  FakeCard card;
  card.gone = true;
  constexpr milliseconds kLimit(60'000);
  const auto begin = std::chrono::steady_clock::now();
  auto done = wait(card, {.who = "t", .what = "x", .wall_limit = kLimit}, [] { return false; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kCardDead);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kLimit / 2);
}

TEST(CardWait, ACardThatComesBackInTimeIsNotDead) {
  FakeCard card;
  card.gone = true;
  int looks = 0;
  auto done = wait(card, {.who = "t", .what = "x", .wall_limit = milliseconds(10'000)}, [&] {
    if (++looks == 5) {
      card.gone = false;
      card.stuck = true;
    }
    return looks == 20;
  });
  EXPECT_TRUE(done) << done.error().what;
}

TEST(CardReset, ResetsOnceAndComesBack) {
  FakeCard card;
  EXPECT_TRUE(reset(card));
  EXPECT_EQ(card.resets, 1U);
}

}  // namespace
}  // namespace aperture::card
