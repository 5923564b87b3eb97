// SPDX-License-Identifier: Apache-2.0
// The fault queue, interrupts, and how the card is brought up by a driver that knows the specification alone.
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
using regs::Ttyp;

class IommuFaults : public ::testing::Test {
 protected:
  /// The IOMMU is Off: every access is refused and reported.
  tb::Resp access(std::uint64_t iova = 0x1000, const tb::Identity& who = {}) {
    return bench.device().read(who, iova, 8).resp;
  }
  void access_many(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      const std::uint64_t iova = kPageSize * (i + 1);
      bench.device().submit(bench.device().make({}, iova, 8, static_cast<std::uint8_t>(i % 16)));
    }
    bench.settle();
  }
  std::uint64_t status() { return iommu.read(r::fqcsr) & (r::fqcsr_f::fqmf.mask() | r::fqcsr_f::fqof.mask()); }
  void clear_status() {
    iommu.write(r::fqcsr, r::fqcsr_f::fqen.mask() | r::fqcsr_f::fqmf.mask() | r::fqcsr_f::fqof.mask());
  }

  tb::Bench& bench = power_on();
  Iommu iommu{bench};
};

// ---- records
// -----------------------------------------------------------------------------------------------------------

TEST_F(IommuFaults, RecordSaysWhoDidWhatWhere) {
  iommu.enable_fault_queue();
  EXPECT_EQ(access(0xfedc'ba98'7654'3210, {.device_id = 0xabcdef}), tb::Resp::kSlverr);
  const std::vector<Fault> faults = iommu.faults();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].cause, Cause::kAllInboundDisallowed);
  EXPECT_EQ(faults[0].type, Ttyp::kUntranslatedRead);
  EXPECT_EQ(faults[0].device_id, 0xabcdefU);
  EXPECT_FALSE(faults[0].process_id);
  EXPECT_FALSE(faults[0].privileged);
  EXPECT_EQ(faults[0].iotval, 0xfedc'ba98'7654'3210U);
  EXPECT_EQ(faults[0].iotval2, 0U);
}

TEST_F(IommuFaults, RecordNamesTheProcessAndItsPrivilege) {
  iommu.enable_fault_queue();
  access(0x1000, {.device_id = 1, .process_id = 0xfedcb, .privileged = true});
  const std::vector<Fault> faults = iommu.faults();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].process_id, 0xfedcbU);
  EXPECT_TRUE(faults[0].privileged);
}

TEST_F(IommuFaults, WithoutProcessThereIsNoPrivilege) {
  iommu.enable_fault_queue();
  access(0x1000, {.device_id = 1, .privileged = true});
  EXPECT_FALSE(iommu.faults().at(0).privileged);
}

struct Access {
  const char* name;
  bool write, exec;
  tb::Translation translation;
  Ttyp type;
};
void PrintTo(const Access& access, std::ostream* out) { *out << access.name; }

class EveryAccess : public IommuFaults, public ::testing::WithParamInterface<Access> {};
INSTANTIATE_TEST_SUITE_P(
    Types, EveryAccess,
    ::testing::Values(Access{"Read", false, false, tb::Translation::kUntranslated, Ttyp::kUntranslatedRead},
                      Access{"Write", true, false, tb::Translation::kUntranslated, Ttyp::kUntranslatedWrite},
                      Access{"Execute", false, true, tb::Translation::kUntranslated, Ttyp::kUntranslatedExec},
                      Access{"TranslatedRead", false, false, tb::Translation::kTranslated, Ttyp::kTranslatedRead},
                      Access{"TranslatedWrite", true, false, tb::Translation::kTranslated, Ttyp::kTranslatedWrite},
                      Access{"TranslatedExecute", false, true, tb::Translation::kTranslated, Ttyp::kTranslatedExec}),
    [](const auto& info) { return info.param.name; });

TEST_P(EveryAccess, IsNamedInItsRecord) {
  iommu.enable_fault_queue();
  tb::DeviceBurst burst =
      bench.device().make({.process_id = 1, .exec = GetParam().exec, .type = GetParam().translation}, 0x1000, 8);
  burst.write = GetParam().write;
  EXPECT_EQ(bench.device().run(burst).resp, tb::Resp::kSlverr);
  EXPECT_EQ(iommu.faults().at(0).type, GetParam().type);
}

