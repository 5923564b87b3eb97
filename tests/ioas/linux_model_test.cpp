// SPDX-License-Identifier: Apache-2.0
// Any sequence of calls: the IOAS layer answers, and is left, as Linux would be by its model.
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <tuple>

#include "ioas/model_world.hpp"
#include "ioas/operations.hpp"
#include "support/seed.hpp"

namespace aperture::ioas::test {
namespace {

/// A call, its errno, and which of the checks with that errno it was.
using Outcomes = std::map<std::tuple<Operation::Kind, int, std::string>, unsigned>;

struct Silent : rc::detail::TestListener {
  void onTestCaseFinished(const rc::detail::CaseDescription&) override {}
  void onShrinkTried(const rc::detail::CaseDescription&, bool) override {}
  void onTestFinished(const rc::detail::TestMetadata&, const rc::detail::TestResult&) override {}
};

/// Plays sequences until one differs: then the shortest that does is the failure, a call a line.
void expect_same(int sequences, Outcomes& seen) {
  const auto same = [&seen](const std::vector<Operation>& calls) {
    ModelWorld world;
    for (const Operation& call : calls) {
      const ModelWorld::Step step = world.play(call);
      RC_LOG() << call << "\n    -> " << step.layer;
      if (step.layer != step.linux.answer) RC_LOG() << "; Linux: " << step.linux.answer << " " << step.linux.reason;
      RC_LOG() << "\n";
      RC_ASSERT(step.layer == step.linux.answer);
      const std::string difference = world.difference();
      if (!difference.empty()) RC_FAIL(difference);
      ++seen[{call.kind, step.layer.number, std::string(step.linux.reason)}];
    }
  };
  const auto property = [&same] { same(*operations(ModelWorld::device_count())); };
  rc::detail::TestParams params;
  params.seed = aperture::test::seed();
  params.maxSuccess = sequences;
  params.maxSize = 200;
  Silent silent;
  const auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata{}, params, silent);
  if (result.is<rc::detail::SuccessResult>()) return;
  std::ostringstream text;
  rc::detail::FailureResult failure;
  if (result.match(failure)) {
    text << "after " << failure.numSuccess << " sequences: " << failure.description;
  } else {
    text << result;
  }
  ADD_FAILURE() << "seed " << params.seed << ", " << text.str();
}

std::string table(const Outcomes& seen) {
  std::string result;
  for (const auto& [outcome, count] : seen) {
    const auto& [kind, number, reason] = outcome;
    result += fmt::format("{:>9}  {:<11} {:<11} {}\n", count, name(kind), number == 0 ? "ok" : strerrorname_np(number),
                          reason);
  }
  return result;
}

using Kind = Operation::Kind;
using Numbers = std::map<Kind, std::set<int>>;

/// What Linux can answer to each call, 0 included.
const Numbers kNumbers{
    {Kind::kMap, {0, EINVAL, EOVERFLOW, ENOSPC, EFAULT, ENOMEM}},
    {Kind::kMapFixed, {0, EINVAL, EOVERFLOW, EEXIST, EFAULT, ENOMEM}},
    {Kind::kCopy, {0, EINVAL, EOVERFLOW, ENOENT, EPERM, ENOSPC, EFAULT, ENOMEM}},
    {Kind::kCopyFixed, {0, EINVAL, EOVERFLOW, ENOENT, EPERM, EEXIST, EFAULT, ENOMEM}},
    {Kind::kUnmap, {0, EINVAL, EOVERFLOW, ENOENT}},
    {Kind::kAllow, {0, EINVAL, EADDRINUSE}},
    {Kind::kReserve, {0, EINVAL, EADDRINUSE}},
    {Kind::kUnreserve, {0, ENOENT}},
    {Kind::kAttach, {0, EINVAL, EADDRINUSE, EFAULT, ENOMEM}},
    {Kind::kReplace, {0, EINVAL, EADDRINUSE, EFAULT, ENOMEM}},
    {Kind::kDetach, {0}},
    {Kind::kHugePages, {0, EINVAL, EADDRINUSE}},
};

/// Each reason for which Linux refuses an attach or a replace.
const std::set<std::string> kRefusesDevice{"granule beyond 4 KiB",
                                           "map misaligned for the granule",
                                           "map outside the aperture",
                                           "allowed range outside the aperture",
                                           "map where the device reserves",
                                           "allowed range where the device reserves",
                                           "memory not there",
                                           "limit of pinned memory"};

TEST(LinuxModel, AgreesOnAFewHundredSequences) {
  Outcomes seen;
  expect_same(300, seen);
}

TEST(LinuxModelInDepth, AgreesOnThousandsOfSequencesWithEveryOutcome) {
  Outcomes seen;
  expect_same(10'000, seen);
  std::printf("%s", table(seen).c_str());
  Numbers numbers;
  std::map<Kind, std::set<std::string>> reasons;
  for (const auto& [outcome, count] : seen) {
    const auto& [kind, number, reason] = outcome;
    numbers[kind].insert(number);
    reasons[kind].insert(reason);
  }
  EXPECT_EQ(numbers, kNumbers);
  for (const Kind kind : {Kind::kAttach, Kind::kReplace}) {
    for (const std::string& reason : kRefusesDevice) {
      EXPECT_TRUE(reasons[kind].contains(reason)) << name(kind) << " was never refused for: " << reason;
    }
  }
}

}  // namespace
}  // namespace aperture::ioas::test
