// SPDX-License-Identifier: Apache-2.0
// Interrupts as messages: the MSI configuration table, masking, repetition, and a message that memory refuses.
#include <gtest/gtest.h>

#include <utility>

#include "bench/iommu_setup.hpp"

namespace aperture::test {
namespace {

namespace r = regs::iommu;
using regs::IommuMode;

constexpr std::uint64_t kCip = r::ipsr_f::cip.mask();
constexpr std::uint64_t kFip = r::ipsr_f::fip.mask();

class IommuMessages : public ::testing::Test {
 protected:
  IommuMessages() {
    iommu.write(r::fctl, 0);
    iommu.write(r::icvec, r::icvec_f::fiv.set(r::icvec_f::civ.set(0, 1), 2));
    for (unsigned v = 0; v < 4; ++v) set_vector(v, doorbells + 8 * v, 0xab00 + v, false);
  }
  static std::uint64_t at(const regs::Register& reg, unsigned vector) { return reg.offset + reg.stride * vector; }
  void mask(unsigned vector, bool on) { iommu.write32(at(r::msi_vec_ctl, vector), on ? 1 : 0); }
  void set_vector(unsigned vector, std::uint64_t address, std::uint32_t data, bool masked) {
    iommu.write64(at(r::msi_addr, vector), address);
    iommu.write32(at(r::msi_data, vector), data);
    mask(vector, masked);
  }
  /// The message of the vector as it lies in memory, taken away.
  std::uint32_t message(unsigned vector) {
    bench.settle();
    const std::uint32_t data = iommu.memory().read32(doorbells + 8 * vector);
    iommu.memory().write32(doorbells + 8 * vector, 0);
    return data;
  }
  void fault() {
    bench.device().submit(bench.device().make({.device_id = 7}, 0x7000, 8));
    bench.settle();
  }
  void stall() { EXPECT_FALSE(iommu.run({0x7f, 0})); }

