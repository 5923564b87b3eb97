// SPDX-License-Identifier: Apache-2.0
// rtl/fpga/merge_read and merge_write: the IOMMU's port and the devices' become one at an AXI-PCIe bridge.

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

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

}  // namespace
}  // namespace aperture::test
