// SPDX-License-Identifier: Apache-2.0
// The other byte order: fctl.BE for queues, messages, directory and second stage, tc.SBE for what a guest or process
// owns.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "bench/iommu_setup.hpp"

namespace aperture::test {
namespace {

namespace r = regs::iommu;
using regs::Cause;
using regs::IommuMode;
using regs::SatpMode;

constexpr std::uint64_t kIova = 0x5000;
constexpr std::uint64_t kBe = r::fctl_f::be.mask(), kGxl = r::fctl_f::gxl.mask(), kWsi = r::fctl_f::wsi.mask();

constexpr std::uint64_t swap8(std::uint64_t word) { return __builtin_bswap64(word); }
constexpr std::uint32_t swap4(std::uint32_t word) { return __builtin_bswap32(word); }

class ByteOrder : public ::testing::Test {
 protected:
  ByteOrder() { restart(r::capabilities_f::end.mask()); }
  void restart(std::uint64_t capabilities, std::uint64_t fctl = kWsi) {
    tb::Straps straps = first_stage();
    straps.capabilities |= capabilities;
    straps.fctl = static_cast<std::uint8_t>(fctl);
    bench.reset(straps);
  }
  tb::Memory& memory() { return iommu.memory(); }
  /// Every word of the frame in the other order: written for a little-endian IOMMU, read by a big-endian one.
  void turn(std::uint64_t frame, unsigned count = 1) {
    for (std::uint64_t at = frame; at < frame + kPageSize * count; at += 8)
      memory().write64(at, swap8(memory().read64(at)));
  }

