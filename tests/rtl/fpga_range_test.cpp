// SPDX-License-Identifier: Apache-2.0
// rtl/fpga/axi_range: what lies beyond a bridge's reach is refused before it, in order.

#include <gtest/gtest.h>

#include <cstdint>
#include <tuple>
#include <vector>

#include "Vaxi_range.h"
#include "rtl/support/module_bench.hpp"

namespace aperture::test {
namespace {

constexpr std::uint64_t kBeyond = std::uint64_t{1} << 32;
constexpr unsigned kDecerr = 3;

/// Behind it a bridge that takes all at once and answers when it is told to.
class Range : public ::testing::Test {
 protected:
  Range() {
    bench->s_awvalid = bench->s_wvalid = bench->s_arvalid = bench->m_bvalid = bench->m_rvalid = 0;
    bench->s_bready = bench->s_rready = bench->m_awready = bench->m_wready = bench->m_arready = 1;
    bench->m_bresp = bench->m_rresp = 0;
    bench.reset();
  }
  void clock() {
    bench.settle();
    const bool aw = bench->s_awvalid && bench->s_awready, ar = bench->s_arvalid && bench->s_arready;
    const bool w = bench->s_wvalid && bench->s_wready;
    addresses += bench->m_awvalid && bench->m_awready;
    asked += bench->m_arvalid && bench->m_arready;
    words += bench->m_wvalid && bench->m_wready;
    if (bench->s_rvalid) got.emplace_back(bench->s_rid, bench->s_rresp, bench->s_rlast);
    if (bench->s_bvalid) answers.emplace_back(bench->s_bid, bench->s_bresp);
    bench.tick();
    if (aw) bench->s_awvalid = 0;
    if (ar) bench->s_arvalid = 0;
    if (w) {
      bench->s_wvalid = --beats != 0;
      bench->s_wlast = beats == 1;
    }
  }
  void clocks(unsigned count) {
    for (unsigned i = 0; i < count; ++i) clock();
  }
  void ask(std::uint64_t address, std::uint8_t id, std::uint8_t len = 0) {
    bench->s_araddr = address;
    bench->s_arid = id;
    bench->s_arlen = len;
    bench->s_arvalid = 1;
  }
  void write_address(std::uint64_t address, std::uint8_t id) {
    bench->s_awaddr = address;
    bench->s_awid = id;
    bench->s_awvalid = 1;
  }
  void write_data(unsigned count) {
    beats = count;
    bench->s_wvalid = 1;
    bench->s_wlast = count == 1;
  }
  void give_read(std::uint8_t id, bool last = true) {
    bench->m_rid = id;
    bench->m_rlast = last;
    bench->m_rvalid = 1;
    clock();
    bench->m_rvalid = 0;
  }
  void give_write(std::uint8_t id, std::uint8_t resp = 0) {
    bench->m_bid = id;
    bench->m_bresp = resp;
    bench->m_bvalid = 1;
    clock();
    bench->m_bvalid = 0;
  }
  ModuleBench<Vaxi_range> bench;
  unsigned addresses = 0, asked = 0, words = 0;  // that got through
  unsigned beats = 0;
  std::vector<std::tuple<unsigned, unsigned, bool>> got;
  std::vector<std::tuple<unsigned, unsigned>> answers;
};

TEST_F(Range, WhatCanBeReachedPassesAtOnce) {
  ask(kBeyond - 8, 3);
  write_address(kBeyond - 8, 4);
  write_data(1);
  clock();
  EXPECT_EQ(asked, 1U);
  EXPECT_EQ(addresses, 1U);
  EXPECT_EQ(words, 1U);
  give_read(3);
  give_write(4, 2);
  EXPECT_EQ(got, (decltype(got){{3, 0, true}}));
  EXPECT_EQ(answers, (decltype(answers){{4, 2}}));
}

TEST_F(Range, ReadsBeyondAreRefusedBehindEarlierAnswersAndBeforeLaterBursts) {
  ask(0x1000, 7, 1);
  clock();
  ask(kBeyond, 7, 2);
  clocks(10);
  EXPECT_TRUE(got.empty()) << "the first has no answer yet";
  give_read(7, false);
  give_read(7, true);
  clocks(10);
  EXPECT_EQ(got,
            (decltype(got){{7, 0, false}, {7, 0, true}, {7, kDecerr, false}, {7, kDecerr, false}, {7, kDecerr, true}}));
  EXPECT_EQ(asked, 1U);
  ask(0x2000, 8);
  clocks(2);
  EXPECT_EQ(asked, 2U);
}

TEST_F(Range, RefusedReadsWaitForWhoTakesThem) {
  bench->s_rready = 0;
  ask(~std::uint64_t{0} << 63, 1, 1);
  clocks(5);
  ask(0x1000, 2);
  clocks(5);
  EXPECT_EQ(asked, 0U);
  got.clear();
  bench->s_rready = 1;
  clocks(5);
  EXPECT_EQ(got, (decltype(got){{1, kDecerr, false}, {1, kDecerr, true}}));
  EXPECT_EQ(asked, 1U);
}

TEST_F(Range, WritesBeyondAreSunkAndRefusedBehindEarlierAnswers) {
  write_address(0x1000, 5);
  write_data(2);
  clocks(3);
  EXPECT_EQ(words, 2U);
  write_address(kBeyond, 5);
  write_data(3);
  clocks(10);
  EXPECT_EQ(words, 2U);
  EXPECT_TRUE(answers.empty());
  give_write(5);
  clocks(10);
  EXPECT_EQ(answers, (decltype(answers){{5, 0}, {5, kDecerr}}));
  EXPECT_EQ(words, 2U);
  EXPECT_EQ(addresses, 1U);
  write_address(0x2000, 6);
  write_data(1);
  clocks(3);
  EXPECT_EQ(addresses, 2U);
  EXPECT_EQ(words, 3U);
}

TEST_F(Range, DataDoesNotPassBeforeItsAddress) {
  write_data(1);
  clocks(5);
  EXPECT_EQ(words, 0U);
  write_address(kBeyond, 1);
  clocks(5);
  EXPECT_EQ(words, 0U);
  EXPECT_EQ(answers, (decltype(answers){{1, kDecerr}}));
}

}  // namespace
}  // namespace aperture::test
