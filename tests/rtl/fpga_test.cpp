// SPDX-License-Identifier: Apache-2.0
// The parts of rtl/fpga, one by one: what an AXI-PCIe bridge meets of the card.

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "Vasync_fifo.h"
#include "Vaxi_to_lite.h"
#include "Vfpga_msi.h"
#include "Vmerge_read.h"
#include "Vmerge_write.h"
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

class MergedReads : public ::testing::Test {
 protected:
  MergedReads() {
    bench->data_arvalid = bench->iommu_arvalid = bench->data_rready = bench->m_arready = bench->m_rvalid = 0;
    bench.reset();
  }
  /// Offers a burst until it is taken; false: it is not, for a while.
  bool ask_data(std::uint8_t id, std::uint8_t len) {
    bench->data_arid = id;
    bench->data_araddr = 0x1'2345'6000;
    bench->data_arlen = len;
    bench->data_arvalid = 1;
    return taken([&] { return bench->data_arready != 0; }, [&] { bench->data_arvalid = 0; });
  }
  bool ask_iommu(std::uint8_t id, std::uint64_t address, std::uint8_t len) {
    bench->iommu_arid = id;
    bench->iommu_araddr = address;
    bench->iommu_arlen = len;
    bench->iommu_arvalid = 1;
    return taken([&] { return bench->iommu_arready != 0; }, [&] { bench->iommu_arvalid = 0; });
  }
  template <typename Ready, typename End>
  bool taken(Ready ready, End end) {
    bench->m_arready = 1;
    for (int i = 0; i < 8; ++i) {
      bench.settle();
      const bool now = ready();
      bench.tick();
      if (!now) continue;
      end();
      return true;
    }
    end();
    return false;
  }
  /// A beat from the bridge; what the master says to it at once.
  bool give(bool iommu, std::uint64_t data, bool last) {
    bench->m_rid = iommu;
    bench->m_rdata = data;
    bench->m_rresp = 0;
    bench->m_rlast = last;
    bench->m_rvalid = 1;
    bench.settle();
    const bool ready = bench->m_rready;
    iommu_got = bench->iommu_rvalid;
    bench.tick();
    bench->m_rvalid = 0;
    return ready;
  }
  ModuleBench<Vmerge_read> bench;
  bool iommu_got = false;
};

