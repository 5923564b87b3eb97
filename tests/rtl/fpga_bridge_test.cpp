// SPDX-License-Identifier: Apache-2.0
// rtl/fpga/fpga_msi and axi_to_lite: what an AXI-PCIe bridge is told, and what it asks.

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "Vaxi_to_lite.h"
#include "Vfpga_msi.h"
#include "rtl/support/module_bench.hpp"

namespace aperture::test {
namespace {

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

TEST_F(Msi, ARequestThatMsiWentOffUnderIsMadeAgain) {
  bench->msi_enable_i = 1;
  bench->msi_width_i = 1;
  message(6);
  bench.tick(2);
  ASSERT_TRUE(bench->msi_valid_o);
  bench->msi_enable_i = 0;
  bench.tick(3);
  EXPECT_FALSE(bench->msi_valid_o) << "the bridge forgets it";
  bench->msi_width_i = 3;
  bench->msi_enable_i = 1;
  bench.tick(2);
  ASSERT_TRUE(bench->msi_valid_o);
  EXPECT_EQ(bench->msi_vector_o, 6);
  bench->msi_grant_i = 1;
  bench.tick();
  bench->msi_grant_i = 0;
  bench.tick(3);
  EXPECT_FALSE(bench->msi_valid_o);
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

TEST_F(HostAccess, NarrowBeatsGoOnToTheNextMultipleOfTheirSize) {
  bench->s_axi_awsize = bench->s_axi_arsize = 2;
  write(0x22, 3, 1);
  steps(40);
  ASSERT_EQ(written.size(), 3U);
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(written[i].address, i == 0 ? 0x22U : 0x20U + 4 * i) << i;
  ask(0x104, 2, 2);
  steps(40);
  EXPECT_EQ(read, (std::vector<std::uint32_t>{0x104, 0x108}));
}

TEST_F(HostAccess, BeatsOfAFixedBurstHaveOneAddress) {
  bench->s_axi_awburst = bench->s_axi_arburst = 0;
  write(0x30, 2, 1);
  steps(40);
  EXPECT_EQ(written, (std::vector<Written>{{0x30, 100, 0xff}, {0x30, 101, 0xff}}));
  ask(0x38, 2, 2);
  steps(40);
  EXPECT_EQ(read, (std::vector<std::uint32_t>{0x38, 0x38}));
}

TEST_F(HostAccess, AWrappingBurstIsRefusedAndNothingAccessed) {
  bench->s_axi_awburst = bench->s_axi_arburst = 2;
  write(0x30, 2, 1);
  steps(40);
  EXPECT_TRUE(written.empty());
  EXPECT_EQ(answers, (std::vector<Answer>{{1, 0, 2, true}}));
  ask(0x38, 2, 2);
  steps(40);
  EXPECT_TRUE(read.empty());
  EXPECT_EQ(got, (std::vector<Answer>{{2, ~std::uint64_t{0}, 2, false}, {2, ~std::uint64_t{0}, 2, true}}));
}

TEST_F(HostAccess, DataMayComeLongAfterItsAddress) {
  write(0x10, 1, 3);
  bench->s_axi_wvalid = 0;
  steps(10);
  EXPECT_TRUE(written.empty());
  bench->s_axi_wvalid = 1;
  steps(20);
  EXPECT_EQ(written, (std::vector<Written>{{0x10, 100, 0xff}}));
  EXPECT_EQ(answers.size(), 1U);
}

}  // namespace
}  // namespace aperture::test
