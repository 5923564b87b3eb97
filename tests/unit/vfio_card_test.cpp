// SPDX-License-Identifier: Apache-2.0
// A card over VFIO, on a kernel in memory.
#include <gtest/gtest.h>

#include <stdexcept>

#include "card/identity.hpp"
#include "card/pci.hpp"
#include "card/registers.hpp"
#include "card/vfio/factory.hpp"
#include "support/fake_kernel.hpp"
#include "vfio/uapi.hpp"

namespace aperture::card {
namespace {

using test::FakeKernel;

constexpr const char* kAddress = "0000:01:00.0";

class VfioCard : public testing::Test {
 protected:
  VfioCard() {
    registry.add(vfio_factory(kernel));
    set(regs::iommu::capabilities, std::uint64_t{56} << 32);
    set(regs::card::clock_hz, 100'000'000);
  }
  void set(const regs::Register& reg, std::uint64_t value) {
    function.bars.at(static_cast<unsigned>(reg.bar)).at(reg.offset / 8) = value;
  }
  Result<std::unique_ptr<Card>> open(const std::string& options = "") {
    return registry.open(std::string("vfio:") + kAddress + options);
  }
  void expect_nothing_left() {
    EXPECT_EQ(kernel.open_files(), 0U);
    EXPECT_EQ(kernel.mappings(), 0U);
    EXPECT_EQ(kernel.spaces(), 0U);
  }

