// SPDX-License-Identifier: Apache-2.0
// Performance counters: what counts, what the filters let through, and how an overflow is told.
#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "bench/iommu_setup.hpp"
#include "card/registers.hpp"

namespace aperture::test {
namespace {

namespace r = regs::iommu;
namespace e = r::iohpmevt_f;
using regs::HpmEvent;
using regs::IommuMode;
using regs::SatpMode;
using tb::Translation;

constexpr std::uint64_t kOnes = ~std::uint64_t{0};
constexpr std::uint64_t kPmip = r::ipsr_f::pmip.mask();
constexpr std::uint64_t kIova = 0x40'0000'0000 / 8;

constexpr std::uint64_t event(HpmEvent what) { return e::event_id.set(0, std::to_underlying(what)); }

class Counters : public ::testing::Test {
 protected:
  Counters() { restart(hpm()); }
  static tb::Straps hpm() {
    tb::Straps straps = first_stage();
    straps.capabilities |= r::capabilities_f::hpm.mask();
    straps.fctl = static_cast<std::uint8_t>(r::fctl_f::wsi.mask());
    return straps;
  }
  void restart(const tb::Straps& straps) { bench.reset(straps); }
  card::Mmio& mmio() { return bench.card().mmio(); }
  std::uint64_t read(const regs::Register& reg, unsigned index = 0) { return card::read(mmio(), reg, index); }
  void write(const regs::Register& reg, std::uint64_t value, unsigned index = 0) {
    card::write(mmio(), reg, value, index);
  }
  /// Counters are named as the specification does, from 1 on.
  void select(unsigned counter, std::uint64_t event) {
    write(r::iohpmevt, event, counter - 1);
    write(r::iohpmctr, 0, counter - 1);
  }
  std::uint64_t count(unsigned counter) {
    bench.settle();
    return read(r::iohpmctr, counter - 1);
  }
  void run_all_but_cycles() { write(r::iocountinh, r::iocountinh_f::cy.mask()); }
  void access(const tb::Identity& who = {}, std::uint64_t address = 0x5000) { bench.device().read(who, address, 8); }

