// SPDX-License-Identifier: Apache-2.0
// Any sequence of calls: the IOAS layer answers, and is left, as Linux would be by its model.
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <tuple>

#include "ioas/model_world.hpp"
#include "ioas/operations.hpp"
#include "support/seed.hpp"

namespace aperture::ioas::test {
namespace {

/// A call, its errno, and which of the checks with that errno it was.
using Outcomes = std::map<std::tuple<Operation::Kind, int, std::string>, unsigned>;

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
  const auto property = [&same] { same(*operations(ModelWorld::device_count()).as("calls")); };
  rc::detail::TestParams params;
  params.seed = aperture::test::seed();
  params.maxSuccess = sequences;
  params.maxSize = 200;
  const auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata{}, params);
  rc::detail::FailureResult failure;
  if (!result.match(failure)) return;
  ADD_FAILURE() << "after " << failure.numSuccess << " sequences, seed " << params.seed << ":\n" << failure.description;
}

std::string table(const Outcomes& seen) {
  std::string result;
  for (const auto& [outcome, count] : seen) {
    const auto& [kind, number, reason] = outcome;
    result += fmt::format("{:>9}  {:<11} {:<11} {}\n", count, name(kind), number == 0 ? "ok" : strerrorname_np(number), reason);
  }
  return result;
}

TEST(LinuxModel, AgreesOnAFewHundredSequences) {
  Outcomes seen;
  expect_same(300, seen);
}

TEST(LinuxModelInDepth, AgreesOnThousandsOfSequencesWithEveryOutcome) {
  Outcomes seen;
  expect_same(10'000, seen);
  std::printf("%s", table(seen).c_str());
}

}  // namespace
}  // namespace aperture::ioas::test
