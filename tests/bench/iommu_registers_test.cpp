// SPDX-License-Identifier: Apache-2.0
// The IOMMU's register page: reset values, what can be written, and how.
#include <gtest/gtest.h>

#include <utility>

#include "bench/iommu_setup.hpp"
#include "bench/print.hpp"

namespace aperture::test {
namespace {

namespace r = regs::iommu;
using regs::IommuMode;

constexpr std::uint64_t kOnes = ~std::uint64_t{0};

class IommuRegisters : public ::testing::Test {
 protected:
  void restart(const tb::Straps& straps) { bench.reset(straps); }
  std::uint64_t mode() { return iommu.get(r::ddtp, r::ddtp_f::iommu_mode); }
  static std::uint64_t ddtp(IommuMode mode, std::uint64_t ppn = 0) {
    return r::ddtp_f::ppn.set(r::ddtp_f::iommu_mode.set(0, std::to_underlying(mode)), ppn);
  }
  void write_mode(IommuMode mode, std::uint64_t ppn = 0) {
    iommu.write(r::ddtp, ddtp(mode, ppn));
    EXPECT_TRUE(iommu.wait_for(r::ddtp, r::ddtp_f::busy, 0));
  }

  tb::Bench& bench = power_on();
  Iommu iommu{bench};
};

// ---- reset values, read-only and absent registers
// --------------------------------------------------------------------

TEST_F(IommuRegisters, CapabilitiesStateWhatIsThere) {
  restart({});
  std::uint64_t expected = 0;
  namespace c = r::capabilities_f;
  expected = c::version.set(expected, 0x10);
  for (const regs::Field& there :
       {c::sv32,   c::sv39,     c::sv48,     c::sv57,     c::svrsw60t59b, c::svpbmt, c::sv32x4, c::sv39x4, c::sv48x4,
        c::sv57x4, c::amo_mrif, c::msi_flat, c::msi_mrif, c::amo_hwad,    c::ats,    c::t2gpa,  c::end,    c::hpm,
        c::dbg,    c::pd8,      c::pd17,     c::pd20,     c::qosid,       c::nl,     c::s})
    expected |= there.mask();
  expected = c::igs.set(expected, std::to_underlying(regs::Igs::kBoth));
  expected = c::pas.set(expected, 56);
  EXPECT_EQ(iommu.read(r::capabilities), expected);
}

TEST_F(IommuRegisters, StrapsTakeCapabilitiesAway) {
  tb::Straps straps = first_stage();
  straps.capabilities &= ~r::capabilities_f::sv57.mask();
  straps.set_pas(40);
  restart(straps);
  EXPECT_EQ(iommu.get(r::capabilities, r::capabilities_f::sv57), 0U);
  EXPECT_EQ(iommu.get(r::capabilities, r::capabilities_f::sv48), 1U);
  EXPECT_EQ(iommu.get(r::capabilities, r::capabilities_f::pas), 40U);
}

TEST_F(IommuRegisters, WhatIsImplementedDoesNotDependOnTheStraps) {
  restart({});
  const std::uint64_t all = bench.implemented();
  EXPECT_EQ(all, iommu.read(r::capabilities));
  tb::Straps straps;
  straps.capabilities &= ~r::capabilities_f::sv57.mask();
  restart(straps);
  EXPECT_EQ(bench.implemented(), all);
  EXPECT_EQ(iommu.get(r::capabilities, r::capabilities_f::sv57), 0U);
}

TEST_F(IommuRegisters, ResetLeavesEverythingOff) {
  for (const regs::Register& reg : {r::ddtp, r::cqh, r::cqt, r::fqh, r::fqt, r::cqcsr, r::fqcsr, r::ipsr, r::icvec}) {
    EXPECT_EQ(iommu.read(reg), 0U) << reg.name;
  }
  EXPECT_EQ(iommu.read(r::fctl), r::fctl_f::wsi.mask());
}

TEST_F(IommuRegisters, ResetModeIsAStrap) {
  tb::Straps straps = first_stage();
  straps.reset_bare = true;
  restart(straps);
  EXPECT_EQ(iommu.read(r::ddtp), ddtp(IommuMode::kBare));
}

TEST_F(IommuRegisters, ReadOnlyRegistersIgnoreWrites) {
  for (const regs::Register& reg : {r::capabilities, r::cqh, r::fqt, r::fctl}) {
    const std::uint64_t before = iommu.read(reg);
    iommu.write(reg, kOnes);
    EXPECT_EQ(iommu.read(reg), before) << reg.name;
  }
}

TEST_F(IommuRegisters, WhatIsAbsentReadsZeroAndIgnoresWrites) {
  for (const regs::Register& reg : {r::pqb, r::pqh, r::pqt, r::pqcsr}) {
    iommu.write(reg, kOnes);
    EXPECT_EQ(iommu.read(reg), 0U) << reg.name;
  }
  // Counters, debug translation, QoS and the reserved rest of the page.
  for (const std::uint64_t offset : {88U, 92U, 96U, 104U, 352U, 600U, 608U, 616U, 624U, 628U, 688U, 1024U, 4088U}) {
    iommu.write32(offset, ~0U);
    EXPECT_EQ(iommu.read32(offset), 0U) << offset;
  }
}

TEST_F(IommuRegisters, WriteOfTheWrongWidthWritesNothing) {
  iommu.enable_command_queue();
  iommu.write64(r::cqh.offset, kOnes);    // cqh and cqt
  iommu.write64(r::cqcsr.offset, 0);      // cqcsr and fqcsr
  iommu.write64(r::fqh.offset, kOnes);    // fqh and fqt
  iommu.write64(r::pqcsr.offset, kOnes);  // pqcsr and ipsr
  iommu.write64(r::fctl.offset, 0);
  EXPECT_EQ(iommu.read(r::cqt), 0U);
  EXPECT_EQ(iommu.get(r::cqcsr, r::cqcsr_f::cqen), 1U);
  EXPECT_EQ(iommu.read(r::fqh), 0U);
  EXPECT_EQ(iommu.read(r::fctl), r::fctl_f::wsi.mask());
}

// ---- ddtp
// ------------------------------------------------------------------------------------------------------------

class Transition : public IommuRegisters, public ::testing::WithParamInterface<std::pair<IommuMode, IommuMode>> {};

TEST_P(Transition, IsTakenUnlessBothAreTableModes) {
  const auto [from, to] = GetParam();
  write_mode(from, 0x111);
  write_mode(to, 0x222);
  const bool stays = from >= IommuMode::k1lvl && to >= IommuMode::k1lvl;
  EXPECT_EQ(iommu.read(r::ddtp), stays ? ddtp(from, 0x111) : ddtp(to, 0x222));
}

std::vector<std::pair<IommuMode, IommuMode>> all_transitions() {
  std::vector<std::pair<IommuMode, IommuMode>> all;
  const auto modes = {IommuMode::kOff, IommuMode::kBare, IommuMode::k1lvl, IommuMode::k2lvl, IommuMode::k3lvl};
  for (const IommuMode from : modes) {
    for (const IommuMode to : modes) all.emplace_back(from, to);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Ddtp, Transition, ::testing::ValuesIn(all_transitions()), [](const auto& info) {
  return std::string(to_string(info.param.first)) + "_to_" + to_string(info.param.second);
});

TEST_F(IommuRegisters, DdtpIgnoresModesThatAreNotThere) {
  for (std::uint64_t value = 5; value < 16; ++value) {
    iommu.write(r::ddtp, r::ddtp_f::ppn.set(value, 0x333));
    EXPECT_EQ(iommu.read(r::ddtp), 0U) << value;
  }
}

TEST_F(IommuRegisters, DdtpLevelsAreLimitedByStrap) {
  for (std::uint8_t levels = 0; levels < 4; ++levels) {
    tb::Straps straps = first_stage();
    straps.ddt_levels_max = levels;
    for (unsigned wanted = 1; wanted <= 3; ++wanted) {
      restart(straps);
      write_mode(static_cast<IommuMode>(std::to_underlying(IommuMode::kBare) + wanted));
      EXPECT_EQ(mode() > std::to_underlying(IommuMode::kBare), wanted <= levels) << wanted << " of " << int{levels};
    }
  }
}

TEST_F(IommuRegisters, DdtpReservedBitsReadZero) {
  iommu.write(r::ddtp, kOnes & ~r::ddtp_f::iommu_mode.mask());
  ASSERT_TRUE(iommu.wait_for(r::ddtp, r::ddtp_f::busy, 0));
  EXPECT_EQ(iommu.read(r::ddtp), r::ddtp_f::ppn.mask());
}

TEST_F(IommuRegisters, DdtpAsHalvesActsWithTheLowOne) {
  const std::uint64_t value = ddtp(IommuMode::k2lvl, 0xabc'1234'5678);
  iommu.write32(r::ddtp.offset + 4, static_cast<std::uint32_t>(value >> 32));
  EXPECT_EQ(mode(), 0U);
  iommu.write32(r::ddtp.offset, static_cast<std::uint32_t>(value));
  ASSERT_TRUE(iommu.wait_for(r::ddtp, r::ddtp_f::busy, 0));
  EXPECT_EQ(iommu.read(r::ddtp), value);
}

TEST(IommuRegistersSlowMemory, DdtpStaysBusyUntilOlderRequestsAreAnswered) {
  tb::Bench& bench = power_on(tb::Profile::kIdeal, 2000);
  Iommu iommu{bench};
  iommu.write_ddtp(IommuMode::kBare);
  const tb::Ticket ticket = bench.device().submit(bench.device().make({}, 0x1000, 8));
  bench.run(20);
  iommu.write(r::ddtp, std::to_underlying(IommuMode::kOff));
  EXPECT_EQ(iommu.get(r::ddtp, r::ddtp_f::busy), 1U);
  EXPECT_FALSE(bench.device().at(ticket).done);
  // A write while busy is ignored.
  iommu.write(r::ddtp, std::to_underlying(IommuMode::k1lvl));
  ASSERT_TRUE(iommu.wait_for(r::ddtp, r::ddtp_f::busy, 0));
  EXPECT_TRUE(bench.device().at(ticket).done);
  EXPECT_EQ(bench.device().at(ticket).resp, tb::Resp::kOkay);
  EXPECT_EQ(iommu.read(r::ddtp), std::to_underlying(IommuMode::kOff));
}

// ---- queue registers
// ---------------------------------------------------------------------------------------------------

struct Queue {
  const char* name;
  const regs::Register& base;
  const regs::Register& index;  ///< the one that software writes
  const regs::Register& csr;
  const regs::Field& enable;
  const regs::Field& on;
  const regs::Field& busy;
};
void PrintTo(const Queue& queue, std::ostream* out) { *out << queue.name; }
const Queue kCommands{"command", r::cqb, r::cqt, r::cqcsr, r::cqcsr_f::cqen, r::cqcsr_f::cqon, r::cqcsr_f::busy};
const Queue kFaults{"fault", r::fqb, r::fqh, r::fqcsr, r::fqcsr_f::fqen, r::fqcsr_f::fqon, r::fqcsr_f::busy};

class EveryQueue : public IommuRegisters, public ::testing::WithParamInterface<Queue> {
 protected:
  const Queue& queue = GetParam();
};

INSTANTIATE_TEST_SUITE_P(Queues, EveryQueue, ::testing::Values(kCommands, kFaults),
                         [](const auto& info) { return info.param.name; });

TEST_P(EveryQueue, BaseReadsBackWithoutReservedBits) {
  iommu.write(queue.base, kOnes & ~r::cqb_f::log2szm1.mask());
  EXPECT_EQ(iommu.read(queue.base), r::cqb_f::ppn.mask());
}

TEST_P(EveryQueue, SizeIsLimitedByStrap) {
  for (const unsigned limit : {1U, 8U, 15U}) {
    tb::Straps straps = first_stage();
    straps.queue_log2_max = static_cast<std::uint8_t>(limit);
    restart(straps);
    iommu.write(queue.base, r::cqb_f::log2szm1.mask());
    EXPECT_EQ(iommu.read(queue.base), limit - 1);
    iommu.write(queue.base, 0);
    EXPECT_EQ(iommu.read(queue.base), 0U);
  }
}

TEST_P(EveryQueue, BaseHalvesAreIndependent) {
  const std::uint64_t value = r::cqb_f::ppn.set(7, 0xfed'cba9'8765);
  iommu.write32(queue.base.offset, static_cast<std::uint32_t>(value));
  EXPECT_EQ(iommu.read(queue.base), value & 0xffff'ffff);
  iommu.write32(queue.base.offset + 4, static_cast<std::uint32_t>(value >> 32));
  EXPECT_EQ(iommu.read(queue.base), value);
  iommu.write32(queue.base.offset, 0);
  EXPECT_EQ(iommu.read(queue.base), value & ~std::uint64_t{0xffff'ffff});
}

TEST_P(EveryQueue, IndexHasAsManyBitsAsTheQueueNeeds) {
  for (const unsigned log2 : {1U, 6U, 15U}) {
    iommu.write(queue.base, log2 - 1);
    iommu.write(queue.index, kOnes);
    EXPECT_EQ(iommu.read(queue.index), (1U << log2) - 1);
  }
}

TEST_P(EveryQueue, WritingTheBaseClearsTheIndex) {
  iommu.write(queue.base, 5);
  iommu.write(queue.index, 3);
  iommu.write(queue.base, 5);
  EXPECT_EQ(iommu.read(queue.index), 0U);
}

TEST_P(EveryQueue, EnableTurnsOnAndOff) {
  iommu.write(queue.csr, queue.enable.mask());
  ASSERT_TRUE(iommu.wait_for(queue.csr, queue.busy, 0));
  EXPECT_EQ(iommu.read(queue.csr), queue.enable.mask() | queue.on.mask());
  iommu.write(queue.csr, 0);
  ASSERT_TRUE(iommu.wait_for(queue.csr, queue.busy, 0));
  EXPECT_EQ(iommu.read(queue.csr), 0U);
}

TEST_P(EveryQueue, BaseIsFixedWhileOn) {
  iommu.write(queue.base, 3);
  iommu.write(queue.csr, queue.enable.mask());
  ASSERT_TRUE(iommu.wait_for(queue.csr, queue.on, 1));
  iommu.write(queue.base, r::cqb_f::ppn.set(5, 0x77));
  EXPECT_EQ(iommu.read(queue.base), 3U);
}

TEST(IommuRegistersSlowMemory, CommandQueueStaysBusyUntilItsFetchReturns) {
  tb::Bench& bench = power_on(tb::Profile::kIdeal, 2000);
  Iommu iommu{bench};
  iommu.enable_command_queue();
  iommu.submit(iotinval_vma());
  bench.run(20);
  iommu.write(r::cqcsr, 0);
  EXPECT_EQ(iommu.get(r::cqcsr, r::cqcsr_f::busy), 1U);
  // A write while busy is ignored.
  iommu.write(r::cqcsr, r::cqcsr_f::cqen.mask());
  ASSERT_TRUE(iommu.wait_for(r::cqcsr, r::cqcsr_f::busy, 0));
  EXPECT_EQ(iommu.read(r::cqcsr), 0U);
}

TEST_F(IommuRegisters, EnablingTheCommandQueueStartsAtItsFirstEntry) {
  iommu.enable_command_queue();
  ASSERT_TRUE(iommu.run(iotinval_vma()));
  ASSERT_EQ(iommu.read(r::cqh), 1U);
  iommu.submit({0x7f, 0});  // no such command
  ASSERT_TRUE(iommu.wait_for(r::cqcsr, r::cqcsr_f::cmd_ill, 1));
  iommu.write(r::cqcsr, 0);
  ASSERT_TRUE(iommu.wait_for(r::cqcsr, r::cqcsr_f::cqon, 0));
  iommu.write(r::cqt, 0);
  iommu.write(r::cqcsr, r::cqcsr_f::cqen.mask());
  ASSERT_TRUE(iommu.wait_for(r::cqcsr, r::cqcsr_f::cqon, 1));
  EXPECT_EQ(iommu.read(r::cqh), 0U);
  EXPECT_EQ(iommu.get(r::cqcsr, r::cqcsr_f::cmd_ill), 0U);
}

// ---- icvec
// -------------------------------------------------------------------------------------------------------------

TEST_F(IommuRegisters, VectorFieldsHaveAsManyBitsAsThereAreVectors) {
  for (std::uint8_t log2 = 0; log2 <= 4; ++log2) {
    tb::Straps straps = first_stage();
    straps.vectors_log2 = log2;
    restart(straps);
    iommu.write(r::icvec, kOnes);
    EXPECT_EQ(iommu.read(r::icvec), 0x1111U * ((1U << log2) - 1)) << int{log2};
  }
}

}  // namespace
}  // namespace aperture::test
