// SPDX-License-Identifier: Apache-2.0
// Debug translation: tr_req_iova, tr_req_ctl and tr_response.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "bench/iommu_setup.hpp"

namespace aperture::test {
namespace {

namespace r = regs::iommu;
namespace ctl = r::tr_req_ctl_f;
namespace answer = r::tr_response_f;
using regs::Cause;
using regs::IommuMode;
using regs::SatpMode;
using regs::Ttyp;

constexpr std::uint64_t kOnes = ~std::uint64_t{0};
constexpr std::uint64_t kIova = 0x1234'5000;
constexpr std::uint32_t kDevice = 5;

class DebugTranslation : public ::testing::Test {
 protected:
  explicit DebugTranslation(unsigned latency = 20) : bench(power_on(tb::Profile::kIdeal, latency)) {
    restart(r::capabilities_f::dbg.mask());
  }
  void restart(std::uint64_t capabilities) {
    tb::Straps straps = first_stage();
    straps.capabilities |= capabilities;
    bench.reset(straps);
  }
  static std::uint64_t of(std::uint32_t device) { return ctl::did.set(0, device); }
  void ask(std::uint64_t iova, std::uint64_t control) {
    iommu.write(r::tr_req_iova, iova);
    iommu.write(r::tr_req_ctl, control | ctl::go_busy.mask());
  }
  std::uint64_t translate(std::uint64_t iova, std::uint64_t control) {
    ask(iova, control);
    EXPECT_TRUE(iommu.wait_for(r::tr_req_ctl, ctl::go_busy, 0));
    return iommu.read(r::tr_response);
  }
  static std::uint64_t page(std::uint64_t address) { return answer::ppn.set(0, address >> 12); }

  tb::Bench& bench;
  Iommu iommu{bench};
};

TEST_F(DebugTranslation, IsAbsentWithoutTheCapability) {
  restart(0);
  iommu.write_ddtp(IommuMode::kBare);
  ask(kIova, 0);
  for (const regs::Register& reg : {r::tr_req_iova, r::tr_req_ctl, r::tr_response}) EXPECT_EQ(iommu.read(reg), 0U);
}

TEST_F(DebugTranslation, KeepsItsRequestWithoutReservedBits) {
  iommu.write(r::tr_req_iova, kOnes);
  iommu.write(r::tr_req_ctl, kOnes & ~ctl::go_busy.mask());
  iommu.write(r::tr_response, kOnes);
  EXPECT_EQ(iommu.read(r::tr_req_iova), r::tr_req_iova_f::vpn.mask());
  EXPECT_EQ(iommu.read(r::tr_req_ctl),
            ctl::priv.mask() | ctl::exe.mask() | ctl::nw.mask() | ctl::pid.mask() | ctl::pv.mask() | ctl::did.mask());
  EXPECT_EQ(iommu.read(r::tr_response), 0U);
}

TEST_F(DebugTranslation, BareIsOnePage) {
  iommu.write_ddtp(IommuMode::kBare);
  EXPECT_EQ(translate(kIova, of(kDevice)), page(kIova));
}

TEST_F(DebugTranslation, OffIsAFaultThatIsRecorded) {
  iommu.enable_fault_queue();
  EXPECT_EQ(translate(kIova, of(0xabcdef) | ctl::nw.mask()), answer::fault.mask());
  const std::vector<Fault> faults = iommu.faults();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].cause, Cause::kAllInboundDisallowed);
  EXPECT_EQ(faults[0].type, Ttyp::kUntranslatedRead);
  EXPECT_EQ(faults[0].device_id, 0xabcdefU);
  EXPECT_EQ(faults[0].iotval, kIova);
}

TEST_F(DebugTranslation, HighHalfIsKeptAndLowHalfActs) {
  iommu.write_ddtp(IommuMode::kBare);
  iommu.write(r::tr_req_iova, kIova);
  iommu.write32(r::tr_req_ctl.offset + 4, static_cast<std::uint32_t>(of(0x112233) >> 32));
  EXPECT_EQ(iommu.read(r::tr_response), 0U);
  iommu.write32(r::tr_req_ctl.offset, ctl::go_busy.mask());
  EXPECT_TRUE(iommu.wait_for(r::tr_req_ctl, ctl::go_busy, 0));
  EXPECT_EQ(iommu.read(r::tr_response), page(kIova));
  EXPECT_EQ(iommu.read(r::tr_req_ctl), of(0x112233));
}

class SlowDebugTranslation : public DebugTranslation {
 protected:
  SlowDebugTranslation() : DebugTranslation(2000) {}
};

TEST_F(SlowDebugTranslation, WritesAreIgnoredWhileItIsBusy) {
  start(iommu);
  PageTable table(iommu, SatpMode::kSv39);
  const std::uint64_t there = iommu.frame();
  table.map(kIova, there);
  iommu.set_context(kDevice, table.context());
  ask(kIova, of(kDevice));
  EXPECT_EQ(iommu.get(r::tr_req_ctl, ctl::go_busy), 1U);
  EXPECT_TRUE(bench.busy());
  iommu.write(r::tr_req_ctl, 0);
  iommu.write(r::tr_req_iova, 0);
  EXPECT_EQ(iommu.get(r::tr_req_ctl, ctl::go_busy), 1U);
  EXPECT_TRUE(iommu.wait_for(r::tr_req_ctl, ctl::go_busy, 0));
  EXPECT_EQ(iommu.read(r::tr_response), page(there));
  EXPECT_EQ(iommu.read(r::tr_req_ctl), of(kDevice));
  EXPECT_EQ(iommu.read(r::tr_req_iova), kIova);
}

