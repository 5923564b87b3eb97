// SPDX-License-Identifier: Apache-2.0
// Every cause, from every structure that can raise it, and what wins when several things are wrong.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bench/iommu_setup.hpp"
#include "bench/print.hpp"

namespace aperture::test {
namespace {

using regs::Cause;
using regs::IommuMode;
using regs::SatpMode;
using tb::MemoryFault;
namespace tc = regs::dc::tc;

constexpr std::uint32_t kDevice = 3;
constexpr std::uint64_t kIova = 0x12'3456'7000;

enum class Kind { kRead, kWrite, kExec };

/// Page fault, access fault: the cause follows the access.
Cause page_fault(Kind kind) {
  return kind == Kind::kExec    ? Cause::kInstructionPageFault
         : kind == Kind::kWrite ? Cause::kWritePageFault
                                : Cause::kReadPageFault;
}
Cause access_fault(Kind kind) {
  return kind == Kind::kExec    ? Cause::kInstructionAccessFault
         : kind == Kind::kWrite ? Cause::kWriteAccessFault
                                : Cause::kReadAccessFault;
}

class IommuCauses : public ::testing::Test {
 protected:
  IommuCauses() { start(iommu); }

  tb::Resp access(Kind kind, std::uint64_t iova = kIova, tb::Identity who = {.device_id = kDevice}) {
    who.exec = kind == Kind::kExec;
    tb::DeviceBurst burst = bench.device().make(who, iova, 8);
    burst.write = kind == Kind::kWrite;
    return bench.device().run(burst).resp;
  }
  /// The access is refused with exactly one record, which says `cause`.
  void expect(Cause cause, Kind kind = Kind::kRead, std::uint64_t iova = kIova,
              tb::Identity who = {.device_id = kDevice}) {
    EXPECT_EQ(access(kind, iova, who), tb::Resp::kSlverr);
    const std::vector<Fault> faults = iommu.faults();
    ASSERT_EQ(faults.size(), 1U);
    EXPECT_EQ(std::to_underlying(faults[0].cause), std::to_underlying(cause));
    EXPECT_EQ(faults[0].iotval, iova);
    EXPECT_EQ(faults[0].device_id, who.device_id);
  }
  void expect_none(Kind kind = Kind::kRead, std::uint64_t iova = kIova, tb::Identity who = {.device_id = kDevice}) {
    EXPECT_EQ(access(kind, iova, who), tb::Resp::kOkay);
    EXPECT_TRUE(iommu.faults().empty());
  }
  /// All kinds of access to kIova.
  void expect_page_faults() {
    for (const Kind kind : {Kind::kRead, Kind::kWrite, Kind::kExec}) expect(page_fault(kind), kind);
  }
  void expect_access_faults() {
    for (const Kind kind : {Kind::kRead, Kind::kWrite, Kind::kExec}) expect(access_fault(kind), kind);
  }
  void again() { ASSERT_TRUE(iommu.flush()); }
  void restart(const tb::Straps& straps, IommuMode mode = IommuMode::k1lvl) {
    bench.reset(straps);
    start(iommu, mode);
  }
  static tb::Straps narrow() {
    tb::Straps straps = first_stage();
    straps.set_pas(40);
    return straps;
  }
  /// The device translates through a new table of `mode`.
  PageTable translate(SatpMode mode = SatpMode::kSv39) {
    PageTable table(iommu, mode);
    iommu.set_context(kDevice, table.context());
    return table;
  }
  void write64(std::uint64_t address, std::uint64_t value) { iommu.memory().write64(address, value); }
  std::uint64_t read64(std::uint64_t address) { return iommu.memory().read64(address); }

