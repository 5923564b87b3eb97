// SPDX-License-Identifier: Apache-2.0
// The command queue: what each command does, what is illegal, how errors stall it and how it goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "bench/iommu_setup.hpp"

namespace aperture::test {
namespace {

namespace r = regs::iommu;
namespace csr = regs::iommu::cqcsr_f;
using regs::IommuMode;
using regs::SatpMode;

constexpr std::uint64_t kIova = 0x4000'0000;
constexpr std::uint32_t kDevice = 3;

class IommuCommands : public ::testing::Test {
 protected:
  IommuCommands() { iommu.enable_command_queue(); }

  bool is_legal(const Command& command) {
    const bool done = iommu.run(command);
    if (!done) {
      EXPECT_EQ(iommu.read(r::cqcsr) & ~(csr::cqen.mask() | csr::cqon.mask()), csr::cmd_ill.mask());
      // Software replaces what it cannot have meant, then clears the bit.
      const std::uint64_t head = iommu.read(r::cqh);
      const Command harmless = iotinval_vma();
      iommu.memory().write64(iommu.command_queue() + regs::cmd::kSize * head, harmless.w0);
      iommu.memory().write64(iommu.command_queue() + regs::cmd::kSize * head + 8, harmless.w1);
      iommu.write(r::cqcsr, csr::cqen.mask() | csr::cmd_ill.mask());
      EXPECT_TRUE(iommu.finish());
    }
    return done;
  }

