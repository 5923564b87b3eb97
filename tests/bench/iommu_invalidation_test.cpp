// SPDX-License-Identifier: Apache-2.0
// Invalidations that land while a walk ends: in the clocks around its fill of the IOTLB above all.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "bench/iommu_setup.hpp"
#include "support/seed.hpp"
#include "tb/bench.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kDevice = 3;
constexpr std::uint64_t kIova = 0x4000'0000;

/// By the level of the leaf.
class PageInvalidation : public ::testing::TestWithParam<unsigned> {};

TEST_P(PageInvalidation, LeavesNothingOfAWalkThatEndsInAnyClockAroundIt) {
  // Memory answers late and out of order: the entry is read before the edit, and filled when the command acts. Faults
  // of the pages beside it end in between, and delay fills.
  tb::Bench& bench = power_on(tb::Profile::kHostile, 10);
  Iommu iommu(bench);
  iommu.enable_command_queue(8);
  iommu.enable_fault_queue();
  iommu.switch_on(regs::IommuMode::k1lvl);
  PageTable table(iommu, regs::SatpMode::kSv39);
  iommu.set_context(kDevice, table.context());
  const std::uint64_t old_page = 0x4000'0000, new_page = 0x8000'0000;  // aligned for every level
  iommu.memory().write64(old_page, 0x11);
  iommu.memory().write64(new_page, 0x22);
  std::mt19937_64 random(seed());
  const auto read = [&](std::uint64_t iova, unsigned id) {
    return bench.device().make({.device_id = kDevice}, iova, 8, static_cast<std::uint8_t>(id));
  };
  constexpr std::uint64_t kUnmapped = 0x6000'0000;
  constexpr unsigned kFaults = 6;
  for (unsigned round = 0; round < 1200; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const std::uint64_t entry = table.map(kIova, old_page, kReadWrite, GetParam());
    ASSERT_TRUE(iommu.run(iotinval_vma({.address = kIova})));
    ASSERT_TRUE(iommu.run(iofence()));
    std::vector<tb::Ticket> early;
    const std::uint64_t turn = random() % (kFaults + 1);
    for (unsigned i = 0; i <= kFaults; ++i) {
      const std::uint64_t iova = i == turn ? kIova : kUnmapped + i * (std::uint64_t{1} << 21);
      early.push_back(bench.device().submit(read(iova, i)));
      bench.run(random() % 3);
    }
    bench.run(random() % 60);
    iommu.memory().write64(entry, regs::pte::e::ppn.set(kReadWrite, new_page >> 12));
    iommu.submit(iotinval_vma({.address = kIova}));
    iommu.submit(iofence());
    ASSERT_TRUE(iommu.finish());
    const tb::Completion late = bench.device().run(read(kIova, 15));
    ASSERT_EQ(late.resp, tb::Resp::kOkay);
    ASSERT_EQ(std::to_integer<unsigned>(late.data.at(0)), 0x22U) << "the old page was used after the fence";
    for (const tb::Ticket ticket : early) ASSERT_TRUE(bench.device().wait(ticket).done);
    ASSERT_EQ(iommu.faults().size(), kFaults);
  }
}

INSTANTIATE_TEST_SUITE_P(Leaves, PageInvalidation, ::testing::Values(0U, 1U),
                         [](const auto& info) { return info.param == 0 ? "Of4KiB" : "Of2MiB"; });

}  // namespace
}  // namespace aperture::test