TEST_F(IommuFaults, EveryBeatOfARefusedReadIsAnError) {
  tb::DeviceBurst burst = bench.device().make({}, 0x1000, 64);
  const tb::Completion c = bench.device().run(burst);
  EXPECT_EQ(c.resps, std::vector<tb::Resp>(8, tb::Resp::kSlverr));
}

TEST_F(IommuFaults, RefusedBurstsDoNotDisturbThoseBehindThem) {
  iommu.enable_command_queue();
  iommu.switch_on(IommuMode::k1lvl);
  PageTable table(iommu, SatpMode::kSv39);
  iommu.set_context(1, table.context());
  const std::uint64_t page = iommu.frame();
  table.map(0x10000, page);
  const std::vector<std::byte> data(64, std::byte{0x5a});
  tb::DeviceBurst good = bench.device().make({.device_id = 1}, 0x10000, 64);
  good.write = true;
  good.data = data;
  tb::DeviceBurst bad = good;
  bad.address = 0x20000;
  bad.data.assign(64, std::byte{0xff});
  std::vector<tb::Ticket> bads, goods;
  for (unsigned i = 0; i < 4; ++i) {
    bads.push_back(bench.device().submit(bad));
    good.address = 0x10000 + 64 * i;
    goods.push_back(bench.device().submit(good));
  }
  bench.settle();
  for (const tb::Ticket ticket : bads) EXPECT_EQ(bench.device().wait(ticket).resp, tb::Resp::kSlverr);
  for (const tb::Ticket ticket : goods) EXPECT_EQ(bench.device().wait(ticket).resp, tb::Resp::kOkay);
  for (unsigned i = 0; i < 32; ++i) EXPECT_EQ(iommu.memory().read64(page + 8 * i), 0x5a5a'5a5a'5a5a'5a5aU);
}

// ---- the queue
// ---------------------------------------------------------------------------------------------------------

TEST_F(IommuFaults, QueueThatIsOffDropsRecords) {
  EXPECT_EQ(access(), tb::Resp::kSlverr);
  iommu.enable_fault_queue();
  EXPECT_TRUE(iommu.faults().empty());
}

TEST_F(IommuFaults, ManyFaultsAtOnceAreAllRecorded) {
  iommu.enable_fault_queue(8);
  access_many(100);
  EXPECT_EQ(iommu.faults().size(), 100U);
}

TEST_F(IommuFaults, QueueWrapsAround) {
  iommu.enable_fault_queue(2);
  for (unsigned i = 0; i < 10; ++i) {
    access(kPageSize * i);
    const std::vector<Fault> faults = iommu.faults();
    ASSERT_EQ(faults.size(), 1U) << i;
    EXPECT_EQ(faults[0].iotval, kPageSize * i);
  }
}

TEST_F(IommuFaults, FullQueueOverflowsAndDropsUntilCleared) {
  iommu.enable_fault_queue(2);
  access_many(3);
  EXPECT_EQ(status(), 0U);
  access_many(1);
  EXPECT_EQ(status(), r::fqcsr_f::fqof.mask());
  EXPECT_EQ(iommu.faults().size(), 3U);
  // Room alone does not help.
  access_many(1);
  EXPECT_TRUE(iommu.faults().empty());
  clear_status();
  EXPECT_EQ(status(), 0U);
  access_many(1);
  EXPECT_EQ(iommu.faults().size(), 1U);
}

TEST_F(IommuFaults, FailedStoreIsAMemoryFaultAndDropsUntilCleared) {
  iommu.enable_fault_queue();
  iommu.memory().fault(iommu.fault_queue(), 32, tb::MemoryFault::kError);
  EXPECT_EQ(access(), tb::Resp::kSlverr);
  bench.settle();
  EXPECT_EQ(status(), r::fqcsr_f::fqmf.mask());
  EXPECT_EQ(iommu.read(r::fqt), 0U);
  iommu.memory().clear_faults();
  access();
  bench.settle();
  EXPECT_EQ(iommu.read(r::fqt), 0U);
  clear_status();
  access(0x5000);
  const std::vector<Fault> faults = iommu.faults();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].iotval, 0x5000U);
}