  tb::Bench& bench = power_on();
  Iommu iommu{bench};
};

// ---- legal and illegal
// -------------------------------------------------------------------------------------------------

struct Named {
  const char* name;
  Command command;
  std::uint64_t w0_defined;  ///< bits that may be set without making the command illegal
  std::uint64_t w1_defined;
};
void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

std::uint64_t bits(unsigned first, unsigned last) {
  return (~std::uint64_t{0} >> (63 - last)) & (~std::uint64_t{0} << first);
}

/// From the tables of chapter "In-memory queues", for a card without NL, S, PDT and second stage.
std::vector<Named> commands() {
  const std::uint64_t opcode = bits(0, 9);
  const std::uint64_t inval = opcode | bits(10, 10) | bits(12, 31) | bits(33, 33) | bits(44, 59);
  const std::uint64_t fence = opcode | bits(10, 13) | bits(32, 63);
  return {
      {"IotinvalVma", iotinval_vma(), inval | bits(32, 32), bits(10, 61)},
      {"IotinvalGvma", iotinval_gvma(), inval, bits(10, 61)},
      {"IofenceC", iofence(), fence, bits(0, 61)},
      {"InvalDdt", inval_ddt(kDevice), opcode | bits(33, 33) | bits(40, 63), 0},
      // The process id has the 8 bits that are legal without any process directory.
      {"InvalPdt", inval_pdt(kDevice, 1), opcode | bits(12, 19) | bits(33, 33) | bits(40, 63), 0},
  };
}

class EveryCommand : public IommuCommands, public ::testing::WithParamInterface<Named> {};
INSTANTIATE_TEST_SUITE_P(Commands, EveryCommand, ::testing::ValuesIn(commands()),
                         [](const auto& info) { return info.param.name; });

TEST_P(EveryCommand, IsLegal) { EXPECT_TRUE(is_legal(GetParam().command)); }

TEST_P(EveryCommand, IsIllegalWithAnyReservedBit) {
  for (unsigned bit = 0; bit < 128; ++bit) {
    const bool low = bit < 64;
    const std::uint64_t mask = std::uint64_t{1} << bit % 64;
    if (((low ? GetParam().w0_defined : GetParam().w1_defined) & mask) != 0) continue;
    Command c = GetParam().command;
    (low ? c.w0 : c.w1) |= mask;
    EXPECT_FALSE(is_legal(c)) << "bit " << bit;
  }
}

TEST_P(EveryCommand, IsLegalWithEveryDefinedOperand) {
  // AV of a fence stores; that has tests of its own.
  const std::uint64_t opcode = bits(0, 9);
  const std::uint64_t av = GetParam().name == std::string("IofenceC") ? bits(10, 10) : 0;
  Command c = GetParam().command;
  c.w0 |= GetParam().w0_defined & ~opcode & ~av;
  c.w1 |= GetParam().w1_defined;
  EXPECT_TRUE(is_legal(c));
}

TEST_F(IommuCommands, EveryUndefinedOpcodeAndFunctionIsIllegal) {
  const std::vector<std::pair<unsigned, unsigned>> defined{{1, 0}, {1, 1}, {2, 0}, {3, 0}, {3, 1}};
  for (unsigned opcode = 0; opcode < 128; ++opcode) {
    for (unsigned func3 = 0; func3 < 8; ++func3) {
      if (std::ranges::find(defined, std::pair{opcode, func3}) != defined.end()) continue;
      if (func3 > 1 && opcode > 4) continue;  // a sample of what is far from anything defined
      EXPECT_FALSE(is_legal({opcode | func3 << 7, 0})) << opcode << "/" << func3;
    }
  }
}

TEST_F(IommuCommands, GvmaMayNotNameAnAddressSpace) {
  Command c = iotinval_gvma();
  c.w0 |= regs::cmd::w0::iotinval_pscv.mask();
  EXPECT_FALSE(is_legal(c));
}

TEST_F(IommuCommands, InvalDdtMayNotNameAProcess) {
  Command c = inval_ddt(kDevice);
  c.w0 = regs::cmd::w0::iodir_pid.set(c.w0, 1);
  EXPECT_FALSE(is_legal(c));
}

TEST_F(IommuCommands, InvalPdtMustNameADevice) {
  Command c = inval_pdt(kDevice, 1);
  c.w0 &= ~regs::cmd::w0::iodir_dv.mask();
  EXPECT_FALSE(is_legal(c));
}

TEST_F(IommuCommands, InvalPdtTakesProcessIdsOf8Bits) {
  EXPECT_TRUE(is_legal(inval_pdt(kDevice, 255)));
  EXPECT_FALSE(is_legal(inval_pdt(kDevice, 256)));
}

TEST_F(IommuCommands, DeviceIdMustLieWithinTheStrapsMask) {
  tb::Straps straps = first_stage();
  straps.device_id_mask = 0xffff;
  bench.reset(straps);
  iommu.enable_command_queue();
  EXPECT_TRUE(is_legal(inval_ddt(0xffff)));
  EXPECT_FALSE(is_legal(inval_ddt(0x10000)));
  EXPECT_FALSE(is_legal(inval_pdt(0x10000, 0)));
}

// ---- stall and resume
// --------------------------------------------------------------------------------------------------

TEST_F(IommuCommands, IllegalCommandStallsAtItself) {
  iommu.submit(iotinval_vma());
  iommu.submit({0x7f, 0});
  iommu.submit(iotinval_vma());
  EXPECT_FALSE(iommu.finish());
  EXPECT_EQ(iommu.read(r::cqh), 1U);
  bench.run(200);
  EXPECT_EQ(iommu.read(r::cqh), 1U);
}

TEST_F(IommuCommands, ClearingCmdIllTriesTheSameCommandAgain) {
  EXPECT_FALSE(iommu.run({0x7f, 0}));
  iommu.write(r::cqcsr, csr::cqen.mask() | csr::cmd_ill.mask());
  ASSERT_TRUE(iommu.wait_for(r::cqcsr, csr::cmd_ill, 1));  // still illegal
  iommu.memory().write64(iommu.command_queue(), iotinval_vma().w0);
  iommu.write(r::cqcsr, csr::cqen.mask() | csr::cmd_ill.mask());
  EXPECT_TRUE(iommu.finish());
}

TEST_F(IommuCommands, WritingZeroDoesNotClear) {
  EXPECT_FALSE(iommu.run({0x7f, 0}));
  iommu.write(r::cqcsr, csr::cqen.mask());
  EXPECT_EQ(iommu.get(r::cqcsr, csr::cmd_ill), 1U);
}

TEST_F(IommuCommands, FetchErrorStallsUntilCleared) {
  iommu.memory().fault(iommu.command_queue(), 16, tb::MemoryFault::kError);
  EXPECT_FALSE(iommu.run(iotinval_vma()));
  EXPECT_EQ(iommu.get(r::cqcsr, csr::cqmf), 1U);
  EXPECT_EQ(iommu.read(r::cqh), 0U);
  iommu.memory().clear_faults();
  bench.run(200);
  EXPECT_EQ(iommu.read(r::cqh), 0U);
  iommu.write(r::cqcsr, csr::cqen.mask() | csr::cqmf.mask());
  EXPECT_TRUE(iommu.finish());
}

TEST_F(IommuCommands, PoisonedCommandIsAFetchError) {
  iommu.memory().fault(iommu.command_queue() + 8, 8, tb::MemoryFault::kPoison);
  EXPECT_FALSE(iommu.run(iotinval_vma()));
  EXPECT_EQ(iommu.get(r::cqcsr, csr::cqmf), 1U);
}

TEST_F(IommuCommands, QueueBeyondThePhysicalAddressWidthIsAFetchError) {
  tb::Straps straps = first_stage();
  straps.set_pas(40);
  bench.reset(straps);
  iommu.write(r::cqb, r::cqb_f::ppn.set(5, std::uint64_t{1} << 28));
  iommu.write(r::cqcsr, csr::cqen.mask());
  iommu.write(r::cqt, 1);
  EXPECT_TRUE(iommu.wait_for(r::cqcsr, csr::cqmf, 1));
}

TEST_F(IommuCommands, QueueWrapsAround) {
  iommu.write(r::cqcsr, 0);
  ASSERT_TRUE(iommu.wait_for(r::cqcsr, csr::cqon, 0));
  iommu.enable_command_queue(2);
  for (unsigned i = 0; i < 11; ++i) ASSERT_TRUE(iommu.run(iotinval_vma())) << i;
  EXPECT_EQ(iommu.read(r::cqh), 11U % 4);
}

// ---- IOFENCE.C
// ---------------------------------------------------------------------------------------------------------

TEST_F(IommuCommands, FenceStoresItsData) {
  const std::uint64_t word = iommu.frame() + 4;
  iommu.memory().write64(word - 4, ~std::uint64_t{0});
  iommu.memory().write64(word + 4, ~std::uint64_t{0});
  ASSERT_TRUE(iommu.run(iofence({.address = word, .data = 0x1234'5678})));
  EXPECT_EQ(iommu.memory().read32(word), 0x1234'5678U);
  EXPECT_EQ(iommu.memory().read32(word - 4), ~0U);
  EXPECT_EQ(iommu.memory().read32(word + 4), ~0U);
}

TEST_F(IommuCommands, FenceWithoutAvStoresNothing) {
  const std::uint64_t word = iommu.frame();
  Command c = iofence({.address = word, .data = 0x1234'5678});
  c.w0 &= ~regs::cmd::w0::iofence_av.mask();
  ASSERT_TRUE(iommu.run(c));
  EXPECT_EQ(iommu.memory().read32(word), 0U);
}

TEST_F(IommuCommands, FailedFenceStoreStallsAndIsRepeated) {
  const std::uint64_t word = iommu.frame();
  iommu.memory().fault(word, 4, tb::MemoryFault::kError);
  EXPECT_FALSE(iommu.run(iofence({.address = word, .data = 7, .wsi = true})));
  EXPECT_EQ(iommu.get(r::cqcsr, csr::cqmf), 1U);
  EXPECT_EQ(iommu.get(r::cqcsr, csr::fence_w_ip), 0U);
  EXPECT_EQ(iommu.read(r::cqh), 0U);
  iommu.memory().clear_faults();
  iommu.write(r::cqcsr, csr::cqen.mask() | csr::cqmf.mask());
  EXPECT_TRUE(iommu.finish());
  EXPECT_EQ(iommu.memory().read32(word), 7U);
  EXPECT_EQ(iommu.get(r::cqcsr, csr::fence_w_ip), 1U);
}

TEST_F(IommuCommands, FenceStoreBeyondThePhysicalAddressWidthStalls) {
  EXPECT_FALSE(iommu.run(iofence({.address = std::uint64_t{1} << 56})));
  EXPECT_EQ(iommu.get(r::cqcsr, csr::cqmf), 1U);
  EXPECT_EQ(iommu.read(r::cqh), 0U);
}

TEST_F(IommuCommands, FenceWithWsiSetsFenceWIpUntilCleared) {
  ASSERT_TRUE(iommu.run(iofence({.wsi = true})));
  EXPECT_EQ(iommu.get(r::cqcsr, csr::fence_w_ip), 1U);
  ASSERT_TRUE(iommu.run(iofence()));  // does not stall the queue
  EXPECT_EQ(iommu.get(r::cqcsr, csr::fence_w_ip), 1U);
  iommu.write(r::cqcsr, csr::cqen.mask() | csr::fence_w_ip.mask());
  EXPECT_EQ(iommu.get(r::cqcsr, csr::fence_w_ip), 0U);
}

/// Requests of a device in Bare mode that take thousands of cycles, and a fence after them.
class FenceOverTraffic : public ::testing::TestWithParam<std::tuple<bool, bool, bool>> {
 protected:
  tb::Bench& bench = power_on(tb::Profile::kIdeal, 3000);
  Iommu iommu{bench};
};

TEST_P(FenceOverTraffic, WaitsForTheAnswersItIsToldTo) {
  const auto [write, reads, writes] = GetParam();
  iommu.enable_command_queue();
  iommu.write_ddtp(IommuMode::kBare);
  // The fence is fetched while the device is still quiet, and its fetch alone takes as long as the device's burst.
  tb::DeviceBurst burst = bench.device().make({}, iommu.frame(), 8);
  burst.write = write;
  bench.log().enable(true);
  iommu.submit(iofence({.reads = reads, .writes = writes}));
  bench.run(2000);
  const tb::Ticket ticket = bench.device().submit(burst);
  bench.run(50);
  ASSERT_TRUE(bench.device().at(ticket).taken);
  ASSERT_TRUE(iommu.finish());
  EXPECT_EQ(bench.device().at(ticket).done, write ? writes : reads);
}

std::string fence_name(const ::testing::TestParamInfo<std::tuple<bool, bool, bool>>& info) {
  const auto& [write, reads, writes] = info.param;
  return std::string(write ? "Write" : "Read") + (reads ? "Pr" : "") + (writes ? "Pw" : "");
}
INSTANTIATE_TEST_SUITE_P(All, FenceOverTraffic,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool(), ::testing::Bool()), fence_name);

// ---- invalidations
// -----------------------------------------------------------------------------------------------------

class IommuInvalidation : public IommuCommands {
 protected:
  IommuInvalidation() {
    iommu.enable_fault_queue();
    iommu.switch_on(IommuMode::k1lvl);
    iommu.set_context(kDevice, table.context(kPscid));
    for (const std::uint64_t page : {old_page, new_page}) iommu.memory().write64(page, page);
  }
  /// The page that the device sees at `iova`.
  std::uint64_t seen(std::uint64_t iova) {
    const tb::Completion c = bench.device().read({.device_id = kDevice}, iova, 8);
    EXPECT_EQ(c.resp, tb::Resp::kOkay);
    std::uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i) value |= std::to_integer<std::uint64_t>(c.data[i]) << 8 * i;
    return value;
  }
  /// Maps, warms the IOTLB, maps elsewhere, runs the command: is the new page seen?
  bool drops(const Command& command, std::uint64_t iova = kIova, std::uint64_t flags = kReadWrite) {
    table.map(iova, old_page, flags);
    EXPECT_TRUE(iommu.flush());
    EXPECT_EQ(seen(iova), old_page);
    table.map(iova, new_page, flags);
    EXPECT_TRUE(iommu.run(command));
    EXPECT_TRUE(iommu.run(iofence()));
    return seen(iova) == new_page;
  }

  static constexpr std::uint32_t kPscid = 9;
  PageTable table{iommu, SatpMode::kSv39};
  std::uint64_t old_page = iommu.frame();
  std::uint64_t new_page = iommu.frame();
};

TEST_F(IommuInvalidation, OfEverythingDropsThePage) { EXPECT_TRUE(drops(iotinval_vma())); }
TEST_F(IommuInvalidation, OfItsPageDropsThePage) { EXPECT_TRUE(drops(iotinval_vma({.address = kIova}))); }
TEST_F(IommuInvalidation, OfItsAddressSpaceDropsThePage) { EXPECT_TRUE(drops(iotinval_vma({.pscid = kPscid}))); }
TEST_F(IommuInvalidation, OfItsPageInItsAddressSpaceDropsThePage) {
  EXPECT_TRUE(drops(iotinval_vma({.address = kIova, .pscid = kPscid})));
}
TEST_F(IommuInvalidation, WithoutAddressSpaceDropsGlobalPages) {
  EXPECT_TRUE(drops(iotinval_vma({.address = kIova}), kIova, kReadWrite | kG));
}

TEST_F(IommuInvalidation, FenceAloneKeepsThePage) {
  // Not promised by the specification, but without it the tests above would show nothing.
  EXPECT_FALSE(drops(iofence()));
}

TEST_F(IommuInvalidation, AnyAddressOfASuperpageDropsIt) {
  for (unsigned level = 1; level <= 2; ++level) {
    const std::uint64_t size = kPageSize << 9 * level;
    const std::uint64_t iova = level * 0x40'0000'0000 / 4;
    table.map(iova, size, kReadWrite, level);
    iommu.memory().write64(size, 1);
    iommu.memory().write64(2 * size, 2);
    ASSERT_TRUE(iommu.flush());
    EXPECT_EQ(seen(iova), 1U);
    table.map(iova, 2 * size, kReadWrite, level);
    ASSERT_TRUE(iommu.run(iotinval_vma({.address = iova + size - kPageSize})));
    ASSERT_TRUE(iommu.run(iofence()));
    EXPECT_EQ(seen(iova), 2U) << level;
  }
}

TEST_F(IommuInvalidation, AnyAddressOfANapotRangeDropsAllOfIt) {
  constexpr std::uint64_t kNapot = 0x1'0000;
  const std::uint64_t n = regs::pte::e::n.mask();
  const auto place = [&](std::uint64_t pages) {
    for (std::uint64_t i = 0; i < 16; ++i) {
      table.map(kIova + kPageSize * i, pages + 8 * kPageSize, kReadWrite | n);
      iommu.memory().write64(pages + kPageSize * i, pages + i);
    }
  };
  place(0x5000'0000);
  ASSERT_TRUE(iommu.flush());
  for (std::uint64_t i = 0; i < 16; ++i) EXPECT_EQ(seen(kIova + kPageSize * i), 0x5000'0000 + i);
  place(0x6000'0000);
  ASSERT_TRUE(iommu.run(iotinval_vma({.address = kIova + kNapot - kPageSize})));
  ASSERT_TRUE(iommu.run(iofence()));
  for (std::uint64_t i = 0; i < 16; ++i) EXPECT_EQ(seen(kIova + kPageSize * i), 0x6000'0000 + i) << i;
}

TEST_F(IommuInvalidation, OfPagesLeavesContextsAlone) {
  table.map(kIova, old_page);
  EXPECT_EQ(seen(kIova), old_page);
  PageTable other(iommu, SatpMode::kSv39);
  other.map(kIova, new_page);
  iommu.set_context(kDevice, other.context(kPscid));
  ASSERT_TRUE(iommu.run(iotinval_vma()));
  EXPECT_EQ(seen(kIova), old_page);
}

TEST_F(IommuInvalidation, OfADeviceReadsItsContextAgain) {
  for (const Command& command : {inval_ddt(kDevice), inval_ddt()}) {
    PageTable first(iommu, SatpMode::kSv39), second(iommu, SatpMode::kSv39);
    first.map(kIova, old_page);
    second.map(kIova, new_page);
    iommu.set_context(kDevice, first.context(1));
    ASSERT_TRUE(iommu.flush());
    EXPECT_EQ(seen(kIova), old_page);
    iommu.set_context(kDevice, second.context(2));
    ASSERT_TRUE(iommu.run(command));
    ASSERT_TRUE(iommu.run(iofence()));
    EXPECT_EQ(seen(kIova), new_page);
  }
}

}  // namespace
}  // namespace aperture::test