class DebugPageTable : public DebugTranslation {
 protected:
  void map(std::uint64_t flags = kReadWrite, unsigned level = 0, std::uint64_t to = 0x7'c000'0000) {
    start(iommu);
    table.emplace_back(iommu, SatpMode::kSv39);
    table[0].map(kIova, to, flags, level);
    iommu.set_context(kDevice, table[0].context());
  }
  Cause cause() {
    const std::vector<Fault> faults = iommu.faults();
    EXPECT_EQ(faults.size(), 1U);
    return faults.empty() ? Cause{} : faults[0].cause;
  }
  std::vector<PageTable> table;
};

TEST_F(DebugPageTable, SuperpagesAreCodedInTheirPageNumber) {
  for (const auto& [level, pages] : {std::pair{1U, 0x200ULL}, {2U, 0x40000ULL}}) {
    restart(r::capabilities_f::dbg.mask());
    table.clear();
    map(kReadWrite, level);
    // The lowest 0 is in bit X: 2^(X+1) pages.
    const std::uint64_t expected = answer::ppn.set(answer::s.mask(), 0x7c'0000 | (pages / 2 - 1));
    EXPECT_EQ(translate(kIova, of(kDevice)), expected) << level;
  }
}

TEST_F(DebugPageTable, SvnapotIs64KiB) {
  const std::uint64_t n = regs::pte::e::n.mask();
  map(kReadWrite | n, 0, 0x7'c000'8000);
  EXPECT_EQ(translate(kIova, of(kDevice)), answer::ppn.set(answer::s.mask(), 0x7c'0007));
}

TEST_F(DebugPageTable, AsksForReadAndWriteUnlessNw) {
  map(kReadOnly);
  EXPECT_EQ(translate(kIova, of(kDevice) | ctl::nw.mask()), page(0x7'c000'0000));
  EXPECT_TRUE(iommu.faults().empty());
  EXPECT_EQ(translate(kIova, of(kDevice)), answer::fault.mask());
  EXPECT_EQ(cause(), Cause::kWritePageFault);
}

TEST_F(DebugPageTable, ExeActsWithNwAlone) {
  map(kReadWrite);
  EXPECT_EQ(translate(kIova, of(kDevice) | ctl::exe.mask()), page(0x7'c000'0000));
  EXPECT_TRUE(iommu.faults().empty());
  EXPECT_EQ(translate(kIova, of(kDevice) | ctl::exe.mask() | ctl::nw.mask()), answer::fault.mask());
  EXPECT_EQ(cause(), Cause::kInstructionPageFault);
}

TEST_F(DebugPageTable, PrivActsWithPvAlone) {
  map(kReadWrite & ~kU);
  EXPECT_EQ(translate(kIova, of(kDevice) | ctl::priv.mask()), answer::fault.mask());
  EXPECT_EQ(cause(), Cause::kWritePageFault);
}

TEST_F(DebugPageTable, MissingPageIsAFaultWithoutAnythingElseInTheResponse) {
  map();
  EXPECT_EQ(translate(kIova + kPageSize, of(kDevice) | ctl::nw.mask()), answer::fault.mask());
  EXPECT_EQ(cause(), Cause::kReadPageFault);
}

TEST_F(DebugPageTable, ProcessesHaveTheirOwnTables) {
  restart(r::capabilities_f::dbg.mask() | r::capabilities_f::pd8.mask());
  map();
  const std::uint64_t directory = iommu.frame();
  namespace ta = regs::pc::ta;
  iommu.memory().write64(directory + 16 * 9, ta::v.mask() | ta::ens.mask() | ta::sum.mask());
  iommu.memory().write64(directory + 16 * 9 + 8, table[0].context().fsc);
  DeviceContext dc;
  dc.tc |= regs::dc::tc::pdtv.mask();
  dc.fsc = regs::dc::fsc::mode.set(directory >> 12, std::to_underlying(regs::PdtpMode::kPd8));
  iommu.set_context(kDevice, dc);
  const std::uint64_t process = ctl::pid.set(of(kDevice) | ctl::pv.mask(), 9);
  EXPECT_EQ(translate(kIova, process), page(0x7'c000'0000));
  EXPECT_EQ(translate(kIova, process | ctl::priv.mask()), page(0x7'c000'0000));
  EXPECT_EQ(translate(kIova, of(kDevice)), page(kIova)) << "no process, first stage Bare";
  EXPECT_TRUE(iommu.faults().empty());
}

TEST_F(DebugPageTable, CountsInNoPerformanceCounter) {
  restart(r::capabilities_f::dbg.mask() | r::capabilities_f::hpm.mask());
  map();
  for (unsigned id = 1; id <= 8; ++id) iommu.write64(r::iohpmevt.offset + 8 * (id - 1), id);
  iommu.write(r::iocountinh, r::iocountinh_f::cy.mask());
  EXPECT_EQ(translate(kIova, of(kDevice)), page(0x7'c000'0000));
  for (unsigned id = 1; id <= 8; ++id) EXPECT_EQ(iommu.read32(r::iohpmctr.offset + 8 * (id - 1)), 0U) << id;
}

TEST_F(DebugPageTable, RunsBesideTraffic) {
  map();
  for (unsigned i = 0; i < 32; ++i) {
    bench.device().submit(
        bench.device().make({.device_id = kDevice}, kIova + 8 * i, 8, static_cast<std::uint8_t>(i % 16)));
    bench.device().submit(bench.device().make({.device_id = kDevice}, kIova + kPageSize * (i + 1), 8, 3));
  }
  EXPECT_EQ(translate(kIova, of(kDevice)), page(0x7'c000'0000));
  bench.settle();
  EXPECT_EQ(bench.device().outstanding(), 0U);
}

}  // namespace
}  // namespace aperture::test