TEST_F(IommuFaults, QueueBeyondThePhysicalAddressWidthIsAMemoryFault) {
  tb::Straps straps = first_stage();
  straps.set_pas(40);
  bench.reset(straps);
  iommu.write(r::fqb, r::fqb_f::ppn.set(5, std::uint64_t{1} << 28));
  iommu.write(r::fqcsr, r::fqcsr_f::fqen.mask());
  access();
  bench.settle();
  EXPECT_EQ(status(), r::fqcsr_f::fqmf.mask());
}

TEST_F(IommuFaults, EnablingAgainStartsOver) {
  iommu.enable_fault_queue(1);
  access_many(2);
  ASSERT_EQ(status(), r::fqcsr_f::fqof.mask());
  ASSERT_EQ(iommu.read(r::fqt), 1U);
  iommu.write(r::fqcsr, 0);
  ASSERT_TRUE(iommu.wait_for(r::fqcsr, r::fqcsr_f::fqon, 0));
  iommu.write(r::fqh, 0);
  iommu.write(r::fqcsr, r::fqcsr_f::fqen.mask());
  ASSERT_TRUE(iommu.wait_for(r::fqcsr, r::fqcsr_f::fqon, 1));
  EXPECT_EQ(iommu.read(r::fqt), 0U);
  EXPECT_EQ(status(), 0U);
}

TEST_F(IommuFaults, TailMovesOnlyAfterTheRecordIsThere) {
  iommu.enable_fault_queue();
  bench.device().submit(bench.device().make({.device_id = 7}, 0x7000, 8));
  for (unsigned i = 0; i < 100 && iommu.read(r::fqt) == 0; ++i) {
  }
  EXPECT_EQ(iommu.fault_at(0).iotval, 0x7000U);
}

// ---- interrupts
// --------------------------------------------------------------------------------------------------------

constexpr std::uint64_t kCip = r::ipsr_f::cip.mask();
constexpr std::uint64_t kFip = r::ipsr_f::fip.mask();

class IommuInterrupts : public IommuFaults {
 protected:
  IommuInterrupts() { iommu.write(r::icvec, r::icvec_f::fiv.set(r::icvec_f::civ.set(0, 1), 2)); }
  void stall() { EXPECT_FALSE(iommu.run({0x7f, 0})); }
};

TEST_F(IommuInterrupts, CommandErrorRaisesTheWireOfItsVector) {
  iommu.enable_command_queue(6, true);
  stall();
  EXPECT_EQ(iommu.read(r::ipsr), kCip);
  EXPECT_EQ(bench.wires(), 1U << 1);
  iommu.write(r::icvec, 3);
  EXPECT_EQ(bench.wires(), 1U << 3);
}

TEST_F(IommuInterrupts, PendingBitComesBackWhileItsCauseLasts) {
  iommu.enable_command_queue(6, true);
  stall();
  iommu.write(r::ipsr, kCip);
  EXPECT_EQ(iommu.read(r::ipsr), kCip);
}

TEST_F(IommuInterrupts, PendingBitOutlivesItsCause) {
  iommu.enable_command_queue(6, true);
  stall();
  iommu.memory().write64(iommu.command_queue(), iotinval_vma().w0);
  iommu.write(r::cqcsr, r::cqcsr_f::cqen.mask() | r::cqcsr_f::cie.mask() | r::cqcsr_f::cmd_ill.mask());
  ASSERT_TRUE(iommu.finish());
  EXPECT_EQ(iommu.read(r::ipsr), kCip);
  iommu.write(r::ipsr, kCip);
  EXPECT_EQ(iommu.read(r::ipsr), 0U);
  EXPECT_EQ(bench.wires(), 0U);
}

TEST_F(IommuInterrupts, DisabledCauseRaisesNothingUntilEnabled) {
  iommu.enable_command_queue(6, false);
  stall();
  EXPECT_EQ(iommu.read(r::ipsr), 0U);
  iommu.write(r::cqcsr, r::cqcsr_f::cqen.mask() | r::cqcsr_f::cie.mask());
  EXPECT_EQ(iommu.read(r::ipsr), kCip);
}

TEST_F(IommuInterrupts, FenceWithWsiInterrupts) {
  iommu.enable_command_queue(6, true);
  ASSERT_TRUE(iommu.run(iofence()));
  EXPECT_EQ(iommu.read(r::ipsr), 0U);
  ASSERT_TRUE(iommu.run(iofence({.wsi = true})));
  EXPECT_EQ(iommu.read(r::ipsr), kCip);
}