TEST_F(MergedReads, AnswersThatADeviceDoesNotTakeHoldUpNoneOfTheIommus) {
  unsigned bursts = 0;
  while (bursts < 100 && ask_data(static_cast<std::uint8_t>(bursts % 32), 31)) ++bursts;
  ASSERT_EQ(bursts, 8U) << "as many as the buffer has room for";
  for (unsigned beat = 0; beat < 256; ++beat) {
    ASSERT_TRUE(give(false, beat, beat % 32 == 31)) << "beat " << beat;
  }
  ASSERT_TRUE(ask_iommu(5, 0x8000'0000, 0)) << "with the buffer full";
  EXPECT_TRUE(give(true, 77, true));
  EXPECT_TRUE(iommu_got);
  bench->data_rready = 1;
  for (unsigned beat = 0; beat < 256; ++beat) {
    bench.settle();
    ASSERT_TRUE(bench->data_rvalid);
    ASSERT_EQ(bench->data_rdata, beat);
    ASSERT_EQ(bench->data_rid, beat / 32);
    ASSERT_EQ(bench->data_rlast, beat % 32 == 31);
    bench.tick();
  }
  EXPECT_TRUE(ask_data(1, 255)) << "the longest burst there is";
}

TEST_F(MergedReads, EachSideGetsItsOwnIdsBackInOrder) {
  ASSERT_TRUE(ask_iommu(3, 0x1000, 1));
  ASSERT_TRUE(ask_data(17, 0));
  ASSERT_TRUE(ask_iommu(9, 0x2000, 0));
  give(true, 1, false);
  EXPECT_EQ(bench->iommu_rid, 3);
  give(false, 2, true);
  bench.settle();
  EXPECT_EQ(bench->data_rid, 17);
  give(true, 3, true);
  bench.settle();
  EXPECT_EQ(bench->iommu_rid, 9);
}

TEST_F(MergedReads, ANarrowReadIsAWholeWordAtItsPlace) {
  ASSERT_TRUE(ask_iommu(0, 0x1004, 0));
  EXPECT_EQ(bench->m_araddr, 0x1000U);
  EXPECT_TRUE(bench->m_arid);
}

class MergedWrites : public ::testing::Test {
 protected:
  MergedWrites() {
    bench->data_awvalid = bench->data_wvalid = bench->data_bready = bench->iommu_awvalid = bench->iommu_wvalid = 0;
    bench->m_awready = bench->m_wready = 1;
    bench->m_bvalid = 0;
    bench->m_bresp = 0;
    bench.reset();
  }
  void data_address(std::uint8_t id, std::uint8_t len) {
    bench->data_awid = id;
    bench->data_awaddr = 0x4000;
    bench->data_awlen = len;
    bench->data_awvalid = 1;
    bench.tick();
    bench->data_awvalid = 0;
  }
  void data_beat(std::uint64_t value, bool last) {
    bench->data_wdata = value;
    bench->data_wstrb = 0xff;
    bench->data_wlast = last;
    bench->data_wvalid = 1;
    bench.tick();
    bench->data_wvalid = 0;
  }
  /// A completion store of the IOMMU; whether its last beat leaves within a few clocks.
  bool iommu_write() {
    bench->iommu_awid = 6;
    bench->iommu_awaddr = 0x9004;
    bench->iommu_awlen = 0;
    bench->iommu_wdata = 5;
    bench->iommu_wstrb = 0xf0;
    bench->iommu_wlast = 1;
    bench->iommu_awvalid = bench->iommu_wvalid = 1;
    bool gone = false;
    for (int i = 0; i < 8; ++i) {
      bench.settle();
      const bool address = bench->iommu_awready, data = bench->iommu_wready;
      if (data) {
        gone = bench->m_wvalid && bench->m_wstrb == 0xf0;
      }
      bench.tick();
      if (address) bench->iommu_awvalid = 0;
      if (data) bench->iommu_wvalid = 0;
    }
    bench->iommu_awvalid = bench->iommu_wvalid = 0;
    return gone;
  }
  void answer(bool iommu) {
    bench->m_bid = iommu;
    bench->m_bvalid = 1;
    bench.tick();
    bench->m_bvalid = 0;
    bench.settle();
  }
  ModuleBench<Vmerge_write> bench;
};

TEST_F(MergedWrites, ADeviceThatKeepsItsDataBackHoldsUpNoneOfTheIommus) {
  data_address(4, 3);
  data_beat(1, false);
  bench.tick(4);
  EXPECT_FALSE(bench->m_awvalid) << "a burst whose data is not here";
  EXPECT_TRUE(iommu_write());
}

TEST_F(MergedWrites, ABurstLeavesOnceItsDataIsHere) {
  data_address(4, 1);
  data_beat(1, false);
  bench->data_wdata = 2;
  data_beat(2, true);
  std::vector<std::uint64_t> beats;
  bool address = false;
  for (int i = 0; i < 8; ++i) {
    bench.settle();
    address |= bench->m_awvalid && bench->m_awaddr == 0x4000 && bench->m_awlen == 1 && !bench->m_awid;
    if (bench->m_wvalid) beats.push_back(bench->m_wdata);
    bench.tick();
  }
  EXPECT_TRUE(address);
  EXPECT_EQ(beats, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(MergedWrites, AnswersThatADeviceDoesNotTakeHoldUpNoneOfTheIommus) {
  unsigned out = 0;
  for (unsigned i = 0; i < 40; ++i) {
    data_address(static_cast<std::uint8_t>(i % 32), 0);
    data_beat(i, true);
    for (int clock = 0; clock < 4; ++clock) {
      bench.settle();
      out += bench->m_awvalid && bench->m_awready;
      bench.tick();
    }
  }
  ASSERT_EQ(out, 16U) << "as many as there is room for answers";
  for (unsigned i = 0; i < out; ++i) {
    bench.settle();
    ASSERT_TRUE(bench->m_bready);
    answer(false);
  }
  ASSERT_TRUE(iommu_write());
  bench->m_bid = 1;
  bench->m_bvalid = 1;
  bench.settle();
  EXPECT_TRUE(bench->m_bready);
  EXPECT_TRUE(bench->iommu_bvalid);
  EXPECT_EQ(bench->iommu_bid, 6);
  bench.tick();
  bench->m_bvalid = 0;
  bench->data_bready = 1;
  for (unsigned i = 0; i < out; ++i) {
    bench.settle();
    ASSERT_TRUE(bench->data_bvalid);
    EXPECT_EQ(bench->data_bid, i);
    bench.tick();
  }
}

TEST_F(MergedWrites, NoWriteIsAnsweredBeforeTheBridgeDoes) {
  bench->data_bready = 1;
  data_address(9, 0);
  data_beat(1, true);
  for (int i = 0; i < 50; ++i) {
    bench.tick();
    ASSERT_FALSE(bench->data_bvalid);
  }
  answer(false);
  EXPECT_TRUE(bench->data_bvalid);
  EXPECT_EQ(bench->data_bid, 9);
}

class Msi : public ::testing::Test {
 protected:
  Msi() {
    bench->message_valid_i = bench->msi_enable_i = bench->msi_grant_i = 0;
    bench->msi_width_i = 5;
    bench.reset();
  }
  void message(std::uint8_t vector) {
    bench->message_vector_i = vector;
    bench->message_valid_i = 1;
    bench.tick();
    bench->message_valid_i = 0;
  }
  ModuleBench<Vfpga_msi> bench;
};

TEST_F(Msi, ARequestIsHeldUntilItIsGranted) {
  bench->msi_enable_i = 1;
  message(19);
  bench.tick(2);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(bench->msi_valid_o);
    ASSERT_EQ(bench->msi_vector_o, 19);
    ASSERT_FALSE(bench->message_ready_o);
    bench.tick();
  }
  bench->msi_grant_i = 1;
  bench.tick();
  bench->msi_grant_i = 0;
  bench.settle();
  EXPECT_FALSE(bench->msi_valid_o);
  EXPECT_TRUE(bench->message_ready_o);
  bench.tick(5);
  EXPECT_FALSE(bench->msi_valid_o) << "sent once";
}

TEST_F(Msi, AMessageWaitsWhileMsiIsOff) {
  message(3);
  bench.tick(10);
  EXPECT_FALSE(bench->msi_valid_o);
  bench->msi_enable_i = 1;
  bench.tick(2);
  EXPECT_TRUE(bench->msi_valid_o);
}

TEST_F(Msi, VectorsFoldIntoThoseThatWereGiven) {
  bench->msi_enable_i = 1;
  for (const unsigned width : {0U, 1U, 2U, 3U, 4U, 5U}) {
    bench->msi_width_i = static_cast<std::uint8_t>(width);
    for (const unsigned vector : {0U, 5U, 16U, 19U, 31U}) {
      message(static_cast<std::uint8_t>(vector));
      bench.tick(2);
      ASSERT_TRUE(bench->msi_valid_o);
      EXPECT_EQ(bench->msi_vector_o, vector % (1U << width)) << "of " << (1U << width);
      bench->msi_grant_i = 1;
      bench.tick();
      bench->msi_grant_i = 0;
    }
  }
}

/// The host before, registers behind that remember.
class HostAccess : public ::testing::Test {
 protected:
  HostAccess() {
    bench->s_axi_awvalid = bench->s_axi_wvalid = bench->s_axi_arvalid = 0;
    bench->s_axi_bready = bench->s_axi_rready = 1;
    bench->m_axil_awready = bench->m_axil_wready = bench->m_axil_arready = 1;
    bench->m_axil_bvalid = bench->m_axil_rvalid = 0;
    bench->m_axil_bresp = bench->m_axil_rresp = 0;
    bench->s_axi_awburst = bench->s_axi_arburst = 1;
    bench->s_axi_awsize = bench->s_axi_arsize = 3;
    bench.reset();
  }
  /// A clock of both sides.
  void step() {
    bench.settle();
    const bool aw = bench->s_axi_awvalid && bench->s_axi_awready, ar = bench->s_axi_arvalid && bench->s_axi_arready;
    const bool w = bench->s_axi_wvalid && bench->s_axi_wready;
    const bool lw = bench->m_axil_wvalid, lb = bench->m_axil_bvalid && bench->m_axil_bready;
    const bool lar = bench->m_axil_arvalid, lr = bench->m_axil_rvalid && bench->m_axil_rready;
    if (lw) written.push_back({bench->m_axil_awaddr, bench->m_axil_wdata, bench->m_axil_wstrb});
    if (lar) read.push_back(bench->m_axil_araddr);
    if (bench->s_axi_rvalid)
      got.push_back({bench->s_axi_rid, bench->s_axi_rdata, bench->s_axi_rresp, bench->s_axi_rlast != 0});
    if (bench->s_axi_bvalid) answers.push_back({bench->s_axi_bid, 0, bench->s_axi_bresp, true});
    bench.tick();
    if (aw) bench->s_axi_awvalid = 0;
    if (ar) bench->s_axi_arvalid = 0;
    if (w) {
      bench->s_axi_wvalid = ++sent < beats;
      bench->s_axi_wdata = 100 + sent;
      bench->s_axi_wlast = sent + 1 == beats;
    }
    if (lb) bench->m_axil_bvalid = 0;
    if (lw) bench->m_axil_bvalid = 1;
    if (lr) bench->m_axil_rvalid = 0;
    if (lar) {
      bench->m_axil_rvalid = 1;
      bench->m_axil_rdata = 1000 + read.back();
    }
  }
  void write(std::uint32_t address, unsigned count, std::uint8_t id) {
    beats = count;
    sent = 0;
    bench->s_axi_awaddr = address;
    bench->s_axi_awlen = static_cast<std::uint8_t>(count - 1);
    bench->s_axi_awid = id;
    bench->s_axi_awvalid = bench->s_axi_wvalid = 1;
    bench->s_axi_wdata = 100;
    bench->s_axi_wstrb = 0xff;
    bench->s_axi_wlast = count == 1;
  }
  void ask(std::uint32_t address, unsigned count, std::uint8_t id) {
    bench->s_axi_araddr = address;
    bench->s_axi_arlen = static_cast<std::uint8_t>(count - 1);
    bench->s_axi_arid = id;
    bench->s_axi_arvalid = 1;
  }
  void steps(unsigned count) {
    for (unsigned i = 0; i < count; ++i) step();
  }
  struct Written {
    std::uint32_t address;
    std::uint64_t data;
    std::uint8_t strobes;
    bool operator==(const Written&) const = default;
  };
  struct Answer {
    std::uint8_t id;
    std::uint64_t data;
    std::uint8_t resp;
    bool last;
    bool operator==(const Answer&) const = default;
  };
  ModuleBench<Vaxi_to_lite> bench;
  unsigned beats = 0, sent = 0;
  std::vector<Written> written;
  std::vector<std::uint32_t> read;
  std::vector<Answer> got, answers;
};

TEST_F(HostAccess, ABurstBecomesAnAccessForEachBeat) {
  write(0x1'0010, 3, 7);
  steps(40);
  EXPECT_EQ(written, (std::vector<Written>{{0x1'0010, 100, 0xff}, {0x1'0018, 101, 0xff}, {0x1'0020, 102, 0xff}}));
  EXPECT_EQ(answers, (std::vector<Answer>{{7, 0, 0, true}}));
  ask(0x20, 2, 9);
  steps(40);
  EXPECT_EQ(got, (std::vector<Answer>{{9, 1000 + 0x20, 0, false}, {9, 1000 + 0x28, 0, true}}));
}

TEST_F(HostAccess, AReadWaitsForTheWriteBeforeIt) {
  write(0x40, 1, 1);
  ask(0x40, 1, 2);
  unsigned waited = 0;
  for (; waited < 40 && answers.empty(); ++waited) step();
  EXPECT_TRUE(read.empty()) << "the read was carried out before the write";
  steps(20);
  EXPECT_EQ(got.size(), 1U);
}

TEST_F(HostAccess, BeyondTheCardNothingIsAccessed) {
  write(0x2'0000, 2, 3);
  steps(40);
  EXPECT_TRUE(written.empty());
  EXPECT_EQ(answers, (std::vector<Answer>{{3, 0, 3, true}}));
  ask(0xffff'fff8, 2, 4);
  steps(40);
  EXPECT_TRUE(read.empty());
  EXPECT_EQ(got, (std::vector<Answer>{{4, ~std::uint64_t{0}, 3, false}, {4, ~std::uint64_t{0}, 3, true}}));
}

TEST_F(HostAccess, ABurstOfWritesIsAnsweredByItsWorstBeat) {
  write(0x10, 2, 5);
  while (written.empty()) step();
  bench->m_axil_bresp = 2;
  while (written.size() < 2) step();
  bench->m_axil_bresp = 0;
  steps(20);
  EXPECT_EQ(answers, (std::vector<Answer>{{5, 0, 2, true}}));
}

}  // namespace
}  // namespace aperture::test
