// SPDX-License-Identifier: Apache-2.0
// iommu_tlb alone: what fills leave behind. The rest of what it has to do is proved (formal/iommu_tlb_proof.sv).

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

#include "Viommu_tlb.h"
#include "rtl/support/bundle.hpp"
#include "rtl/support/module_bench.hpp"

namespace aperture::test {
namespace {

/// 4 KiB leaves of one address space. An entry is a tlb_t.
class Tlb : public ::testing::Test {
 protected:
  static constexpr unsigned kWays = 4;
  static constexpr unsigned kSets = 16;
  static constexpr unsigned kPpnLsb = 20;

  Tlb() {
    bench->rd_en_i = 0;
    bench->key_valid_i = 0;
    bench->fill_i = 0;
    bench->fill_fractured_i = 0;
    bench->inval_i = 0;
    bench->inval_page_i = 0;
    bench->inval_vpn_i = 0;
    bench->key0_space_i = bench->key1_space_i = 0;
    bench.reset();
  }

  /// One fill; it goes on for a second clock while others begin.
  void fill(std::uint32_t page, std::uint32_t ppn) {
    put(bench->fill_entry_i, 0, 64, std::uint64_t{ppn} << kPpnLsb);
    put(bench->fill_entry_i, 64, 64, page);
    put(bench->fill_entry_i, 128, 64, 0);
    bench->fill_i = 1;
    bench.tick();
    bench->fill_i = 0;
  }
  std::optional<std::uint32_t> look_up(std::uint32_t page) {
    bench->rd_en_i = 1;
    put(bench->rd_vpn_i, 0, 47, page);
    put(bench->rd_vpn_i, 47, 47, 0);
    bench.tick();
    bench->rd_en_i = 0;
    bench->key_valid_i = 1;
    bench->key0_page_i = page;
    bench.settle();
    std::optional<std::uint32_t> ppn;
    if ((bench->hit_o & 1U) != 0) ppn = static_cast<std::uint32_t>(get(bench->leaf_o, kPpnLsb, 32));
    bench->key_valid_i = 0;
    return ppn;
  }

  ModuleBench<Viommu_tlb> bench;
};

// More pages of a set than it has ways: of two entries of a page the older would be found first in some of them.
TEST_F(Tlb, GivesTheLastOfTwoFillsOfAPageInARow) {
  for (std::uint32_t round = 0; round < 2 * kWays + 1; ++round) {
    const std::uint32_t page = round * kSets + 5;
    fill(page, 2 * round);
    fill(page, 2 * round + 1);
    bench.tick();
    EXPECT_EQ(look_up(page), 2 * round + 1) << "page " << page;
  }
}

TEST_F(Tlb, KeepsOneEntryOfAPageThatIsFilledTwiceInARow) {
  for (std::uint32_t way = 0; way < kWays; ++way) {
    fill(way * kSets, way);
    fill(way * kSets, way);
  }
  bench.tick();
  for (std::uint32_t way = 0; way < kWays; ++way) EXPECT_EQ(look_up(way * kSets), way) << "pushed out";
}

}  // namespace
}  // namespace aperture::test