TEST_F(IommuInterrupts, RecordInterruptsOnceHoweverFullTheQueueIs) {
  iommu.enable_fault_queue(6, true);
  access_many(1);
  EXPECT_EQ(iommu.read(r::ipsr), kFip);
  EXPECT_EQ(bench.wires(), 1U << 2);
  iommu.write(r::ipsr, kFip);
  EXPECT_EQ(iommu.read(r::ipsr), 0U);
  EXPECT_EQ(bench.wires(), 0U);
  access_many(1);
  EXPECT_EQ(iommu.read(r::ipsr), kFip);
}

TEST_F(IommuInterrupts, OverflowInterruptsForAsLongAsItLasts) {
  iommu.enable_fault_queue(1, true);
  access_many(2);
  ASSERT_EQ(status(), r::fqcsr_f::fqof.mask());
  iommu.write(r::ipsr, kFip);
  EXPECT_EQ(iommu.read(r::ipsr), kFip);
  iommu.write(r::fqcsr, r::fqcsr_f::fqen.mask() | r::fqcsr_f::fie.mask() | r::fqcsr_f::fqof.mask());
  iommu.write(r::ipsr, kFip);
  EXPECT_EQ(iommu.read(r::ipsr), 0U);
}

TEST_F(IommuInterrupts, TwoCausesMayShareAVector) {
  iommu.write(r::icvec, 0);
  iommu.enable_command_queue(6, true);
  iommu.enable_fault_queue(6, true);
  stall();
  access_many(1);
  EXPECT_EQ(iommu.read(r::ipsr), kCip | kFip);
  iommu.write(r::ipsr, kFip);
  EXPECT_EQ(bench.wires(), 1U);
}

// ---- bring-up
// ----------------------------------------------------------------------------------------------------------

/// The accesses, in order and width, that an operating system makes which was written for any IOMMU of the
/// specification.
TEST(IommuBringUp, OperatingSystemFindsWhatItAsksFor) {
  tb::Bench& bench = power_on();
  Iommu iommu(bench);
  // Identity, interrupt kind.
  const std::uint64_t capabilities = iommu.read(r::capabilities);
  ASSERT_EQ(r::capabilities_f::igs.get(capabilities), std::to_underlying(regs::Igs::kBoth));
  iommu.write(r::fctl, iommu.read(r::fctl) | r::fctl_f::wsi.mask());
  ASSERT_EQ(iommu.get(r::fctl, r::fctl_f::wsi), 1U);
  // Nobody may be using it.
  ASSERT_EQ(iommu.get(r::ddtp, r::ddtp_f::busy), 0U);
  ASSERT_LE(iommu.get(r::ddtp, r::ddtp_f::iommu_mode), std::to_underlying(IommuMode::kBare));
  ASSERT_EQ(iommu.get(r::fctl, r::fctl_f::be), 0U);
  // One vector for each cause.
  constexpr std::uint64_t kVectors = 1U << 4 | 2U << 12 | 3U << 8;
  iommu.write(r::icvec, kVectors);
  ASSERT_EQ(iommu.read(r::icvec), kVectors);
  // The directory's root is not fixed.
  iommu.write(r::ddtp, iommu.read(r::ddtp) & ~r::ddtp_f::ppn.mask());
  ASSERT_TRUE(iommu.wait_for(r::ddtp, r::ddtp_f::busy, 0));
  ASSERT_EQ(iommu.get(r::ddtp, r::ddtp_f::ppn), 0U);
  // Queues: ask for the largest size, take less.
  struct Wanted {
    const regs::Register &base, &index, &csr;
    unsigned log2szm1;
    unsigned frames;
    std::uint64_t clear;
  };
  const std::uint64_t w1c =
      r::cqcsr_f::cqmf.mask() | r::cqcsr_f::cmd_to.mask() | r::cqcsr_f::cmd_ill.mask() | r::cqcsr_f::fence_w_ip.mask();
  std::vector<std::uint64_t> bases;
  for (const Wanted& q :
       {Wanted{r::cqb, r::cqt, r::cqcsr, 12, 32, w1c}, Wanted{r::fqb, r::fqh, r::fqcsr, 11, 32, w1c}}) {
    iommu.write(q.base, r::cqb_f::log2szm1.mask());
    ASSERT_GE(iommu.get(q.base, r::cqb_f::log2szm1), q.log2szm1);
    bases.push_back(iommu.frame(q.frames));
    const std::uint64_t base = r::cqb_f::ppn.set(q.log2szm1, bases.back() >> 12);
    iommu.write(q.base, base);
    ASSERT_EQ(iommu.read(q.base), base);
    iommu.write(q.index, 0);
    iommu.write(q.csr, 3 | q.clear);  // enable, interrupt enable
    ASSERT_TRUE(iommu.wait_for(q.csr, r::cqcsr_f::busy, 0));
    ASSERT_EQ(iommu.read(q.csr), 3 | r::cqcsr_f::cqon.mask());
  }
  iommu.write(r::ipsr, 0xf);
  ASSERT_EQ(iommu.read(r::ipsr), 0U);
  // Directory with as many levels as there are.
  const std::uint64_t root = iommu.frame();
  const std::uint64_t ddtp = r::ddtp_f::ppn.set(std::to_underlying(IommuMode::k3lvl), root >> 12);
  iommu.write(r::ddtp, ddtp);
  ASSERT_TRUE(iommu.wait_for(r::ddtp, r::ddtp_f::busy, 0));
  ASSERT_EQ(iommu.read(r::ddtp), ddtp);
  // Start from empty caches.
  const std::vector<Command> start{inval_ddt(), iotinval_vma(), iofence({.reads = true, .writes = true})};
  for (std::size_t i = 0; i < start.size(); ++i) {
    iommu.memory().write64(bases[0] + regs::cmd::kSize * i, start[i].w0);
    iommu.memory().write64(bases[0] + regs::cmd::kSize * i + 8, start[i].w1);
  }
  iommu.write(r::cqt, start.size());
  ASSERT_TRUE(iommu.wait_for(r::cqh, r::cqh_f::index, start.size()));
  EXPECT_EQ(iommu.read(r::cqcsr), 3 | r::cqcsr_f::cqon.mask());
  // And off again, as a driver leaves it.
  iommu.write_ddtp(IommuMode::kBare);
  EXPECT_EQ(bench.device().read({}, 0x1000, 8).resp, tb::Resp::kOkay);
}

