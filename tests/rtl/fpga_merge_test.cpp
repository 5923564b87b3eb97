// SPDX-License-Identifier: Apache-2.0
// rtl/fpga/merge_read and merge_write: the IOMMU's port and the devices' become one at an AXI-PCIe bridge.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "Vfpga_master128.h"
#include "Vmerge_read.h"
#include "Vmerge_write.h"
#include "rtl/support/module_bench.hpp"

namespace aperture::test {
namespace {

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

TEST_F(MergedWrites, EachSideGetsTheBridgesAnswerAsItIs) {
  bench->data_bready = 1;
  for (const unsigned resp : {0U, 2U, 3U}) {
    data_address(9, 0);
    data_beat(1, true);
    bench.tick(4);
    bench->m_bresp = static_cast<std::uint8_t>(resp);
    answer(false);
    ASSERT_TRUE(bench->data_bvalid);
    EXPECT_EQ(bench->data_bresp, resp);
    bench.tick();
    ASSERT_TRUE(iommu_write());
    bench->m_bid = 1;
    bench->m_bvalid = 1;
    bench.settle();
    EXPECT_EQ(bench->iommu_bresp, resp);
    bench.tick();
    bench->m_bvalid = 0;
  }
}

TEST_F(MergedWrites, BurstsOfBothSidesTakeTurns) {
  bench->m_awready = 0;
  for (std::uint8_t i = 0; i < 4; ++i) {
    data_address(i, 0);
    data_beat(i, true);
  }
  bench->iommu_awaddr = 0x9000;
  bench->iommu_awlen = 0;
  bench->iommu_wlast = 1;
  bench->iommu_awvalid = bench->iommu_wvalid = 1;
  bench->m_awready = 1;
  std::vector<bool> order;  // of the IOMMU's
  for (int i = 0; i < 40 && order.size() < 6; ++i) {
    bench.settle();
    const bool taken = bench->m_awvalid && bench->m_awready, iommus = bench->m_awid != 0;
    if (taken) order.push_back(iommus);
    bench.tick();
    if (taken) answer(iommus);
  }
  ASSERT_EQ(order.size(), 6U);
  for (std::size_t i = 2; i < order.size(); ++i) EXPECT_NE(order[i], order[i - 1]) << i;
}

TEST_F(MergedReads, BothSidesTakeTurns) {
  bench->m_arready = 1;
  bench->data_araddr = 0x4000;
  bench->iommu_araddr = 0x9000;
  bench->data_arlen = bench->iommu_arlen = 0;
  bench->data_arvalid = bench->iommu_arvalid = 1;
  std::vector<bool> order;  // of the IOMMU's
  for (int i = 0; i < 12; ++i) {
    bench.settle();
    if (bench->m_arvalid) order.push_back(bench->m_arid != 0);
    bench.tick();
  }
  ASSERT_GT(order.size(), 6U);
  for (std::size_t i = 1; i < order.size(); ++i) EXPECT_NE(order[i], order[i - 1]) << i;
}

TEST_F(MergedReads, EachSideGetsTheBridgesAnswerAsItIs) {
  bench->data_rready = 1;
  for (const unsigned resp : {0U, 2U, 3U}) {
    ASSERT_TRUE(ask_data(1, 0));
    ASSERT_TRUE(ask_iommu(2, 0x1000, 0));
    for (const bool iommu : {false, true}) {
      bench->m_rid = iommu;
      bench->m_rresp = static_cast<std::uint8_t>(resp);
      bench->m_rlast = bench->m_rvalid = 1;
      bench.settle();
      if (iommu) {
        EXPECT_EQ(bench->iommu_rresp, resp);
      }
      bench.tick();
      bench->m_rvalid = 0;
      bench.settle();
      if (!iommu) {
        EXPECT_EQ(bench->data_rresp, resp);
      }
    }
  }
}

/// fpga_master with words of 128 bits, both clocks the same.
class WideMaster : public ::testing::Test {
 protected:
  WideMaster() {
    bench->data_awvalid = bench->data_wvalid = bench->data_arvalid = bench->iommu_awvalid = bench->iommu_wvalid =
        bench->iommu_arvalid = bench->m_axi_bvalid = bench->m_axi_rvalid = 0;
    bench->data_bready = bench->data_rready = bench->m_axi_awready = bench->m_axi_wready = bench->m_axi_arready = 1;
    clocks(6);
    bench->card_rst_ni = bench->bus_rst_ni = 1;
    clocks(2);
  }
  ~WideMaster() override { bench->final(); }
  /// Until something happened, in a bounded number of clocks.
  template <typename Happened>
  bool until(Happened happened) {
    for (int i = 0; i < 40; ++i) {
      if (happened()) return true;
      clocks(1);
    }
    return false;
  }
  void clocks(unsigned count) {
    for (unsigned i = 0; i < 2 * count; ++i) {
      bench->card_clk_i = bench->bus_clk_i = i % 2 == 0;
      bench->eval();
    }
  }
  static std::array<std::uint32_t, 4> words(const VlWide<4>& data) { return {data[0], data[1], data[2], data[3]}; }

