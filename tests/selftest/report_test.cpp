// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "selftest/report.hpp"

namespace aperture::test {
namespace {

using namespace sw::selftest;

Done finished(const char* name) {
  for (const Step& step : steps())
    if (std::string_view(name) == step.name) return {&step, Verdict(step.check), 0.5, 1000};
  throw std::out_of_range(name);
}

TEST(Tap, AStepThatPassedHasItsFactsInABlock) {
  Done done = finished("clock");
  done.verdict.fact("measured_hz", std::uint64_t{100});
  const std::string text = tap_line(2, done);
  EXPECT_EQ(text.find("ok 2 - clock\n  ---\n"), 0U) << text;
  EXPECT_NE(text.find("  facts: {\"measured_hz\":100}\n"), std::string::npos) << text;
  EXPECT_EQ(text.rfind("  ...\n"), text.size() - 6) << text;
}

TEST(Tap, AFailureSaysWhatWasExpectedWhatWasFoundAndWhatToCheck) {
  Done done = finished("clock");
  done.verdict.fail("a \"clock\"", "none", "the PLL");
  const std::string text = tap_line(1, done);
  EXPECT_EQ(text.find("not ok 1 - clock\n"), 0U) << text;
  EXPECT_NE(text.find("    - expected: \"a \\\"clock\\\"\"\n      found: \"none\"\n      check: \"the PLL\"\n"),
            std::string::npos)
      << text;
}

TEST(Tap, ASkipGivesItsReasonWithoutEndingTheDirective) {
  Done done = finished("clock");
  done.verdict.skip("no # clock\nhere");
  EXPECT_EQ(tap_line(1, done).find("ok 1 - clock # SKIP no \\# clock here\n"), 0U);
}

TEST(Tap, ABailOutIsOneLineWhateverItsReason) {
  EXPECT_EQ(bail_out_line("step clock: two\nlines"), "Bail out! step clock: two lines\n");
}

TEST(Tap, BytesThatAreNoTextAreReplaced) {
  Done done = finished("clock");
  done.verdict.fail("text", "\xff\xfe");
  EXPECT_NE(tap_line(1, done).find("\xef\xbf\xbd"), std::string::npos);
}

TEST(Findings, BeyondAFewAreCounted) {
  Done done = finished("clock");
  for (int i = 0; i < 20; ++i) done.verdict.fail("a", "b");
  EXPECT_EQ(done.verdict.findings().size(), Verdict::kKept);
  EXPECT_NE(tap_line(1, done).find("  found: 20\n"), std::string::npos);
  EXPECT_EQ(done.verdict.findings()[0].check, done.step->check);
}

TEST(Findings, WinOverASkip) {
  Verdict verdict("x");
  verdict.fail("a", "b");
  verdict.skip("c");
  EXPECT_TRUE(verdict.failed());
  EXPECT_FALSE(verdict.skipped());
}

TEST(Junit, StepsBehindABailOutAreSkippedAndTheRunIsAnError) {
  const auto plan = chosen("");
  Done done = finished("identity");
  done.verdict.fail("a < b", "\"c\" & d", "e");
  const std::string text = junit_document(plan, {done}, "the card is <gone>");
  EXPECT_NE(text.find("tests=\"" + std::to_string(plan.size() + 1) + "\" failures=\"1\" errors=\"1\" skipped=\"" +
                      std::to_string(plan.size() - 1) + "\""),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("<failure message=\"a &lt; b\">"), std::string::npos);
  EXPECT_NE(text.find("&quot;c&quot; &amp; d"), std::string::npos);
  EXPECT_NE(text.find("<skipped message=\"the card is &lt;gone&gt;\"/>"), std::string::npos);
}

TEST(AReport, OfARunThatWasGivenUpIsNotOk) {
  Report report(false);
  report.plan(chosen("clock"));
  report.done(finished("identity"));
  EXPECT_TRUE(report.ok());
  report.bail_out("no more");
  EXPECT_FALSE(report.ok());
  EXPECT_EQ(report.json()["bail_out"], "no more");
}

}  // namespace
}  // namespace aperture::test
