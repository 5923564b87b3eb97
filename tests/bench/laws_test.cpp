// SPDX-License-Identifier: Apache-2.0
// The cycle laws of docs/microarchitecture.md hold, by the measurements of `aperture bench rtl`.
#include <gtest/gtest.h>

#include "bench_rtl.hpp"
#include "support/seed.hpp"

namespace aperture::sw {
namespace {

class CycleLaws : public ::testing::TestWithParam<std::tuple<unsigned, unsigned>> {};

TEST_P(CycleLaws, Hold) {
  const auto [width, latency] = GetParam();
  const RtlFigures figures = measure_rtl({.widths = {width}, .latencies = {latency}, .seed = test::seed()});
  unsigned laws = 0;
  for (const RtlRow& row : figures.rows) {
    laws += row.law.has_value();
    EXPECT_TRUE(row.holds()) << row.name << ": " << row.value << ' ' << row.unit << ", the law is "
                             << row.law.value_or(0) << " (" << row.definition << ")";
  }
  EXPECT_EQ(laws, 10U);
}

INSTANTIATE_TEST_SUITE_P(All, CycleLaws,
                         ::testing::Combine(::testing::Values(64U, 128U), ::testing::Values(1U, 20U, 100U)),
                         [](const auto& info) {
                           return "Width" + std::to_string(std::get<0>(info.param)) + "Latency" +
                                  std::to_string(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace aperture::sw
