// SPDX-License-Identifier: Apache-2.0
// Interrupt files in memory (Advanced Interrupt Architecture, "Memory-resident interrupt files") while memory and other
// traffic change around an update. What an undisturbed update does: tests/traces/mrif.jsonl.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "bench/iommu_setup.hpp"
#include "support/seed.hpp"

namespace aperture::test {
namespace {

namespace caps = regs::iommu::capabilities_f;

constexpr std::uint32_t kDevice = 3, kOther = 4;
constexpr std::uint64_t kMsiPage = 0x1'0000, kIova = 0x7000;
constexpr std::uint64_t kNid = 0x45;

/// By whether the card updates files with exclusive accesses, and by memory.
class InterruptFile : public ::testing::TestWithParam<std::tuple<bool, tb::Profile>> {
 protected:
  InterruptFile() {
    iommu.enable_command_queue();
    iommu.enable_fault_queue();
    iommu.switch_on(regs::IommuMode::k1lvl);
    namespace w0 = regs::msi_pte::w0;
    namespace w1 = regs::msi_pte::w1;
    const std::uint64_t entries = iommu.frame();
    iommu.memory().write64(entries, w0::mrif.set(w0::m.set(w0::v.mask(), 1), file >> 9));
    iommu.memory().write64(entries + 8, w1::nppn.set(w1::nid_low.set(0, kNid), notice >> 12));
    // A second stage that maps nothing: only the interrupt file is there.
    std::uint64_t root = iommu.frame();
    while (root % 0x4000 != 0) root = iommu.frame();
    iommu.frame(3);
    namespace g = regs::dc::iohgatp;
    set_context(kDevice,
                {regs::dc::tc::v.mask(), g::mode.set(root >> 12, static_cast<std::uint64_t>(regs::HgatpMode::kSv39x4)),
                 0, 0, regs::dc_msi::msiptp::mode.set(entries >> 12, 1), 0, kMsiPage >> 12, 0});
    const DeviceContext other = table.context();
    set_context(kOther, {other.tc, other.iohgatp, other.ta, other.fsc, 0, 0, 0, 0});
    table.map(kIova, iommu.frame());
  }
  static tb::Bench& start_bench() {
    tb::Options options;
    options.seed = seed();
    options.profile = std::get<tb::Profile>(GetParam());
    options.latency = 10;
    options.straps = first_stage();
    options.straps.capabilities |=
        caps::sv39x4.mask() | caps::msi_flat.mask() | caps::msi_mrif.mask() | caps::amo_mrif.mask();
    if (!std::get<bool>(GetParam())) options.straps.capabilities &= ~caps::amo_mrif.mask();
    return tb::Bench::start(options);
  }
  /// Extended format: 64 bytes.
  void set_context(std::uint32_t device_id, const std::array<std::uint64_t, 8>& words) {
    for (unsigned i = 0; i < 8; ++i) iommu.memory().write64(iommu.root() + 64 * device_id + 8 * i, words[i]);
  }
  tb::Ticket interrupt(std::uint32_t identity) {
    tb::DeviceBurst burst = bench.device().make({.device_id = kDevice}, kMsiPage, 4);
    burst.write = true;
    burst.data.resize(4);
    std::memcpy(burst.data.data(), &identity, 4);
    return bench.device().submit(burst);
  }
  bool pending(std::uint32_t identity) {
    return (iommu.memory().read64(file + identity / 64 * 16) >> identity % 64 & 1) != 0;
  }

  tb::Bench& bench = start_bench();
  Iommu iommu{bench};
  PageTable table{iommu, regs::SatpMode::kSv39};
  std::uint64_t file = iommu.frame(), notice = iommu.frame();
};

TEST_P(InterruptFile, ThatRefusesTheWriteAfterTheReadIsAFaultAndSendsNoNotice) {
  // Memory turns bad while an update is under way: before its read, between read and write, or behind both.
  unsigned pending_without_fault = 0, refused = 0;
  bool after_the_read = false;
  ASSERT_TRUE(bench.device().wait(interrupt(2)).done);
  bench.settle();
  for (unsigned delay = 0; delay < 160; ++delay) {
    SCOPED_TRACE("delay " + std::to_string(delay));
    iommu.memory().write64(file, 0);
    iommu.memory().write32(notice, 0);
    bench.log().clear();
    bench.log().enable(true);
    const tb::Ticket ticket = interrupt(5);
    bench.run(delay);
    iommu.memory().fault(file, 8, tb::MemoryFault::kError);
    const tb::Completion done = bench.device().wait(ticket);
    ASSERT_TRUE(done.done);
    bench.settle();
    iommu.memory().clear_faults();
    const std::vector<Fault> faults = iommu.faults();
    if (pending(5)) {
      EXPECT_EQ(done.resp, tb::Resp::kOkay);
      EXPECT_TRUE(faults.empty());
      EXPECT_EQ(iommu.memory().read32(notice), kNid);
      ++pending_without_fault;
    } else {
      EXPECT_EQ(done.resp, tb::Resp::kSlverr);
      ASSERT_EQ(faults.size(), 1U);
      EXPECT_EQ(faults[0].cause, regs::Cause::kMrifAccessFault);
      EXPECT_EQ(faults[0].iotval, kMsiPage);
      EXPECT_EQ(iommu.memory().read32(notice), 0U);
      ++refused;
      for (const tb::BusEvent& event : bench.log().events(tb::Port::kIommu, tb::Channel::kAw)) {
        after_the_read |= event.address.addr == file;
      }
    }
  }
  EXPECT_GT(pending_without_fault, 10U);
  EXPECT_GT(refused, 10U);
  EXPECT_TRUE(after_the_read) << "no write of the file was refused";
}

TEST_P(InterruptFile, GetsItsTurnBesideWalksOfOthers) {
  // The other device's walks want the same read channel.
  constexpr unsigned kPages = 64;
  const std::uint64_t page = iommu.frame();
  for (unsigned i = 0; i < kPages; ++i) table.map(kIova + i * kPageSize, page);
  for (unsigned round = 0; round < 8; ++round) {
    ASSERT_TRUE(iommu.run(iotinval_vma()));
    std::vector<tb::Ticket> tickets;
    for (unsigned i = 0; i < kPages; ++i) {
      tickets.push_back(bench.device().submit(bench.device().make({.device_id = kOther}, kIova + i * kPageSize, 8)));
      if (i % 8 == 0) tickets.push_back(interrupt(round * kPages + i));
    }
    for (const tb::Ticket ticket : tickets) EXPECT_EQ(bench.device().wait(ticket).resp, tb::Resp::kOkay);
  }
  for (unsigned i = 0; i < 8 * kPages; i += 8) EXPECT_TRUE(pending(i)) << i;
}

INSTANTIATE_TEST_SUITE_P(Updates, InterruptFile,
                         ::testing::Combine(::testing::Bool(),
                                            ::testing::Values(tb::Profile::kIdeal, tb::Profile::kHostile)),
                         [](const auto& info) {
                           return std::string(std::get<bool>(info.param) ? "Exclusive" : "Plain") +
                                  (std::get<tb::Profile>(info.param) == tb::Profile::kIdeal ? "Ideal" : "Hostile");
                         });

}  // namespace
}  // namespace aperture::test