  tb::Bench& bench = power_on();
  Iommu iommu{bench};
};

// ---- fctl

TEST_F(ByteOrder, BeCanBeWrittenWithEnd) {
  EXPECT_EQ(iommu.read(r::fctl), kWsi);
  iommu.write(r::fctl, kBe | kGxl);
  EXPECT_EQ(iommu.read(r::fctl), kBe) << "no 32-bit guests, no GXL";
  iommu.write(r::fctl, kWsi);
  EXPECT_EQ(iommu.read(r::fctl), kWsi);
}

TEST_F(ByteOrder, BeIsFixedWithoutEndOrByStrap) {
  restart(0, kBe);
  iommu.write(r::fctl, 0);
  EXPECT_EQ(iommu.read(r::fctl), kBe);
  tb::Straps straps = first_stage();
  straps.capabilities |= r::capabilities_f::end.mask();
  straps.fctl_be_writable = false;
  bench.reset(straps);
  iommu.write(r::fctl, kBe);
  EXPECT_EQ(iommu.read(r::fctl), 0U);
}

TEST_F(ByteOrder, GxlCanBeWrittenWhereThereAre32BitFormats) {
  for (const regs::Field& format : {r::capabilities_f::sv32, r::capabilities_f::sv32x4}) {
    restart(format.mask());
    iommu.write(r::fctl, kBe | kGxl | kWsi);
    EXPECT_EQ(iommu.read(r::fctl), kGxl | kWsi) << format.name;
  }
  tb::Straps straps = first_stage();
  straps.capabilities |= r::capabilities_f::sv32.mask();
  straps.fctl = static_cast<std::uint8_t>(kGxl);
  straps.fctl_gxl_writable = false;
  bench.reset(straps);
  iommu.write(r::fctl, 0);
  EXPECT_EQ(iommu.read(r::fctl), kGxl);
}

TEST_F(ByteOrder, IsFixedUnlessOffWithEveryQueueOff) {
  iommu.write_ddtp(IommuMode::kBare);
  iommu.write(r::fctl, kBe);
  EXPECT_EQ(iommu.read(r::fctl), kWsi);
  iommu.write_ddtp(IommuMode::kOff);
  iommu.enable_fault_queue();
  iommu.write(r::fctl, kBe);
  EXPECT_EQ(iommu.read(r::fctl), kWsi);
}

TEST_F(ByteOrder, ResetsToItsStrap) {
  restart(r::capabilities_f::end.mask(), kBe);
  EXPECT_EQ(iommu.read(r::fctl), kBe);
}

// ---- queues and messages

class BigEndian : public ByteOrder {
 protected:
  BigEndian() { iommu.write(r::fctl, kBe); }
  bool run(const Command& command) { return iommu.run({swap8(command.w0), swap8(command.w1)}); }
};

TEST_F(BigEndian, CommandsAreRead) {
  iommu.enable_command_queue();
  EXPECT_TRUE(run(iotinval_vma({.address = kIova, .pscid = 3})));
  EXPECT_FALSE(iommu.run(iotinval_vma()));  // in the wrong order: reserved bits
  EXPECT_EQ(iommu.get(r::cqcsr, r::cqcsr_f::cmd_ill), 1U);
}

TEST_F(BigEndian, FenceStoresItsFourBytes) {
  iommu.enable_command_queue();
  const std::uint64_t there = iommu.frame();
  for (const std::uint64_t at : {there, there + 4, there + 12}) {
    EXPECT_TRUE(run(iofence({.address = at, .data = 0x0102'0304})));
    EXPECT_EQ(memory().read32(at), swap4(0x0102'0304)) << at - there;
  }
  EXPECT_EQ(memory().read32(there + 8), 0U);
}

TEST_F(BigEndian, FaultRecordsAreWritten) {
  iommu.enable_fault_queue();
  bench.device().read({.device_id = 0x123456, .process_id = 0x54321}, 0xfedc'ba98'7654'3210, 8);
  bench.settle();
  turn(iommu.fault_queue());
  const std::vector<Fault> faults = iommu.faults();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].cause, Cause::kAllInboundDisallowed);
  EXPECT_EQ(faults[0].device_id, 0x123456U);
  EXPECT_EQ(faults[0].process_id, 0x54321U);
  EXPECT_EQ(faults[0].iotval, 0xfedc'ba98'7654'3210U);
}

TEST_F(BigEndian, MessagesAreSent) {
  const std::uint64_t doorbell = iommu.frame();
  iommu.write64(r::msi_addr.offset, doorbell + 4);
  iommu.write32(r::msi_data.offset, 0x0a0b'0c0d);
  iommu.enable_fault_queue(6, true);
  bench.device().read({}, kIova, 8);
  bench.settle();
  EXPECT_EQ(memory().read32(doorbell + 4), swap4(0x0a0b'0c0d));
  EXPECT_EQ(memory().read32(doorbell), 0U);
}

// ---- structures

class BigEndianTables : public ByteOrder {
 protected:
  /// A device whose page tables are in order `sbe`, in a directory in order `be`.
  void build(bool be, bool sbe) {
    restart(r::capabilities_f::end.mask());
    if (be) iommu.write(r::fctl, kBe | kWsi);
    iommu.enable_fault_queue();
    iommu.switch_on(IommuMode::k2lvl);
    page = iommu.frame();
    PageTable table(iommu, SatpMode::kSv39);
    table.map(kIova, page);
    const std::uint64_t end = iommu.frame();
    if (sbe) turn(table.root(), static_cast<unsigned>((end - table.root()) / kPageSize));
    DeviceContext dc = table.context();
    if (sbe) dc.tc |= regs::dc::tc::sbe.mask();
    const std::uint64_t directory = iommu.root(), next = iommu.frame();
    iommu.set_context(3, dc);
    if (!be) return;
    turn(directory);
    turn(next + kPageSize);
  }
  std::uint64_t page = 0;
};

TEST_F(BigEndianTables, EachIsReadInItsOrder) {
  for (const bool be : {false, true}) {
    for (const bool sbe : {false, true}) {
      build(be, sbe);
      memory().write64(page, 0x77);
      const tb::Completion read = bench.device().read({.device_id = 3}, kIova, 8);
      EXPECT_EQ(read.resp, tb::Resp::kOkay) << be << sbe;
      ASSERT_EQ(read.data.size(), 8U);
      EXPECT_EQ(std::to_integer<unsigned>(read.data[0]), 0x77U) << be << sbe;
    }
  }
}

TEST_F(BigEndianTables, PageRequestsAreWritten) {
  restart(r::capabilities_f::end.mask() | r::capabilities_f::ats.mask());
  iommu.write(r::fctl, kBe | kWsi);
  iommu.switch_on(IommuMode::k1lvl);
  DeviceContext dc;
  dc.tc |= regs::dc::tc::en_ats.mask() | regs::dc::tc::en_pri.mask();
  iommu.set_context(3, dc);
  turn(iommu.root());
  const std::uint64_t queue = iommu.frame();
  iommu.write(r::pqb, r::pqb_f::ppn.set(3, queue >> 12));
  iommu.write(r::pqcsr, r::pqcsr_f::pqen.mask());
  ASSERT_TRUE(iommu.wait_for(r::pqcsr, r::pqcsr_f::pqon, 1));
  tb::PageRequest request;
  request.device_id = 3;
  request.payload = kIova | 7;
  ASSERT_TRUE(bench.device().page_request(request));
  bench.settle();
  EXPECT_EQ(iommu.read(r::pqt), 1U);
  EXPECT_EQ(swap8(memory().read64(queue)) >> 40, 3U);
  EXPECT_EQ(swap8(memory().read64(queue + 8)), kIova | 7);
}

TEST_F(BigEndianTables, OtherOrderThanFctlIsMisconfiguredWithoutEnd) {
  restart(0);
  iommu.enable_fault_queue();
  iommu.switch_on(IommuMode::k1lvl);
  DeviceContext dc;
  dc.tc |= regs::dc::tc::sbe.mask();
  iommu.set_context(3, dc);
  bench.device().read({.device_id = 3}, kIova, 8);
  EXPECT_EQ(iommu.faults().at(0).cause, Cause::kDdtMisconfigured);
}

}  // namespace
}  // namespace aperture::test