  VerilatedContext context;
  std::unique_ptr<Vfpga_master128> bench = std::make_unique<Vfpga_master128>(&context);
};

TEST_F(WideMaster, ReadsAreOfWholeWords) {
  bench->data_arid = 17;
  bench->data_araddr = 0x1'2345'6018;
  bench->data_arlen = 1;
  bench->data_arvalid = 1;
  clocks(1);
  bench->data_arvalid = 0;
  ASSERT_TRUE(until([&] { return bench->m_axi_arvalid != 0; }));
  EXPECT_EQ(bench->m_axi_araddr, 0x1'2345'6010U);
  EXPECT_EQ(bench->m_axi_arsize, 4);
  EXPECT_EQ(bench->m_axi_arlen, 1);
  EXPECT_EQ(bench->m_axi_arburst, 1);
  clocks(1);
  for (unsigned beat = 0; beat < 2; ++beat) {
    for (unsigned i = 0; i < 4; ++i) bench->m_axi_rdata[i] = 0x1111'1111 * (4 * beat + i);
    bench->m_axi_rid = 0;
    bench->m_axi_rresp = 0;
    bench->m_axi_rlast = beat == 1;
    bench->m_axi_rvalid = 1;
    clocks(1);
    bench->m_axi_rvalid = 0;
    ASSERT_TRUE(until([&] { return bench->data_rvalid != 0; })) << beat;
    EXPECT_EQ(bench->data_rid, 17);
    EXPECT_EQ(bench->data_rlast != 0, beat == 1);
    const std::array<std::uint32_t, 4> first{0, 0x1111'1111, 0x2222'2222, 0x3333'3333};
    if (beat == 0) {
      EXPECT_EQ(words(bench->data_rdata), first);
    }
    clocks(1);
  }
}

TEST_F(WideMaster, WritesAreOfWholeWordsWithTheirStrobes) {
  bench->data_awid = 3;
  bench->data_awaddr = 0x4000;
  bench->data_awlen = 0;
  bench->data_awvalid = bench->data_wvalid = bench->data_wlast = 1;
  for (unsigned i = 0; i < 4; ++i) bench->data_wdata[i] = 0x0101'0101 * (i + 1);
  bench->data_wstrb = 0x8421;
  clocks(1);
  bench->data_awvalid = bench->data_wvalid = 0;
  ASSERT_TRUE(until([&] { return bench->m_axi_awvalid != 0; }));
  EXPECT_EQ(bench->m_axi_awsize, 4);
  EXPECT_EQ(bench->m_axi_awaddr, 0x4000U);
  ASSERT_TRUE(until([&] { return bench->m_axi_wvalid != 0; }));
  EXPECT_EQ(bench->m_axi_wstrb, 0x8421);
  EXPECT_EQ(words(bench->m_axi_wdata),
            (std::array<std::uint32_t, 4>{0x0101'0101, 0x0202'0202, 0x0303'0303, 0x0404'0404}));
  EXPECT_TRUE(bench->m_axi_wlast);
  clocks(1);
  bench->m_axi_bid = 0;
  bench->m_axi_bresp = 2;
  bench->m_axi_bvalid = 1;
  clocks(1);
  bench->m_axi_bvalid = 0;
  ASSERT_TRUE(until([&] { return bench->data_bvalid != 0; }));
  EXPECT_EQ(bench->data_bid, 3);
  EXPECT_EQ(bench->data_bresp, 2);
}

}  // namespace
}  // namespace aperture::test
