// SPDX-License-Identifier: Apache-2.0
// card_irq and card_reset alone.

#include <gtest/gtest.h>

#include <vector>

#include "Vcard_irq.h"
#include "Vcard_reset.h"
#include "rtl/support/module_bench.hpp"

namespace aperture::test {
namespace {

class Irq : public ::testing::Test {
 protected:
  Irq() {
    bench->wires_i = 0;
    bench->enable_i = 0;
    bench->rearm_i = 0;
    bench->message_ready_i = 1;
    bench.reset();
  }
  std::vector<unsigned> messages(unsigned clocks) {
    std::vector<unsigned> out;
    for (unsigned i = 0; i < clocks; ++i) {
      bench.settle();
      if (bench->message_valid_o && bench->message_ready_i) out.push_back(bench->message_vector_o);
      bench.tick();
    }
    return out;
  }
  ModuleBench<Vcard_irq> bench;
};

TEST_F(Irq, SendsOneMessageForALevel) {
  bench->enable_i = 1U << 17;
  bench->wires_i = 1U << 17;
  EXPECT_EQ(messages(20), std::vector<unsigned>{17});
}

TEST_F(Irq, SendsAgainAfterRearmOnlyWhileAsserted) {
  bench->enable_i = ~0U;
  bench->wires_i = 1;
  EXPECT_EQ(messages(10).size(), 1U);
  bench->rearm_i = 1;
  bench.tick();
  bench->rearm_i = 0;
  EXPECT_EQ(messages(10).size(), 1U);
  bench->wires_i = 0;
  bench->rearm_i = 1;
  bench.tick();
  bench->rearm_i = 0;
  EXPECT_EQ(messages(10).size(), 0U);
  bench->wires_i = 1;
  EXPECT_EQ(messages(10).size(), 1U);
}

TEST_F(Irq, KeepsAnEventUntilItsVectorIsEnabled) {
  bench->wires_i = 1U << 3;
  EXPECT_TRUE(messages(10).empty());
  bench->enable_i = 1U << 3;
  EXPECT_EQ(messages(10), std::vector<unsigned>{3});
}

TEST_F(Irq, SendsEveryVectorOnce) {
  bench->enable_i = ~0U;
  bench->wires_i = ~0U;
  auto sent = messages(100);
  EXPECT_EQ(sent.size(), 32U);
  std::vector<bool> seen(32);
  for (const unsigned v : sent) seen[v] = true;
  EXPECT_EQ(seen, std::vector<bool>(32, true));
}

TEST_F(Irq, HoldsAMessageUntilItIsTakenAndStaysBusy) {
  bench->message_ready_i = 0;
  bench->enable_i = 1U << 5;
  bench->wires_i = 1U << 5;
  bench.tick(2);
  bench->wires_i = 0;
  bench.tick(10);
  EXPECT_TRUE(bench->message_valid_o);
  EXPECT_EQ(bench->message_vector_o, 5);
  EXPECT_TRUE(bench->busy_o);
  bench->message_ready_i = 1;
  bench.tick();
  EXPECT_FALSE(bench->busy_o);
}

class Reset : public ::testing::Test {
 protected:
  Reset() {
    bench->go_i = 0;
    bench->idle_i = 1;
    bench->quiet_i = 1;
    bench.reset();
    bench.tick(2);
  }
  void go() {
    bench->go_i = 1;
    bench.tick();
    bench->go_i = 0;
    bench.settle();
  }
  ModuleBench<Vcard_reset> bench;
};

TEST_F(Reset, PowerOnResetReachesTheCore) {
  bench->rst_ni = 0;
  bench.tick(2);
  EXPECT_FALSE(bench->core_rst_no);
  bench->rst_ni = 1;
  bench.tick(2);
  EXPECT_TRUE(bench->core_rst_no);
}

TEST_F(Reset, ResetsTheCoreForAtLeastSixteenClocks) {
  go();
  EXPECT_TRUE(bench->resetting_o);
  EXPECT_TRUE(bench->stop_o);
  ASSERT_TRUE(bench.run_until([&] { return !bench->core_rst_no; }, 50));
  unsigned clocks = 0;
  for (; !bench->core_rst_no; ++clocks) {
    EXPECT_TRUE(bench->close_o);
    bench.tick();
    ASSERT_LT(clocks, 100U);
  }
  EXPECT_GE(clocks, 16U);
  EXPECT_TRUE(bench.run_until([&] { return !bench->resetting_o; }, 5));
  EXPECT_FALSE(bench->stop_o);
}

TEST_F(Reset, WaitsForWorkThenForTransactions) {
  bench->idle_i = 0;
  bench->quiet_i = 0;
  go();
  bench.tick(500);
  EXPECT_FALSE(bench->close_o);
  bench->idle_i = 1;
  bench.tick(500);
  EXPECT_TRUE(bench->close_o);
  EXPECT_TRUE(bench->core_rst_no);
  bench->quiet_i = 1;
  EXPECT_TRUE(bench.run_until([&] { return !bench->core_rst_no; }, 5));
}

TEST_F(Reset, DoesNotWaitForEver) {
  bench->idle_i = 0;
  bench->quiet_i = 0;
  go();
  EXPECT_TRUE(bench.run_until([&] { return !bench->core_rst_no; }, 100000));
}

}  // namespace
}  // namespace aperture::test