  tb::Bench& bench = power_on();
  Iommu iommu{bench};
};

// ---- no table
// ----------------------------------------------------------------------------------------------------------

TEST_F(IommuCauses, OffRefusesEverything) {
  iommu.write_ddtp(IommuMode::kOff);
  for (const Kind kind : {Kind::kRead, Kind::kWrite, Kind::kExec}) expect(Cause::kAllInboundDisallowed, kind);
  expect(Cause::kAllInboundDisallowed, Kind::kRead, kIova,
         {.device_id = kDevice, .type = tb::Translation::kTranslated});
}

TEST_F(IommuCauses, BarePassesAddressesThrough) {
  iommu.write_ddtp(IommuMode::kBare);
  const std::uint64_t page = iommu.frame();
  const std::vector<std::byte> data(8, std::byte{0x77});
  EXPECT_EQ(bench.device().write({.device_id = 0xffffff, .process_id = 5}, page, data).resp, tb::Resp::kOkay);
  EXPECT_EQ(read64(page), 0x7777'7777'7777'7777U);
}

TEST_F(IommuCauses, BareRefusesTranslatedRequests) {
  iommu.write_ddtp(IommuMode::kBare);
  expect(Cause::kTypeDisallowed, Kind::kRead, kIova, {.device_id = kDevice, .type = tb::Translation::kTranslated});
}

// ---- device directory
// --------------------------------------------------------------------------------------------------

TEST_F(IommuCauses, DeviceIdTooWideForTheDirectory) {
  expect(Cause::kTypeDisallowed, Kind::kRead, kIova, {.device_id = 0x80});
  iommu.write_ddtp(IommuMode::kOff);
  iommu.switch_on(IommuMode::k2lvl);
  expect(Cause::kTypeDisallowed, Kind::kRead, kIova, {.device_id = 0x1'0000});
}

class EveryLevel : public IommuCauses, public ::testing::WithParamInterface<unsigned> {
 protected:
  static constexpr std::uint32_t kFar = 0xfe'dcba;
  EveryLevel() { restart(first_stage(), IommuMode::k3lvl); }
  std::uint64_t entry() { return iommu.directory_entry(kFar, GetParam()); }
  void expect_far(Cause cause) { expect(cause, Kind::kRead, kIova, {.device_id = kFar}); }
};
INSTANTIATE_TEST_SUITE_P(Levels, EveryLevel, ::testing::Values(1U, 2U));

TEST_P(EveryLevel, ThreeLevelsFindTheContext) {
  iommu.set_context(kFar, {});
  expect_none(Kind::kRead, iommu.frame(), {.device_id = kFar});
}
TEST_P(EveryLevel, EntryNotValid) {
  write64(entry(), 0x3ff & ~regs::ddte::e::v.mask());  // V counts before what is reserved
  expect_far(Cause::kDdtNotValid);
}
TEST_P(EveryLevel, EntryReservedBits) {
  const std::uint64_t at = entry();
  const std::uint64_t good = read64(at);
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t mask = std::uint64_t{1} << bit;
    if (((regs::ddte::e::v.mask() | regs::ddte::e::ppn.mask()) & mask) != 0) continue;
    write64(at, good | mask);
    expect_far(Cause::kDdtMisconfigured);
  }
}
TEST_P(EveryLevel, EntryBusError) {
  iommu.memory().fault(entry(), 8, MemoryFault::kError);
  expect_far(Cause::kDdtAccessFault);
}
TEST_P(EveryLevel, EntryPoisoned) {
  iommu.memory().fault(entry(), 8, MemoryFault::kPoison);
  expect_far(Cause::kDdtCorruption);
}
TEST_P(EveryLevel, EntryPointsBeyondThePhysicalAddressWidth) {
  restart(narrow(), IommuMode::k3lvl);
  write64(entry(), regs::ddte::e::ppn.set(regs::ddte::e::v.mask(), std::uint64_t{1} << 28));
  expect_far(Cause::kDdtAccessFault);
}

TEST_F(IommuCauses, RootBeyondThePhysicalAddressWidth) {
  restart(narrow(), IommuMode::kOff);
  iommu.write_ddtp(IommuMode::k1lvl, std::uint64_t{1} << 40);
  expect(Cause::kDdtAccessFault);
}

// ---- device context
// ----------------------------------------------------------------------------------------------------

TEST_F(IommuCauses, ContextNotValid) {
  DeviceContext dc;
  dc.tc = ~std::uint64_t{0} & ~tc::v.mask();
  iommu.set_context(kDevice, dc);
  expect(Cause::kDdtNotValid);
}
TEST_F(IommuCauses, ContextBusErrorInAnyWord) {
  iommu.set_context(kDevice, {});
  for (unsigned word = 0; word < 4; ++word) {
    iommu.memory().clear_faults();
    iommu.memory().fault(iommu.context_address(kDevice) + 8 * word, 8, MemoryFault::kError);
    expect(Cause::kDdtAccessFault);
  }
}
TEST_F(IommuCauses, ContextPoisonedInAnyWord) {
  iommu.set_context(kDevice, {});
  for (unsigned word = 0; word < 4; ++word) {
    iommu.memory().clear_faults();
    iommu.memory().fault(iommu.context_address(kDevice) + 8 * word, 8, MemoryFault::kPoison);
    expect(Cause::kDdtCorruption);
  }
}

/// Bits of each word of a context for Bare translation that a card without any optional feature takes.
constexpr std::uint64_t kTcDefined = tc::v.mask() | tc::dtf.mask() | tc::pdtv.mask() | tc::custom.mask();
constexpr std::uint64_t kIohgatpDefined = ~regs::dc::iohgatp::mode.mask();
constexpr std::uint64_t kTaDefined = regs::dc::ta::pscid.mask();
constexpr std::uint64_t kFscDefined = regs::dc::fsc::ppn.mask();

TEST_F(IommuCauses, ContextMisconfiguredByAnyBitThatIsNotThere) {
  const auto each = [&](std::uint64_t DeviceContext::*word, std::uint64_t defined, const char* name) {
    for (unsigned bit = 0; bit < 64; ++bit) {
      if ((defined >> bit & 1) != 0) continue;
      // MODE of fsc: the bits alone are Sv39 and encodings that are not there.
      if (word == &DeviceContext::fsc && bit == 63) continue;
      DeviceContext dc;
      dc.*word |= std::uint64_t{1} << bit;
      iommu.set_context(kDevice, dc);
      SCOPED_TRACE(std::string(name) + " bit " + std::to_string(bit));
      expect(Cause::kDdtMisconfigured);
    }
  };
  each(&DeviceContext::tc, kTcDefined, "tc");
  each(&DeviceContext::iohgatp, kIohgatpDefined, "iohgatp");
  each(&DeviceContext::ta, kTaDefined, "ta");
  each(&DeviceContext::fsc, kFscDefined, "fsc");
}

TEST_F(IommuCauses, ContextTakesEveryDefinedBit) {
  DeviceContext dc;
  dc.iohgatp = kIohgatpDefined;
  dc.ta = kTaDefined;
  dc.fsc = kFscDefined;
  iommu.set_context(kDevice, dc);
  expect_none();
}

TEST_F(IommuCauses, FirstStageModesThatAreNotThere) {
  for (std::uint64_t mode = 1; mode < 16; ++mode) {
    if (mode >= 8 && mode <= 10) continue;
    DeviceContext dc;
    dc.fsc = regs::dc::fsc::mode.set(0, mode);
    iommu.set_context(kDevice, dc);
    expect(Cause::kDdtMisconfigured);
  }
}

TEST_F(IommuCauses, FirstStageModesThatStrapsTookAway) {
  namespace c = regs::iommu::capabilities_f;
  const std::vector<std::pair<SatpMode, regs::Field>> modes{
      {SatpMode::kSv39, c::sv39}, {SatpMode::kSv48, c::sv48}, {SatpMode::kSv57, c::sv57}};
  for (const auto& [mode, field] : modes) {
    tb::Straps straps = first_stage();
    straps.capabilities &= ~field.mask();
    restart(straps);
    PageTable table = translate(mode);
    table.map(kIova, iommu.frame());
    expect(Cause::kDdtMisconfigured);
  }
}

TEST_F(IommuCauses, ProcessDirectoriesAreNotThere) {
  DeviceContext dc;
  dc.tc |= tc::pdtv.mask();
  for (std::uint64_t mode = 1; mode < 16; ++mode) {
    dc.fsc = regs::dc::fsc::mode.set(0, mode);
    iommu.set_context(kDevice, dc);
    expect(Cause::kDdtMisconfigured);
  }
}

TEST_F(IommuCauses, MisconfiguredContextCausesNoReadBeyondItself) {
  PageTable table = translate();
  table.map(kIova, iommu.frame());
  DeviceContext dc = table.context();
  dc.tc |= tc::en_ats.mask();
  iommu.set_context(kDevice, dc);
  bench.log().enable(true);
  expect(Cause::kDdtMisconfigured);
  EXPECT_EQ(bench.log().events(tb::Port::kIommu, tb::Channel::kAr).size(), 1U);
}

TEST_F(IommuCauses, ProcessIdNeedsAProcessDirectory) {
  iommu.set_context(kDevice, {});
  expect(Cause::kTypeDisallowed, Kind::kRead, kIova, {.device_id = kDevice, .process_id = 0});
}

TEST_F(IommuCauses, TranslatedRequestNeedsAts) {
  iommu.set_context(kDevice, {});
  const tb::Identity who{.device_id = kDevice, .type = tb::Translation::kTranslated};
  expect(Cause::kTypeDisallowed, Kind::kRead, kIova, who);
  expect_none();  // the context is cached now
  expect(Cause::kTypeDisallowed, Kind::kRead, kIova, who);
}

TEST_F(IommuCauses, DtfSilencesWhatFollowsTheContextOnly) {
  PageTable table(iommu, SatpMode::kSv39);
  DeviceContext dc = table.context();
  dc.tc |= tc::dtf.mask();
  iommu.set_context(kDevice, dc);
  EXPECT_EQ(access(Kind::kRead), tb::Resp::kSlverr);
  EXPECT_EQ(access(Kind::kRead, kIova, {.device_id = kDevice, .process_id = 1}), tb::Resp::kSlverr);
  EXPECT_TRUE(iommu.faults().empty());
  dc.tc |= tc::en_ats.mask();
  iommu.set_context(kDevice, dc);
  again();
  expect(Cause::kDdtMisconfigured);
}

// ---- first stage
// -------------------------------------------------------------------------------------------------------

class EveryMode : public IommuCauses, public ::testing::WithParamInterface<SatpMode> {
 protected:
  PageTable table = translate(GetParam());
  std::uint64_t page = iommu.frame();
};
INSTANTIATE_TEST_SUITE_P(Modes, EveryMode, ::testing::Values(SatpMode::kSv39, SatpMode::kSv48, SatpMode::kSv57),
                         [](const auto& info) { return to_string(info.param); });

TEST_P(EveryMode, TranslatesLeavesOfEveryLevel) {
  for (unsigned level = 0; level <= table.top(); ++level) {
    ASSERT_TRUE(iommu.flush());  // tables above may be cached
    const std::uint64_t size = kPageSize << 9 * level;
    const std::uint64_t iova = level == table.top() ? 0 : size * 3;
    PageTable other = translate(GetParam());
    // The leaf covers the frame that the device is to see; the same bits of the address select it.
    const std::uint64_t frame = 0x7000'0000;
    const std::uint64_t offset = level == 0 ? 0 : frame & (size - 1);
    other.map(iova, frame & ~(size - 1), kReadWrite | kX, level);
    again();
    write64(frame, 0x1122 + level);
    const tb::Completion c = bench.device().read({.device_id = kDevice}, iova + offset, 8);
    EXPECT_EQ(c.resp, tb::Resp::kOkay) << level;
    EXPECT_EQ(std::to_integer<unsigned>(c.data[0]), 0x22 + level);
  }
}

TEST_P(EveryMode, TranslatesTheHighHalf) {
  const std::uint64_t iova = ~std::uint64_t{0} << (12 + 9 * (table.top() + 1) - 1);
  table.map(iova, page);
  expect_none(Kind::kRead, iova);
}

TEST_P(EveryMode, AddressThatIsNotSignExtended) {
  const unsigned width = 12 + 9 * (table.top() + 1);
  for (unsigned bit = width - 1; bit < 64; ++bit) {
    const std::uint64_t iova = std::uint64_t{1} << bit;
    for (const Kind kind : {Kind::kRead, Kind::kWrite, Kind::kExec}) expect(page_fault(kind), kind, iova);
  }
}

TEST_P(EveryMode, EntryNotValidAtAnyLevel) {
  table.map(kIova, page, kReadWrite | kX);
  for (unsigned level = 0; level <= table.top(); ++level) {
    ASSERT_TRUE(iommu.flush());  // tables above may be cached
    const std::uint64_t at = table.entry(kIova, level);
    const std::uint64_t good = read64(at);
    write64(at, good & ~kV);
    expect_page_faults();
    write64(at, good);
  }
}

TEST_P(EveryMode, EntryBusErrorAtAnyLevel) {
  table.map(kIova, page, kReadWrite | kX);
  for (unsigned level = 0; level <= table.top(); ++level) {
    ASSERT_TRUE(iommu.flush());  // tables above may be cached
    iommu.memory().clear_faults();
    iommu.memory().fault(table.entry(kIova, level), 8, MemoryFault::kError);
    expect_access_faults();
  }
}

TEST_P(EveryMode, EntryPoisonedAtAnyLevel) {
  table.map(kIova, page, kReadWrite | kX);
  for (unsigned level = 0; level <= table.top(); ++level) {
    ASSERT_TRUE(iommu.flush());  // tables above may be cached
    iommu.memory().clear_faults();
    iommu.memory().fault(table.entry(kIova, level), 8, MemoryFault::kPoison);
    expect(Cause::kPtCorruption);
  }
}

TEST_P(EveryMode, EntryReservedBitsAtAnyLevel) {
  table.map(kIova, page, kReadWrite | kX);
  for (unsigned level = 0; level <= table.top(); ++level) {
    ASSERT_TRUE(iommu.flush());  // tables above may be cached
    const std::uint64_t at = table.entry(kIova, level);
    const std::uint64_t good = read64(at);
    for (unsigned bit = regs::pte::e::rsvd.lsb; bit < regs::pte::e::n.lsb; ++bit) {
      write64(at, good | std::uint64_t{1} << bit);
      expect(Cause::kReadPageFault);
    }
    write64(at, good);
  }
}

TEST_P(EveryMode, NonLeafWithBitsOfALeaf) {
  table.map(kIova, page, kReadWrite | kX);
  for (unsigned level = 1; level <= table.top(); ++level) {
    const std::uint64_t at = table.entry(kIova, level);
    const std::uint64_t good = read64(at);
    for (const std::uint64_t bit : {kU, kA, kD, regs::pte::e::n.mask()}) {
      write64(at, good | bit);
      expect(Cause::kReadPageFault);
    }
    write64(at, good);
  }
}

TEST_P(EveryMode, MisalignedSuperpage) {
  for (unsigned level = 1; level <= table.top(); ++level) {
    PageTable other = translate(GetParam());
    for (unsigned bit = 12; bit < 12 + 9 * level; ++bit) {
      other.map(kIova, std::uint64_t{1} << bit, kReadWrite, level);
      again();
      expect(Cause::kReadPageFault);
    }
  }
}

TEST_P(EveryMode, RootBeyondThePhysicalAddressWidth) {
  restart(narrow());
  DeviceContext dc = table.context();
  dc.fsc = regs::dc::fsc::ppn.set(dc.fsc, std::uint64_t{1} << 28);
  iommu.set_context(kDevice, dc);
  expect_access_faults();
}

class IommuLeaf : public IommuCauses {
 protected:
  PageTable table = translate();
  std::uint64_t page = iommu.frame();
  void map(std::uint64_t flags) {
    table.map(kIova, page, flags);
    again();
  }
};

TEST_F(IommuLeaf, TableBeyondThePhysicalAddressWidth) {
  restart(narrow());
  table = translate();
  write64(table.entry(kIova, 2), regs::pte::e::ppn.set(kV, std::uint64_t{1} << 28));
  expect_access_faults();
}

TEST_F(IommuLeaf, PageBeyondThePhysicalAddressWidthIsNotTheIommusFault) {
  restart(narrow());
  table = translate();
  table.map(kIova, std::uint64_t{1} << 40);
  expect_none();
}

TEST_F(IommuLeaf, PermissionsAreThoseOfTheLeaf) {
  struct Case {
    std::uint64_t flags;
    bool read, write, exec;
  };
  for (const Case& c : {Case{kR, true, false, false}, Case{kR | kW, true, true, false}, Case{kX, false, false, true},
                        Case{kR | kX, true, false, true}, Case{kR | kW | kX, true, true, true}}) {
    map(kV | kU | kA | kD | c.flags);
    // Each twice: from the walk, then from the IOTLB.
    for (const auto& [kind, good] :
         {std::pair{Kind::kRead, c.read}, std::pair{Kind::kWrite, c.write}, std::pair{Kind::kExec, c.exec},
          std::pair{Kind::kRead, c.read}, std::pair{Kind::kWrite, c.write}, std::pair{Kind::kExec, c.exec}}) {
      if (good) {
        expect_none(kind);
      } else {
        expect(page_fault(kind), kind);
      }
    }
  }
}

TEST_F(IommuLeaf, WritableButNotReadableIsReserved) {
  map(kV | kU | kA | kD | kW);
  expect_page_faults();
  map(kV | kU | kA | kD | kW | kX);
  expect_page_faults();
}

TEST_F(IommuLeaf, NonLeafAtTheLastLevel) {
  map(kV);
  expect_page_faults();
}

TEST_F(IommuLeaf, SupervisorPage) {
  map((kReadWrite | kX) & ~kU);
  expect_page_faults();
}

TEST_F(IommuLeaf, NotAccessed) {
  map((kReadWrite | kX) & ~kA);
  expect_page_faults();
}

TEST_F(IommuLeaf, NotDirtyRefusesWritesAlone) {
  map((kReadWrite | kX) & ~kD);
  expect(Cause::kWritePageFault, Kind::kWrite);
  expect_none(Kind::kRead);
  expect_none(Kind::kExec);
  expect(Cause::kWritePageFault, Kind::kWrite);
}

TEST_F(IommuLeaf, BitsLeftToSoftwareMeanNothing) {
  map(kReadWrite | std::uint64_t{3} << 8);
  expect_none();
}

TEST_F(IommuLeaf, NapotOf64KiBOnly) {
  const std::uint64_t n = regs::pte::e::n.mask();
  for (unsigned low = 0; low < 16; ++low) {
    table.map(kIova, 0x5000'0000 + kPageSize * low, kReadWrite | n);
    again();
    if (low == 8) {
      expect_none();
    } else {
      expect(Cause::kReadPageFault);
    }
  }
}

TEST_F(IommuLeaf, NapotSuperpageIsRefused) {
  PageTable other = translate();
  other.map(kIova, 0x4000'0000 | 8 * kPageSize << 9, kReadWrite | regs::pte::e::n.mask(), 1);
  expect(Cause::kReadPageFault);
}

TEST_F(IommuLeaf, BusErrorWinsOverPoison) {
  table.map(kIova, page);
  iommu.memory().fault(table.entry(kIova), 4, MemoryFault::kPoison);
  iommu.memory().fault(table.entry(kIova), 8, MemoryFault::kError);
  expect(Cause::kReadAccessFault);
}

}  // namespace
}  // namespace aperture::test
