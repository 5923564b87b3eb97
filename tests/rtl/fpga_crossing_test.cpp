// SPDX-License-Identifier: Apache-2.0
// rtl/fpga/async_fifo: words that cross from one clock to another.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <utility>

#include "Vasync_fifo.h"
#include "Vreset_sync.h"
#include "rtl/support/module_bench.hpp"

namespace aperture::test {
namespace {

/// Periods of the writer's and of the reader's clock.
class Crossing : public ::testing::TestWithParam<std::pair<unsigned, unsigned>> {
 protected:
  Crossing() {
    context_.threads(1);
    context_.randReset(2);
    context_.randSeed(static_cast<int>(seed() & 0x7fffffff) + 1);
    fifo = std::make_unique<Vasync_fifo>(&context_);
    fifo->in_valid_i = 0;
    fifo->out_ready_i = 0;
    fifo->in_rst_ni = 0;
    fifo->out_rst_ni = 0;
    run(40);
  }
  ~Crossing() override { fifo->final(); }

  /// `steps` of time, with an edge of either clock when it is due; at rising ones the sides act, after them they choose
  /// anew.
  void run(unsigned steps) {
    for (unsigned i = 0; i < steps; ++i, ++now_) {
      const bool writer = now_ % GetParam().first == 0, reader = (now_ + phase_) % GetParam().second == 0;
      if (writer) write_edge();
      if (reader) read_edge();
      if (!writer) fifo->in_clk_i = 0;
      if (!reader) fifo->out_clk_i = 0;
      fifo->eval();
    }
  }
  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }

  void write_edge() {
    const bool taken = fifo->in_valid_i && fifo->in_ready_o;
    fifo->in_clk_i = 1;
    fifo->eval();
    if (taken) inside.push_back(sent++);
    most = std::max(most, inside.size());
    if (taken || !fifo->in_valid_i) fifo->in_valid_i = chance(offer);
    fifo->in_data_i = static_cast<std::uint8_t>(sent * 37);
    fifo->eval();
  }
  void read_edge() {
    const bool taken = fifo->out_valid_o && fifo->out_ready_i, held = fifo->out_valid_o && !fifo->out_ready_i;
    const std::uint8_t data = fifo->out_data_o;
    fifo->out_clk_i = 1;
    fifo->eval();
    if (held) {
      EXPECT_TRUE(fifo->out_valid_o);
      EXPECT_EQ(fifo->out_data_o, data);
    }
    if (taken) {
      ASSERT_FALSE(inside.empty());
      EXPECT_EQ(data, static_cast<std::uint8_t>(inside.front() * 37));
      inside.pop_front();
      ++received;
    }
    fifo->out_ready_i = chance(take);
    fifo->eval();
  }

  VerilatedContext context_;
  std::unique_ptr<Vasync_fifo> fifo;
  std::deque<unsigned> inside;
  std::size_t most = 0;
  unsigned sent = 0, received = 0;
  double offer = 0, take = 0;

 private:
  std::mt19937_64 random_{seed()};
  std::uint64_t now_ = 0;
  std::uint64_t phase_ = seed() % 7;
};

TEST_P(Crossing, KeepsOrderAndLosesNothingUnderRandomStalls) {
  fifo->in_rst_ni = fifo->out_rst_ni = 1;
  for (const double p : {0.9, 0.5, 0.2}) {
    offer = p;
    take = 1.1 - p;
    run(4000);
  }
  offer = 0;
  take = 1;
  run(400);
  EXPECT_EQ(received, sent);
  EXPECT_GT(received, 400U);
}

TEST_P(Crossing, TakesExactlyItsDepthWhileNobodyReads) {
  fifo->in_rst_ni = fifo->out_rst_ni = 1;
  offer = 1;
  run(400);
  EXPECT_EQ(most, 8U);
  EXPECT_FALSE(fifo->in_ready_o);
}

TEST_P(Crossing, MayLeaveResetOnOneSideFirst) {
  fifo->in_rst_ni = 1;
  offer = 0.5;
  take = 1;
  run(200);
  EXPECT_EQ(received, 0U);
  fifo->out_rst_ni = 1;
  run(2000);
  offer = 0;
  run(400);
  EXPECT_EQ(received, sent);
  EXPECT_GT(received, 20U);
}

TEST_P(Crossing, TheSlowerSideGetsAWordAClock) {
  fifo->in_rst_ni = fifo->out_rst_ni = 1;
  offer = take = 1;
  run(4000);
  EXPECT_GT(received, 4000 / std::max(GetParam().first, GetParam().second) * 9 / 10);
}

INSTANTIATE_TEST_SUITE_P(Ratio, Crossing,
                         ::testing::Values(std::pair{4U, 10U}, std::pair{10U, 4U}, std::pair{6U, 6U}, std::pair{6U, 7U},
                                           std::pair{2U, 14U}, std::pair{14U, 2U}));

TEST(ResetSync, FallsWithoutAClockAndRisesWithIt) {
  VerilatedContext context;
  Vreset_sync sync(&context);
  sync.clk_i = 0;
  sync.rst_ni = 1;
  sync.eval();
  for (int i = 0; i < 6; ++i) {
    sync.clk_i = !sync.clk_i;
    sync.eval();
  }
  ASSERT_TRUE(sync.rst_no);
  sync.rst_ni = 0;
  sync.eval();
  EXPECT_FALSE(sync.rst_no);
  sync.rst_ni = 1;
  sync.eval();
  EXPECT_FALSE(sync.rst_no) << "no edge yet";
  for (const bool up : {false, true}) {
    sync.clk_i = 1;
    sync.eval();
    EXPECT_EQ(sync.rst_no != 0, up);
    sync.clk_i = 0;
    sync.eval();
  }
  sync.final();
}

}  // namespace
}  // namespace aperture::test
