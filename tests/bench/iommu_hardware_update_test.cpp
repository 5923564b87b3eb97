// SPDX-License-Identifier: Apache-2.0
// A and D bits that the IOMMU sets (capabilities.AMO_HWAD, DC.tc.SADE): by exclusive pairs on m_iommu, before the
// access that needs them, and never over what somebody else wrote meanwhile.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "bench/iommu_setup.hpp"
#include "support/seed.hpp"

namespace aperture::test {
namespace {

using regs::Cause;
using regs::IommuMode;
using regs::SatpMode;
using tb::BusEvent;
using tb::Channel;
using tb::Port;

constexpr std::uint32_t kDevice = 3;
constexpr std::uint64_t kIova = 0x7000;
constexpr std::uint64_t kFresh = kV | kR | kW | kU;

class HardwareUpdates : public ::testing::Test {
 protected:
  explicit HardwareUpdates(bool exclusives = true) : bench(start_bench(exclusives)) {
    iommu.enable_command_queue();
    iommu.enable_fault_queue();
    iommu.switch_on(IommuMode::k1lvl);
    entry = table.map(kIova, page, kFresh);
    set_context(regs::dc::tc::sade.mask());
    bench.log().enable(true);
  }
  static tb::Bench& start_bench(bool exclusives) {
    tb::Options options;
    options.seed = seed();
    options.exclusives = exclusives;
    options.straps = first_stage();
    options.straps.capabilities |= regs::iommu::capabilities_f::amo_hwad.mask();
    return tb::Bench::start(options);
  }
  void set_context(std::uint64_t tc) {
    DeviceContext dc = table.context();
    dc.tc |= tc;
    iommu.set_context(kDevice, dc);
  }
  tb::Resp read() { return bench.device().read({.device_id = kDevice}, kIova, 8).resp; }
  tb::Resp write() { return bench.device().write({.device_id = kDevice}, kIova, std::vector<std::byte>(8)).resp; }
  std::uint64_t bits() { return iommu.memory().read64(entry) & (kA | kD); }
  std::vector<BusEvent> exclusive(Channel channel) {
    std::vector<BusEvent> found = bench.log().events(Port::kIommu, channel);
    std::erase_if(found, [](const BusEvent& event) { return !event.address.lock; });
    return found;
  }

  tb::Bench& bench;
  Iommu iommu{bench};
  PageTable table{iommu, SatpMode::kSv39};
  std::uint64_t page = iommu.frame(), entry = 0;
};

TEST_F(HardwareUpdates, ReadSetsA) {
  EXPECT_EQ(read(), tb::Resp::kOkay);
  EXPECT_EQ(bits(), kA);
}

TEST_F(HardwareUpdates, WriteSetsAAndD) {
  EXPECT_EQ(write(), tb::Resp::kOkay);
  EXPECT_EQ(bits(), kA | kD);
}

TEST_F(HardwareUpdates, WriteBehindAReadSetsD) {
  EXPECT_EQ(read(), tb::Resp::kOkay);
  EXPECT_EQ(write(), tb::Resp::kOkay);
  EXPECT_EQ(bits(), kA | kD);
}

TEST_F(HardwareUpdates, EntryThatHasThemIsNotWritten) {
  iommu.memory().write64(entry, iommu.memory().read64(entry) | kA | kD);
  EXPECT_EQ(write(), tb::Resp::kOkay);
  EXPECT_TRUE(exclusive(Channel::kAr).empty());
}

TEST_F(HardwareUpdates, WithoutSadeMissingAIsAPageFault) {
  set_context(0);
  EXPECT_EQ(read(), tb::Resp::kSlverr);
  EXPECT_EQ(iommu.faults().at(0).cause, Cause::kReadPageFault);
  EXPECT_EQ(bits(), 0U);
}

TEST_F(HardwareUpdates, RefusedAccessSetsNothing) {
  iommu.memory().write64(entry, iommu.memory().read64(entry) & ~kW);
  EXPECT_EQ(write(), tb::Resp::kSlverr);
  EXPECT_EQ(iommu.faults().at(0).cause, Cause::kWritePageFault);
  EXPECT_EQ(bits(), 0U);
}

TEST_F(HardwareUpdates, AccessLeavesBehindTheAnswerOfItsUpdate) {
  write();
  bench.settle();
  const std::vector<BusEvent> reads = exclusive(Channel::kAr), writes = exclusive(Channel::kAw);
  ASSERT_EQ(reads.size(), 1U);
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(reads[0].address.addr, entry);
  EXPECT_EQ(writes[0].address.addr, entry);
  const std::vector<BusEvent> answers = bench.log().events(Port::kIommu, Channel::kB);
  const auto answer = std::ranges::find_if(answers, [&](const BusEvent& b) {
    return b.accepted > writes[0].accepted && b.address.id == writes[0].address.id;
  });
  ASSERT_NE(answer, answers.end());
  const std::vector<BusEvent> access = bench.log().events(Port::kData, Channel::kAw);
  ASSERT_EQ(access.size(), 1U);
  EXPECT_GE(access[0].offered, answer->accepted);
}

TEST_F(HardwareUpdates, EntryThatWasChangedMeanwhileIsReadAgain) {
  const std::uint64_t other = iommu.frame();
  iommu.memory().write64(other, 0x33);
  const tb::Ticket ticket = bench.device().submit(bench.device().make({.device_id = kDevice}, kIova, 8));
  // The exclusive read is answered, its write still to come: the processor moves the page.
  const auto answered = [&] {
    const std::vector<BusEvent> reads = exclusive(Channel::kAr);
    if (reads.empty()) return false;
    const std::vector<BusEvent> answers = bench.log().events(Port::kIommu, Channel::kR);
    return std::ranges::any_of(answers, [&](const BusEvent& r) {
      return r.accepted > reads[0].accepted && r.address.id == reads[0].address.id;
    });
  };
  ASSERT_EQ(bench.wait_until(answered, 10'000, "the exclusive read"), tb::Outcome::kHappened);
  ASSERT_EQ(bits(), 0U);
  iommu.memory().write64(entry, regs::pte::e::ppn.set(kFresh, other >> 12));
  const tb::Completion done = bench.device().wait(ticket);
  EXPECT_EQ(done.resp, tb::Resp::kOkay);
  EXPECT_EQ(std::to_integer<unsigned>(done.data.at(0)), 0x33U);
  EXPECT_EQ(iommu.memory().read64(entry), regs::pte::e::ppn.set(kFresh | kA, other >> 12));
  EXPECT_GE(exclusive(Channel::kAr).size(), 2U);
}

class WithoutExclusives : public HardwareUpdates {
 protected:
  WithoutExclusives() : HardwareUpdates(false) {}
};

TEST_F(WithoutExclusives, UpdateIsAnAccessFaultAndWritesNothing) {
  EXPECT_EQ(read(), tb::Resp::kSlverr);
  EXPECT_EQ(iommu.faults().at(0).cause, Cause::kReadAccessFault);
  EXPECT_TRUE(exclusive(Channel::kAw).empty());
  EXPECT_EQ(bits(), 0U);
}

}  // namespace
}  // namespace aperture::test