  tb::Bench& bench = power_on();
  Iommu iommu{bench};
  std::uint64_t doorbells = iommu.frame();
};

TEST_F(IommuMessages, TableKeepsAddressDataAndMask) {
  iommu.write64(at(r::msi_addr, 3), ~std::uint64_t{0});
  iommu.write32(at(r::msi_data, 3), 0x1234'5678);
  iommu.write32(at(r::msi_vec_ctl, 3), ~0U);
  EXPECT_EQ(bench.card().mmio().read64(card::Bar::kIommu, at(r::msi_addr, 3)), r::msi_addr_f::addr.mask());
  EXPECT_EQ(iommu.read32(at(r::msi_data, 3)), 0x1234'5678U);
  EXPECT_EQ(iommu.read32(at(r::msi_vec_ctl, 3)), 1U);
}

TEST_F(IommuMessages, VectorsThatAreNotThereReadZero) {
  iommu.write64(at(r::msi_addr, 4), ~std::uint64_t{0});
  iommu.write32(at(r::msi_data, 4), ~0U);
  iommu.write32(at(r::msi_vec_ctl, 4), 1);
  EXPECT_EQ(iommu.read32(at(r::msi_addr, 4)), 0U);
  EXPECT_EQ(iommu.read32(at(r::msi_data, 4)), 0U);
  EXPECT_EQ(iommu.read32(at(r::msi_vec_ctl, 4)), 0U);
}

TEST_F(IommuMessages, TableIsAbsentWithWiresOnly) {
  tb::Straps straps = first_stage();
  straps.capabilities = r::capabilities_f::igs.set(straps.capabilities, std::to_underlying(regs::Igs::kWsi));
  bench.reset(straps);
  EXPECT_EQ(iommu.get(r::capabilities, r::capabilities_f::igs), std::to_underlying(regs::Igs::kWsi));
  iommu.write(r::fctl, 0);
  EXPECT_EQ(iommu.get(r::fctl, r::fctl_f::wsi), 1U);
  set_vector(0, 0x1000, 1, true);
  EXPECT_EQ(iommu.read32(at(r::msi_addr, 0)), 0U);
  EXPECT_EQ(iommu.read32(at(r::msi_data, 0)), 0U);
  EXPECT_EQ(iommu.read32(at(r::msi_vec_ctl, 0)), 0U);
}

TEST_F(IommuMessages, WiresCannotBeChosenWithMessagesOnly) {
  tb::Straps straps = first_stage();
  straps.capabilities = r::capabilities_f::igs.set(straps.capabilities, std::to_underlying(regs::Igs::kMsi));
  bench.reset(straps);
  iommu.write(r::fctl, r::fctl_f::wsi.mask());
  EXPECT_EQ(iommu.get(r::fctl, r::fctl_f::wsi), 0U);
}

TEST_F(IommuMessages, WsiIsFixedWhileAQueueIsOn) {
  iommu.enable_command_queue();
  iommu.write(r::fctl, r::fctl_f::wsi.mask());
  EXPECT_EQ(iommu.get(r::fctl, r::fctl_f::wsi), 0U);
}

TEST_F(IommuMessages, FenceWithWsiIsIllegal) {
  iommu.enable_command_queue();
  EXPECT_FALSE(iommu.run(iofence({.wsi = true})));
  EXPECT_EQ(iommu.get(r::cqcsr, r::cqcsr_f::cmd_ill), 1U);
}

TEST_F(IommuMessages, RecordSendsTheMessageOfItsVectorOnceUntilCleared) {
  iommu.enable_fault_queue(6, true);
  fault();
  EXPECT_EQ(message(2), 0xab02U);
  EXPECT_EQ(iommu.read(r::ipsr), kFip);
  EXPECT_EQ(bench.wires(), 0U);
  fault();
  EXPECT_EQ(message(2), 0U);
  iommu.write(r::ipsr, kFip);
  fault();
  EXPECT_EQ(message(2), 0xab02U);
}

TEST_F(IommuMessages, CauseThatLastsSendsAgainWhenCleared) {
  iommu.enable_command_queue(6, true);
  stall();
  EXPECT_EQ(message(1), 0xab01U);
  iommu.write(r::ipsr, kCip);
  EXPECT_EQ(message(1), 0xab01U);
}

TEST_F(IommuMessages, MaskedVectorRemembersOneMessage) {
  mask(2, true);
  iommu.enable_fault_queue(6, true);
  fault();
  iommu.write(r::ipsr, kFip);
  fault();
  EXPECT_EQ(message(2), 0U);
  mask(2, false);
  EXPECT_EQ(message(2), 0xab02U);
  mask(2, true);
  mask(2, false);
  EXPECT_EQ(message(2), 0U);
}

/// The bus checkers watch the address while memory makes the message wait.
TEST(IommuMessageInFlight, KeepsItsAddressWhenTheTableChanges) {
  tb::Bench& bench = power_on(tb::Profile::kHostile);
  Iommu iommu(bench);
  const std::uint64_t doorbells = iommu.frame();
  iommu.write(r::fctl, 0);
  iommu.enable_fault_queue(6, true);
  const std::uint64_t mask = r::msi_vec_ctl.offset;
  for (unsigned round = 0; round < 64; ++round) {
    iommu.write32(mask, 1);
    bench.device().submit(bench.device().make({.device_id = 7}, 0x7000, 8));
    bench.settle();
    ASSERT_EQ(iommu.read(r::ipsr), kFip);
    iommu.write32(mask, 0);
    for (unsigned i = 1; i <= 4; ++i) iommu.write64(r::msi_addr.offset, doorbells + 8 * i);
    bench.settle();
    iommu.write(r::fqh, iommu.read(r::fqt));
    iommu.write(r::ipsr, kFip);
  }
}

TEST_F(IommuMessages, RefusedMessageIsRecorded) {
  iommu.memory().fault(doorbells, 64, tb::MemoryFault::kError);
  iommu.enable_fault_queue();
  iommu.enable_command_queue(6, true);
  stall();
  const std::vector<Fault> faults = iommu.faults();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].cause, regs::Cause::kMsiWriteAccessFault);
  EXPECT_EQ(faults[0].type, regs::Ttyp::kNone);
  EXPECT_EQ(faults[0].iotval, doorbells + 8);
  EXPECT_EQ(faults[0].device_id, 0U);
}

TEST_F(IommuMessages, MessageBeyondThePhysicalAddressWidthIsRecorded) {
  tb::Straps straps = first_stage();
  straps.set_pas(40);
  bench.reset(straps);
  set_vector(0, std::uint64_t{1} << 40, 1, false);
  iommu.enable_fault_queue();
  iommu.enable_command_queue(6, true);
  stall();
  const std::vector<Fault> faults = iommu.faults();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].cause, regs::Cause::kMsiWriteAccessFault);
  EXPECT_EQ(faults[0].iotval, std::uint64_t{1} << 40);
}

}  // namespace
}  // namespace aperture::test
