// SPDX-License-Identifier: Apache-2.0
// The parts of rtl/common, one by one.

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <random>

#include "Vaxi_gate.h"
#include "Vaxil_slave.h"
#include "Vfifo.h"
#include "Vrr_arb.h"
#include "Vskid.h"
#include "rtl/support/module_bench.hpp"

namespace aperture::test {
namespace {

/// Sends numbers through a valid/ready link with random stalls on both sides and checks order, hold and nothing lost.
template <typename Model>
void stream(ModuleBench<Model>& bench, double offer, double take, unsigned words, unsigned& clocks) {
  std::mt19937_64 random{seed()};
  const auto chance = [&](double p) { return std::uniform_real_distribution<>(0, 1)(random) < p; };
  std::deque<unsigned> inside;
  unsigned sent = 0, received = 0;
  bool offered = false, held = false;
  std::uint64_t held_data = 0;
  for (clocks = 0; received < words && clocks < 100 * words; ++clocks) {
    offered = sent < words && (offered || chance(offer));
    bench->in_valid_i = offered;
    bench->in_data_i = static_cast<std::uint8_t>(sent);
    bench->out_ready_i = chance(take);
    bench.settle();
    if (held) {
      ASSERT_TRUE(bench->out_valid_o);
      ASSERT_EQ(bench->out_data_o, held_data);
    }
    if (bench->out_valid_o && bench->out_ready_i) {
      ASSERT_FALSE(inside.empty());
      ASSERT_EQ(bench->out_data_o, inside.front() & 0xff);
      inside.pop_front();
      ++received;
    }
    held = bench->out_valid_o && !bench->out_ready_i;
    held_data = bench->out_data_o;
    if (offered && bench->in_ready_o) {
      inside.push_back(sent++);
      offered = false;
    }
    bench.tick();
  }
  EXPECT_EQ(received, words);
}

TEST(Fifo, KeepsOrderUnderRandomStalls) {
  ModuleBench<Vfifo> bench;
  bench->flush_i = 0;
  bench->in_valid_i = 0;
  bench->out_ready_i = 0;
  bench.reset();
  unsigned clocks = 0;
  stream(bench, 0.6, 0.5, 2000, clocks);
}

TEST(Fifo, PassesAWordAClock) {
  ModuleBench<Vfifo> bench;
  bench->flush_i = 0;
  bench->in_valid_i = 0;
  bench->out_ready_i = 0;
  bench.reset();
  unsigned clocks = 0;
  stream(bench, 1, 1, 200, clocks);
  EXPECT_LE(clocks, 201U);
}

TEST(Fifo, TakesExactlyItsDepthAndCounts) {
  ModuleBench<Vfifo> bench;
  bench->flush_i = 0;
  bench->in_valid_i = 0;
  bench->out_ready_i = 0;
  bench.reset();
  bench->in_valid_i = 1;
  unsigned taken = 0;
  for (int i = 0; i < 10; ++i) {
    bench.settle();
    EXPECT_EQ(bench->count_o, taken);
    taken += bench->in_ready_o;
    bench.tick();
  }
  EXPECT_EQ(taken, 4U);
}

TEST(Fifo, FlushEmptiesIt) {
  ModuleBench<Vfifo> bench;
  bench->flush_i = 0;
  bench->in_valid_i = 0;
  bench->out_ready_i = 0;
  bench.reset();
  bench->in_valid_i = 1;
  bench.tick(3);
  bench->in_valid_i = 0;
  bench->flush_i = 1;
  bench.tick();
  EXPECT_FALSE(bench->out_valid_o);
  EXPECT_EQ(bench->count_o, 0);
}

TEST(Skid, KeepsOrderUnderRandomStalls) {
  ModuleBench<Vskid> bench;
  bench->in_valid_i = 0;
  bench->out_ready_i = 0;
  bench.reset();
  unsigned clocks = 0;
  stream(bench, 0.6, 0.5, 2000, clocks);
}

TEST(Skid, PassesAWordAClock) {
  ModuleBench<Vskid> bench;
  bench->in_valid_i = 0;
  bench->out_ready_i = 0;
  bench.reset();
  unsigned clocks = 0;
  stream(bench, 1, 1, 200, clocks);
  EXPECT_LE(clocks, 201U);
}

TEST(Skid, ReadyDoesNotFollowTheOutputsReadyInTheSameClock) {
  ModuleBench<Vskid> bench;
  bench->in_valid_i = 0;
  bench->out_ready_i = 0;
  bench.reset();
  bench->in_valid_i = 1;
  bench.tick(3);
  EXPECT_FALSE(bench->in_ready_o);
  bench->out_ready_i = 1;
  bench.settle();
  EXPECT_FALSE(bench->in_ready_o);
  bench.tick();
  EXPECT_TRUE(bench->in_ready_o);
}

TEST(RoundRobin, ServesEveryRequesterInTurn) {
  ModuleBench<Vrr_arb> bench;
  bench->req_i = 0;
  bench->accept_i = 0;
  bench.reset();
  bench->req_i = 0b1011;
  bench->accept_i = 1;
  unsigned served[4] = {};
  for (int i = 0; i < 30; ++i) {
    bench.settle();
    ASSERT_TRUE(bench->valid_o);
    ++served[bench->index_o];
    bench.tick();
  }
  EXPECT_EQ(served[0], 10U);
  EXPECT_EQ(served[1], 10U);
  EXPECT_EQ(served[2], 0U);
  EXPECT_EQ(served[3], 10U);
}

TEST(RoundRobin, DoesNotMoveOnWithoutAcceptance) {
  ModuleBench<Vrr_arb> bench;
  bench->req_i = 0;
  bench->accept_i = 0;
  bench.reset();
  bench->req_i = 0b1111;
  bench.settle();
  const unsigned first = bench->index_o;
  bench.tick(5);
  EXPECT_EQ(bench->index_o, first);
}

class LiteSlave : public ::testing::Test {
 protected:
  LiteSlave() {
    bench->s_axil_awvalid = 0;
    bench->s_axil_wvalid = 0;
    bench->s_axil_arvalid = 0;
    bench->s_axil_bready = 0;
    bench->s_axil_rready = 0;
    bench->rdata_i = 0;
    bench.reset();
  }
  ModuleBench<Vaxil_slave> bench;
};

TEST_F(LiteSlave, CarriesOutAWriteOnceWhenAddressAndDataAreThere) {
  bench->s_axil_awaddr = 0x12345;
  bench->s_axil_awvalid = 1;
  bench.tick();
  bench->s_axil_awvalid = 0;
  bench.tick(3);
  EXPECT_FALSE(bench->we_o);
  EXPECT_TRUE(bench->busy_o);
  bench->s_axil_wdata = 0xabcd;
  bench->s_axil_wstrb = 0xf0;
  bench->s_axil_wvalid = 1;
  bench.tick();
  bench->s_axil_wvalid = 0;
  unsigned writes = 0;
  for (int i = 0; i < 5; ++i) {
    if (bench->we_o) {
      ++writes;
      EXPECT_EQ(bench->addr_o, 0x12340U);
      EXPECT_EQ(bench->wdata_o, 0xabcdU);
      EXPECT_EQ(bench->wstrb_o, 0xf0);
    }
    bench.tick();
  }
  EXPECT_EQ(writes, 1U);
  EXPECT_TRUE(bench->s_axil_bvalid);
  bench->s_axil_bready = 1;
  bench.tick();
  EXPECT_FALSE(bench->s_axil_bvalid);
  EXPECT_FALSE(bench->busy_o);
}

TEST_F(LiteSlave, HoldsReadDataUntilTaken) {
  bench->s_axil_araddr = 0x88;
  bench->s_axil_arvalid = 1;
  bench->rdata_i = 77;
  bench.tick();
  bench->s_axil_arvalid = 0;
  EXPECT_EQ(bench->addr_o, 0x88U);
  bench.tick();
  bench->rdata_i = 1;
  bench.tick(4);
  ASSERT_TRUE(bench->s_axil_rvalid);
  EXPECT_EQ(bench->s_axil_rdata, 77U);
}

TEST_F(LiteSlave, WriteGoesBeforeAReadOfferedWithIt) {
  bench->s_axil_awvalid = bench->s_axil_wvalid = bench->s_axil_arvalid = 1;
  bench.tick();
  bench->s_axil_awvalid = bench->s_axil_wvalid = bench->s_axil_arvalid = 0;
  EXPECT_TRUE(bench->we_o);
  bench.tick();
  EXPECT_FALSE(bench->s_axil_rvalid);
  bench.tick();
  EXPECT_TRUE(bench->s_axil_rvalid);
}

class Gate : public ::testing::Test {
 protected:
  Gate() {
    bench->close_i = 0;
    bench->s_awvalid = bench->m_awready = bench->s_arvalid = bench->m_arready = bench->b_i = bench->r_last_i = 0;
    bench.reset();
    bench.tick();
  }
  ModuleBench<Vaxi_gate> bench;
};

TEST_F(Gate, ARequestThatWasOfferedPassesBeforeTheGateCloses) {
  bench->s_arvalid = 1;
  bench.tick();
  bench->close_i = 1;
  bench.tick(5);
  EXPECT_TRUE(bench->m_arvalid);
  bench->m_arready = 1;
  bench.settle();
  EXPECT_TRUE(bench->s_arready);
  bench.tick();
  EXPECT_FALSE(bench->m_arvalid);
  EXPECT_FALSE(bench->s_arready);
  EXPECT_FALSE(bench->quiet_o);
  bench->r_last_i = 1;
  bench.tick();
  bench->r_last_i = 0;
  bench.settle();
  EXPECT_TRUE(bench->quiet_o);
}

TEST_F(Gate, ClosedItOffersNothingAndOpensAgain) {
  bench->close_i = 1;
  bench.tick();
  bench->s_awvalid = bench->m_awready = 1;
  bench.tick(3);
  EXPECT_FALSE(bench->m_awvalid);
  EXPECT_FALSE(bench->s_awready);
  EXPECT_TRUE(bench->quiet_o);
  bench->close_i = 0;
  bench.tick();
  EXPECT_TRUE(bench->m_awvalid);
}

}  // namespace
}  // namespace aperture::test