TEST(IommuBringUp, ContextIsReplacedAsADriverDoesIt) {
  tb::Bench& bench = power_on();
  Iommu iommu(bench);
  start(iommu, IommuMode::k3lvl);
  constexpr std::uint32_t kDevice = 0x12345;
  PageTable first(iommu, SatpMode::kSv57), second(iommu, SatpMode::kSv39);
  first.map(0x1000, iommu.frame());
  second.map(0x2000, iommu.frame());
  iommu.set_context(kDevice, first.context(1));
  EXPECT_EQ(bench.device().read({.device_id = kDevice}, 0x1000, 8).resp, tb::Resp::kOkay);
  // V cleared, invalidated; fields, V last, invalidated again.
  iommu.memory().write64(iommu.context_address(kDevice), 0);
  ASSERT_TRUE(iommu.run(inval_ddt(kDevice)));
  ASSERT_TRUE(iommu.run(iotinval_vma({.pscid = 1})));
  ASSERT_TRUE(iommu.run(iofence({.reads = true, .writes = true})));
  EXPECT_EQ(bench.device().read({.device_id = kDevice}, 0x1000, 8).resp, tb::Resp::kSlverr);
  iommu.set_context(kDevice, second.context(2));
  ASSERT_TRUE(iommu.run(inval_ddt(kDevice)));
  ASSERT_TRUE(iommu.run(iofence({.reads = true, .writes = true})));
  EXPECT_EQ(bench.device().read({.device_id = kDevice}, 0x2000, 8).resp, tb::Resp::kOkay);
  EXPECT_EQ(bench.device().read({.device_id = kDevice}, 0x1000, 8).resp, tb::Resp::kSlverr);
  const std::vector<Fault> faults = iommu.faults();
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_EQ(faults[0].cause, Cause::kDdtNotValid);
  EXPECT_EQ(faults[1].cause, Cause::kReadPageFault);
}

}  // namespace
}  // namespace aperture::test