  tb::Bench& bench = power_on();
  Iommu iommu{bench};
};

// ---- registers

TEST_F(Counters, AreAbsentWithoutTheCapability) {
  restart(first_stage());
  for (const regs::Register& reg : {r::iocountovf, r::iocountinh, r::iohpmcycles, r::iohpmctr, r::iohpmevt}) {
    write(reg, kOnes);
    EXPECT_EQ(read(reg), 0U) << reg.name;
  }
}

TEST_F(Counters, StandAfterReset) {
  EXPECT_EQ(read(r::iocountinh), 0xffff'ffffU);
  const std::uint64_t before = read(r::iohpmcycles);
  bench.run(100);
  EXPECT_EQ(read(r::iohpmcycles), before);
}

TEST_F(Counters, NumberAndWidthAreStraps) {
  tb::Straps straps = hpm();
  straps.hpm_counters = 7;
  straps.hpm_counter_bits = 40;
  restart(straps);
  write(r::iocountinh, 0xffff'ffff);
  EXPECT_EQ(read(r::iocountinh), 0xffU);
  for (unsigned counter = 1; counter <= 31; ++counter) {
    write(r::iohpmctr, kOnes, counter - 1);
    write(r::iohpmevt, event(HpmEvent::kTlbMiss), counter - 1);
    EXPECT_EQ(read(r::iohpmctr, counter - 1), counter <= 7 ? (std::uint64_t{1} << 40) - 1 : 0) << counter;
    EXPECT_EQ(read(r::iohpmevt, counter - 1), counter <= 7 ? event(HpmEvent::kTlbMiss) : 0) << counter;
  }
}

TEST_F(Counters, EventsAboveTheLargestAreKeptAsNone) {
  tb::Straps straps = hpm();
  straps.hpm_event_max = 4;
  restart(straps);
  for (unsigned id = 0; id < 9; ++id) {
    write(r::iohpmevt, e::event_id.set(e::idt.mask(), id), 3);
    EXPECT_EQ(read(r::iohpmevt, 3), e::event_id.set(e::idt.mask(), id <= 4 ? id : 0)) << id;
  }
}

TEST_F(Counters, HalvesAreIndependent) {
  for (const auto& [reg, index] : {std::pair{r::iohpmcycles, 0U}, {r::iohpmctr, 30U}, {r::iohpmevt, 30U}}) {
    const std::uint64_t offset = reg.offset + std::uint64_t{reg.stride} * index;
    write(reg, 0, index);
    iommu.write32(offset + 4, 0x1234'5678);
    EXPECT_EQ(read(reg, index), 0x1234'5678'0000'0000U) << reg.name;
    iommu.write32(offset, 5);
    EXPECT_EQ(read(reg, index), 0x1234'5678'0000'0005U) << reg.name;
  }
}

// ---- cycles

TEST_F(Counters, CyclesCountTheClockAndKeepItRunning) {
  write(r::iocountinh, ~r::iocountinh_f::cy.mask());
  const std::uint64_t clock = bench.cycle(), cycles = read(r::iohpmcycles);
  bench.run(1000);
  EXPECT_TRUE(bench.busy());
  const std::uint64_t counted = read(r::iohpmcycles) - cycles;
  EXPECT_NEAR(static_cast<double>(counted), static_cast<double>(bench.cycle() - clock), 20);
  EXPECT_EQ(card::read(mmio(), regs::card::status), 0U) << "nobody has to wait for a counter of cycles";
  write(r::iocountinh, kOnes);
  EXPECT_EQ(bench.settle(), tb::Outcome::kIdle);
  EXPECT_FALSE(bench.busy());
}

TEST_F(Counters, OverflowOfCyclesIsToldOnce) {
  write(r::icvec, r::icvec_f::pmiv.set(0, 2));
  const std::uint64_t last = r::iohpmcycles_f::counter.mask();
  write(r::iohpmcycles, last - 50);
  write(r::iocountinh, ~r::iocountinh_f::cy.mask());
  bench.run(100);
  EXPECT_EQ(read(r::iohpmcycles) >> 63, 1U);
  EXPECT_EQ(read(r::iocountovf), 1U);
  EXPECT_EQ(read(r::ipsr), kPmip);
  EXPECT_EQ(bench.wires(), 1U << 2);
  write(r::ipsr, kPmip);
  write(r::iohpmcycles, kOnes - 50);  // OF is still set
  bench.run(100);
  EXPECT_EQ(read(r::ipsr), 0U);
  write(r::iohpmcycles, last - 50);
  bench.run(100);
  EXPECT_EQ(read(r::ipsr), kPmip);
}

// ---- events of requests

TEST_F(Counters, EveryRequestCountsAlsoTwoInAClock) {
  iommu.write_ddtp(IommuMode::kBare);
  select(1, event(HpmEvent::kUntranslated));
  select(31, event(HpmEvent::kUntranslated));
  run_all_but_cycles();
  for (unsigned i = 0; i < 20; ++i) {
    tb::DeviceBurst burst = bench.device().make({}, 0x1000 * i, 8, static_cast<std::uint8_t>(i % 16));
    bench.device().submit(burst);
    burst.write = true;
    burst.data.resize(8);
    bench.device().submit(burst);
  }
  EXPECT_EQ(count(1), 40U);
  EXPECT_EQ(count(31), 40U);
}

TEST_F(Counters, TranslatedRequestsAreCountedApart) {
  iommu.write_ddtp(IommuMode::kBare);
  select(1, event(HpmEvent::kUntranslated));
  select(2, event(HpmEvent::kTranslated));
  run_all_but_cycles();
  access();
  access({.type = Translation::kTranslated});
  access({.type = Translation::kTranslated});
  EXPECT_EQ(count(1), 1U);
  EXPECT_EQ(count(2), 2U);
}

TEST_F(Counters, InhibitedOnesStand) {
  iommu.write_ddtp(IommuMode::kBare);
  select(1, event(HpmEvent::kUntranslated));
  select(2, event(HpmEvent::kUntranslated));
  select(3, 0);
  write(r::iocountinh, ~std::uint64_t{0b1100});
  access();
  EXPECT_EQ(count(1), 0U);
  EXPECT_EQ(count(2), 1U);
  EXPECT_EQ(count(3), 0U);
  EXPECT_EQ(bench.settle(), tb::Outcome::kIdle) << "counters of events keep no clock";
}

TEST_F(Counters, FiltersByDeviceAndProcess) {
  iommu.write_ddtp(IommuMode::kBare);
  const std::uint64_t by_device = event(HpmEvent::kUntranslated) | e::dv_gscv.mask();
  const std::uint64_t by_process = event(HpmEvent::kUntranslated) | e::pv_pscv.mask();
  select(1, e::did_gscid.set(by_device, 0x5a'0017));
  select(2, e::did_gscid.set(by_device, 0x5a'0017) | e::dmask.mask());  // 0x5a0010 to 0x5a001f
  select(3, e::pid_pscid.set(by_process, 9));
  select(4, e::pid_pscid.set(e::did_gscid.set(by_device | by_process, 0x5a'0017), 9));
  select(5, e::did_gscid.set(by_device, 0xff'ffff) | e::dmask.mask());  // all
  run_all_but_cycles();
  access({.device_id = 0x5a'0017});
  access({.device_id = 0x5a'0018});
  access({.device_id = 0x5a'0017, .process_id = 9});
  access({.device_id = 0x5a'0027, .process_id = 9});
  access({.device_id = 0x5a'0017, .process_id = 8});
  access({.device_id = 0});
  EXPECT_EQ(count(1), 3U);
  EXPECT_EQ(count(2), 4U);
  EXPECT_EQ(count(3), 2U);
  EXPECT_EQ(count(4), 1U);
  EXPECT_EQ(count(5), 6U);
}

TEST_F(Counters, FilterByProcessZeroDoesNotTakeRequestsWithoutProcess) {
  iommu.write_ddtp(IommuMode::kBare);
  select(1, event(HpmEvent::kUntranslated) | e::pv_pscv.mask());
  run_all_but_cycles();
  access();
  EXPECT_EQ(count(1), 0U);
  access({.process_id = 0});
  EXPECT_EQ(count(1), 1U);
}

// ---- events of walks

class WalkCounters : public Counters {
 protected:
  void translate_two_devices() {
    start(iommu);
    for (const std::uint32_t device : {1U, 2U}) {
      PageTable& table = tables.emplace_back(iommu, SatpMode::kSv39);
      table.map(kIova, iommu.frame());
      iommu.set_context(device, table.context(0x100 + device));
    }
  }
  std::vector<PageTable> tables;
};

TEST_F(WalkCounters, EntriesAndMissesCountOnce) {
  translate_two_devices();
  select(1, event(HpmEvent::kTlbMiss));
  select(2, event(HpmEvent::kDdtWalk));
  select(3, event(HpmEvent::kFirstStageWalk));
  select(4, event(HpmEvent::kSecondStageWalk));
  select(5, event(HpmEvent::kPdtWalk));
  select(6, event(HpmEvent::kAts));
  run_all_but_cycles();
  access({.device_id = 1}, kIova);
  access({.device_id = 1}, kIova + 8);
  EXPECT_EQ(count(1), 1U);
  EXPECT_EQ(count(2), 1U);
  EXPECT_EQ(count(3), 3U);
  EXPECT_EQ(count(4), 0U);
  EXPECT_EQ(count(5), 0U);
  EXPECT_EQ(count(6), 0U);
}

TEST_F(WalkCounters, PscidFiltersMissesAndPageTableWalksOnly) {
  translate_two_devices();
  const std::uint64_t of_second = e::pid_pscid.set(e::idt.mask() | e::pv_pscv.mask(), 0x102);
  select(1, event(HpmEvent::kTlbMiss) | of_second);
  select(2, event(HpmEvent::kFirstStageWalk) | of_second);
  select(3, event(HpmEvent::kUntranslated) | e::idt.mask());
  select(4, event(HpmEvent::kDdtWalk) | e::idt.mask());
  select(5, event(HpmEvent::kTlbMiss) | e::idt.mask() | e::dv_gscv.mask());
  run_all_but_cycles();
  access({.device_id = 1}, kIova);
  access({.device_id = 2}, kIova);
  EXPECT_EQ(count(1), 1U);
  EXPECT_EQ(count(2), 3U);
  EXPECT_EQ(count(3), 0U);
  EXPECT_EQ(count(4), 0U);
  EXPECT_EQ(count(5), 0U) << "no second stage, no GSCID";
}

TEST_F(WalkCounters, SecondStageAndProcessDirectoryHaveTheirOwn) {
  tb::Straps straps = hpm();
  straps.capabilities |= r::capabilities_f::sv39x4.mask() | r::capabilities_f::pd8.mask();
  restart(straps);
  start(iommu);
  PageTable table(iommu, SatpMode::kSv39);
  table.map(kIova, iommu.frame());
  // Guest physical addresses are physical ones: one leaf of 1 GiB in a root of 16 KiB.
  while (iommu.frame() % (4 * kPageSize) != 3 * kPageSize) {
  }
  const std::uint64_t guest_root = iommu.frame(4), directory = iommu.frame();
  iommu.memory().write64(guest_root, kReadWrite | kX);
  iommu.memory().write64(directory + 16 * 5, regs::pc::ta::pscid.set(regs::pc::ta::v.mask(), 0x105));
  iommu.memory().write64(directory + 16 * 5 + 8, table.context().fsc);
  DeviceContext dc;
  dc.tc |= regs::dc::tc::pdtv.mask();
  namespace g = regs::dc::iohgatp;
  dc.iohgatp = g::mode.set(g::gscid.set(guest_root >> 12, 0x77), std::to_underlying(regs::HgatpMode::kSv39x4));
  dc.fsc = regs::dc::fsc::mode.set(directory >> 12, std::to_underlying(regs::PdtpMode::kPd8));
  iommu.set_context(1, dc);
  const std::uint64_t of_guest = e::did_gscid.set(e::idt.mask() | e::dv_gscv.mask(), 0x77);
  select(1, event(HpmEvent::kTlbMiss) | of_guest);
  select(2, event(HpmEvent::kPdtWalk));
  select(3, event(HpmEvent::kFirstStageWalk) | of_guest);
  select(4, event(HpmEvent::kSecondStageWalk) | of_guest);
  select(5, event(HpmEvent::kTlbMiss) | e::did_gscid.set(of_guest, 0x76));
  run_all_but_cycles();
  access({.device_id = 1, .process_id = 5}, kIova);
  ASSERT_TRUE(iommu.faults().empty());
  EXPECT_EQ(count(1), 1U);
  EXPECT_EQ(count(2), 1U);
  EXPECT_EQ(count(3), 3U);
  EXPECT_EQ(count(4), 5U) << "for the process context, three tables and the page";
  EXPECT_EQ(count(5), 0U);
}

TEST_F(WalkCounters, AtsRequestsHaveTheirOwn) {
  tb::Straps straps = hpm();
  straps.capabilities |= r::capabilities_f::ats.mask();
  restart(straps);
  translate_two_devices();
  DeviceContext dc = tables[0].context(0x101);
  dc.tc |= regs::dc::tc::en_ats.mask();
  iommu.set_context(1, dc);
  const std::uint64_t by_device = event(HpmEvent::kAts) | e::dv_gscv.mask();
  select(1, event(HpmEvent::kAts));
  select(2, e::did_gscid.set(by_device, 1));
  select(3, e::did_gscid.set(by_device, 2));
  select(4, event(HpmEvent::kUntranslated));
  select(5, event(HpmEvent::kFirstStageWalk));
  run_all_but_cycles();
  tb::DeviceAccess request;
  request.device_id = 1;
  request.type = tb::AccessType::kAts;
  request.iova = kIova;
  EXPECT_TRUE(bench.device().ats(request));
  EXPECT_EQ(count(1), 1U);
  EXPECT_EQ(count(2), 1U);
  EXPECT_EQ(count(3), 0U);
  EXPECT_EQ(count(4), 0U);
  EXPECT_EQ(count(5), 3U);
}

// ---- overflow of events

TEST_F(Counters, OverflowOfEventsIsToldWhileOfWasClear) {
  tb::Straps straps = hpm();
  straps.hpm_counter_bits = 32;
  restart(straps);
  iommu.write_ddtp(IommuMode::kBare);
  write(r::icvec, r::icvec_f::pmiv.set(0, 3));
  select(7, event(HpmEvent::kUntranslated));
  write(r::iohpmctr, 0xffff'ffff, 6);
  run_all_but_cycles();
  access();
  EXPECT_EQ(count(7), 0U);
  EXPECT_EQ(read(r::iohpmevt, 6), event(HpmEvent::kUntranslated) | e::of.mask());
  EXPECT_EQ(read(r::iocountovf), 1U << 7);
  EXPECT_EQ(read(r::ipsr), kPmip);
  EXPECT_EQ(bench.wires(), 1U << 3);
  write(r::ipsr, kPmip);
  write(r::iohpmctr, 0xffff'ffff, 6);
  access();
  EXPECT_EQ(count(7), 0U);
  EXPECT_EQ(read(r::ipsr), 0U);
  write(r::iohpmevt, event(HpmEvent::kUntranslated), 6);
  write(r::iohpmctr, 0xffff'ffff, 6);
  access();
  bench.settle();
  EXPECT_EQ(read(r::ipsr), kPmip);
}

TEST_F(Counters, SettingOfByHandTellsNothing) {
  write(r::iohpmevt, e::of.mask(), 0);
  write(r::iohpmcycles, kOnes);
  EXPECT_EQ(read(r::iocountovf), 3U);
  EXPECT_EQ(read(r::ipsr), 0U);
}

}  // namespace
}  // namespace aperture::test