  FakeKernel kernel;
  FakeKernel::Function& function = kernel.add(kAddress, 7);
  Registry registry;
};

TEST_F(VfioCard, OpensOverIommufdWhereTheKernelHasIt) {
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_EQ((*card)->description(), "vfio 0000:01:00.0 (iommufd)");
  EXPECT_TRUE(function.attached);
}

TEST_F(VfioCard, OpensOverType1WhereTheKernelHasNoIommufd) {
  kernel.iommufd = false;
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_EQ((*card)->description(), "vfio 0000:01:00.0 (type1)");
}

TEST_F(VfioCard, OpensOverType1WhereFunctionsHaveNoNodesOfTheirOwn) {
  kernel.open_fails["/dev/vfio/devices/vfio0"] = ENOENT;
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_EQ((*card)->description(), "vfio 0000:01:00.0 (type1)");
}

TEST_F(VfioCard, BackendCanBeForced) {
  const auto card = open(",backend=type1");
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_EQ((*card)->description(), "vfio 0000:01:00.0 (type1)");
  kernel.iommufd = false;
  EXPECT_NE(open(",backend=iommufd").error().what.find("backend=iommufd needs /dev/iommu"), std::string::npos);
  EXPECT_EQ(open(",backend=other").error().code, Code::kInvalid);
}

TEST_F(VfioCard, TakesAPathInSysfsAndAShortAddress) {
  EXPECT_TRUE(registry.open("vfio:/sys/bus/pci/devices/0000:01:00.0/"));
  EXPECT_TRUE(registry.open("vfio:01:00.0"));
  EXPECT_EQ(registry.open("vfio:eth0").error().number, EINVAL);
}

TEST_F(VfioCard, RefusesAnotherPciFunctionWithoutTouchingIt) {
  kernel.add("0000:02:00.0", 8, 0x8086, 0x10d3);
  const auto card = registry.open("vfio:0000:02:00.0");
  ASSERT_FALSE(card);
  EXPECT_EQ(card.error().number, ENODEV);
  EXPECT_NE(card.error().what.find("8086:10d3"), std::string::npos) << card.error().what;
  EXPECT_TRUE(kernel.opened().empty());
}

TEST_F(VfioCard, MemoryAndBusMasterAreOnWhileOpenAndBusMasterOffAfterwards) {
  auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_EQ(function.command() & 6, 6);
  card->reset();
  EXPECT_EQ(function.command() & 6, 2);
}

TEST_F(VfioCard, ClosingLeavesNothingBehind) {
  for (const char* backend : {",backend=iommufd", ",backend=type1"}) {
    auto card = open(backend);
    ASSERT_TRUE(card) << card.error().what;
    ASSERT_TRUE((*card)->memory().allocate(100, 4096));
    card->reset();
    EXPECT_FALSE(kernel.unmapped_under_way()) << "bus-master goes first";
    expect_nothing_left();
  }
}

TEST_F(VfioCard, EveryStepOfOpeningThatFailsLeavesNothingBehind) {
  const unsigned long both[] = {VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_IRQ_INFO,
                                VFIO_DEVICE_SET_IRQS};
  const unsigned long iommufd[] = {vfio::uapi::kDeviceBindIommufd, vfio::uapi::kIoasAlloc,
                                   vfio::uapi::kDeviceAttachIommufdPt, vfio::uapi::kIoasIovaRanges};
  const unsigned long type1[] = {VFIO_GROUP_GET_STATUS, VFIO_GROUP_SET_CONTAINER, VFIO_SET_IOMMU,
                                 VFIO_GROUP_GET_DEVICE_FD, VFIO_IOMMU_GET_INFO};
  function.mappable = false;
  function.on_write = [](std::uint64_t) { ADD_FAILURE() << "a register was written"; };
  auto expect_failure = [&](unsigned long request, const std::string& backend, unsigned n) {
    kernel.fail(request, EIO, n);
    const auto card = open(",backend=" + backend);
    EXPECT_FALSE(card) << backend << " request " << (request & 0xff) << " call " << n;
    kernel.answers.clear();
    if (!card) expect_nothing_left();
  };
  for (const std::string backend : {"iommufd", "type1"})
    for (const unsigned long request : both)
      for (unsigned n = 1; n <= (request == VFIO_DEVICE_GET_REGION_INFO ? 3U : 1U); ++n)
        expect_failure(request, backend, n);
  for (const unsigned long request : iommufd) expect_failure(request, "iommufd", 1);
  for (const unsigned long request : type1) expect_failure(request, "type1", 1);
}

TEST_F(VfioCard, MissingBarIsNamed) {
  function.bars.erase(2);
  const auto card = open();
  ASSERT_FALSE(card);
  EXPECT_NE(card.error().what.find("no BAR 2"), std::string::npos) << card.error().what;
}

TEST_F(VfioCard, RegistersWorkWithAndWithoutMappedBars) {
  for (const bool mappable : {true, false}) {
    function.mappable = mappable;
    set(regs::card::id, 0x1234'5678'5254'5041);
    const auto card = open();
    ASSERT_TRUE(card) << card.error().what;
    Mmio& mmio = (*card)->mmio();
    EXPECT_EQ(mmio.read32(Bar::kCard, regs::card::id.offset), 0x5254'5041U);
    EXPECT_EQ(mmio.read64(Bar::kCard, regs::card::id.offset), 0x1234'5678'5254'5041U);
    mmio.write32(Bar::kIommu, 0x104, 0xabcd);
    mmio.write64(Bar::kIommu, 0x108, 0x1122'3344'5566'7788);
    EXPECT_EQ(function.bars.at(0).at(0x100 / 8), 0xabcd'0000'0000U);
    EXPECT_EQ(function.bars.at(0).at(0x108 / 8), 0x1122'3344'5566'7788U);
    mmio.write32(Bar::kIommu, 0x104, 0);
  }
}

TEST_F(VfioCard, AccessBeyondTheBarOrAcrossAWordIsAProgrammersError) {
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  Mmio& mmio = (*card)->mmio();
  EXPECT_THROW(mmio.read32(Bar::kCard, 0x10000), std::out_of_range);
  EXPECT_THROW(mmio.read64(Bar::kCard, 0xfffc), std::out_of_range);
  EXPECT_THROW(mmio.write32(Bar::kCard, 2, 0), std::out_of_range);
  EXPECT_THROW(mmio.write64(Bar::kIommu, ~std::uint64_t{7}, 0), std::out_of_range);
}

TEST_F(VfioCard, CardThatReadsAllOnesIsToldAsDead) {
  for (auto& [bar, words] : function.bars) std::ranges::fill(words, ~std::uint64_t{0});
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_EQ(identify(**card).error().code, Code::kCardDead);
}

TEST_F(VfioCard, OuterRangesAreTheKernels) {
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  const std::vector<BusRange> expected{{{0}, {0xfedf'ffff}}, {{0xfef0'0000}, {0xffff'ffff'ffff}}};
  EXPECT_EQ((*card)->memory().outer_ranges(), expected);
}

TEST_F(VfioCard, OpensNotWhereTheKernelHasNoAddressThatTheCardCanName) {
  set(regs::iommu::capabilities, std::uint64_t{32} << 32);
  kernel.ranges = {{{0x1'0000'0000}, {0xffff'ffff'ffff}}};
  const auto card = open();
  ASSERT_FALSE(card);
  EXPECT_EQ(card.error().number, EOPNOTSUPP);
  EXPECT_NE(card.error().what.find("no address up to 0xffffffff"), std::string::npos) << card.error().what;
  expect_nothing_left();
}

TEST_F(VfioCard, FunctionResetReachesTheFunctionAndPutsItBackToWork) {
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  ASSERT_TRUE((*card)->function_reset());
  EXPECT_EQ(function.reset_count, 1U);
  EXPECT_EQ(function.command() & 6, 6);
}

TEST_F(VfioCard, FunctionThatTheKernelCannotResetIsLeftAlone) {
  function.resets = false;
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_TRUE((*card)->function_reset());
  EXPECT_EQ(function.reset_count, 0U);
}

TEST_F(VfioCard, FunctionThatWouldBeResetWithItsBusIsLeftAlone) {
  function.config[8] &= 0xffff'ffff;
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_TRUE((*card)->function_reset());
  EXPECT_EQ(function.reset_count, 0U);
}

TEST_F(VfioCard, ListOfCapabilitiesThatDoesNotEndIsLeft) {
  function.config[8] = 0x4005;
  ASSERT_TRUE(open());
}

TEST_F(VfioCard, WaitGivesTheVectorsThatWereRaisedOnce) {
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  Interrupts& interrupts = (*card)->interrupts();
  EXPECT_EQ(interrupts.vectors(), pci::kVectors);
  kernel.raise(function, 3);
  kernel.raise(function, 3);
  kernel.raise(function, 19);
  EXPECT_EQ(interrupts.wait(1U << 3 | 1U << 4, 100'000), 1U << 3);
  EXPECT_EQ(interrupts.wait(1U << 3, 100'000), 0U);
  EXPECT_EQ(interrupts.wait(1U << 19, 100'000), 1U << 19);
}

TEST_F(VfioCard, WaitSleepsAsLongAsTheCyclesTakeAtTheCardsClock) {
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_EQ((*card)->interrupts().wait(1, 100'000), 0U);  // at 100 MHz
  EXPECT_EQ(kernel.slept, std::chrono::milliseconds(1));
  EXPECT_EQ((*card)->interrupts().wait(1, ~std::uint64_t{0}), 0U);
  EXPECT_LE(kernel.slept, std::chrono::milliseconds(101));
}

TEST_F(VfioCard, MachineWithFewVectorsGivesThose) {
  function.vectors_there = 6;
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_EQ((*card)->interrupts().vectors(), 6U);
  kernel.raise(function, 5);
  EXPECT_EQ((*card)->interrupts().wait(~std::uint64_t{0}, 10), 1U << 5);
}

TEST_F(VfioCard, CardWithMsiAloneIsGivenThat) {
  function.vectors = 0;
  function.msi_vectors = 32;
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_EQ((*card)->interrupts().vectors(), 32U);
  kernel.raise(function, 19);
  EXPECT_EQ((*card)->interrupts().wait(~std::uint64_t{0}, 10), 1U << 19);
}

TEST_F(VfioCard, MsixIsPreferredToMsi) {
  function.msi_vectors = 32;
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_EQ((*card)->interrupts().vectors(), pci::kVectors);
}

TEST_F(VfioCard, EveryVectorArrivesWhereTheMachineGivesOneMsi) {
  function.vectors = 0;
  function.msi_vectors = 32;
  function.vectors_there = 1;
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  Interrupts& interrupts = (*card)->interrupts();
  EXPECT_EQ(interrupts.vectors(), pci::kVectors);
  EXPECT_EQ(interrupts.shared_with(17), (1U << pci::kVectors) - 1);
  kernel.raise(function, 0);
  EXPECT_EQ(interrupts.wait(1U << 17, 100'000), 1U << 17);
  EXPECT_EQ(interrupts.wait(1U << 17, 100'000), 0U);
}

TEST_F(VfioCard, AMessageThatIsSharedIsThereForEachWhoWaits) {
  function.vectors = 0;
  function.msi_vectors = 32;
  function.vectors_there = 1;
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  kernel.raise(function, 0);
  EXPECT_EQ((*card)->interrupts().wait(1U << 1, 100'000), 1U << 1);
  EXPECT_EQ((*card)->interrupts().wait(1U << 16, 100'000), 1U << 16);
  EXPECT_EQ(kernel.slept, std::chrono::nanoseconds(0));
}

TEST_F(VfioCard, MsisAreTakenByPowersOfTwo) {
  function.vectors = 0;
  function.msi_vectors = 32;
  function.vectors_there = 7;
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_EQ(function.eventfds.size(), 4U);
  EXPECT_EQ((*card)->interrupts().shared_with(18), 0x4'4444U);
  kernel.raise(function, 18 % 4);
  EXPECT_EQ((*card)->interrupts().wait(1U << 18 | 1U << 3, 100'000), 1U << 18);
}

TEST_F(VfioCard, CardWithoutInterruptsStillWaits) {
  function.vectors = 0;
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  EXPECT_EQ((*card)->interrupts().vectors(), 0U);
  EXPECT_EQ((*card)->interrupts().wait(~std::uint64_t{0}, 1'000'000), 0U);
  EXPECT_EQ(kernel.slept, std::chrono::milliseconds(10));
}

}  // namespace
}  // namespace aperture::card
