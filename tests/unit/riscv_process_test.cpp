// SPDX-License-Identifier: Apache-2.0
// Address spaces of processes: the contexts that a device's accesses meet, at every step of a change.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "ioas/pages.hpp"
#include "riscv/domain.hpp"
#include "riscv/iommu.hpp"
#include "unit/fake_card.hpp"

namespace aperture::riscv {
namespace {

using test::FakeCard;
namespace caps = regs::iommu::capabilities_f;

constexpr std::uint32_t kDevice = 3;
constexpr std::uint64_t kIova = 0x1000;

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() {
    bytes = {static_cast<std::byte*>(std::aligned_alloc(4096, 8 * 4096)), &std::free};
    pages = std::make_shared<ioas::Pages>(bytes.get(), 8 * 4096, true);
    bring_up(caps::pd8.mask() | caps::pd17.mask() | caps::pd20.mask());
  }
  ~ProcessTest() override {
    if (pages) pages->unpin(iommu->pin_provider());
  }
  void bring_up(std::uint64_t capabilities) {
    if (iommu) pages->unpin(iommu->pin_provider());
    device.reset();
    iommu.reset();
    card = std::make_unique<FakeCard>();
    card->capabilities |= capabilities;
    iommu = *Iommu::bring_up(*card);
    device = *iommu->make_device({.name = "nic", .device_id = kDevice});
    EXPECT_TRUE(pages->pin(iommu->pin_provider()));
  }
  /// An address space with page `page` of the memory at kIova.
  std::shared_ptr<ioas::Domain> space(unsigned page, ioas::ProcessId process = 1) {
    auto made = *device->make_domain(0, process);
    const ioas::Mapping mapping{
        .iova = {kIova}, .span = {pages, page * kPageSize, kPageSize}, .prot = ioas::Prot::kReadWrite};
    EXPECT_TRUE(made->prepare_map(mapping));
    made->commit_map(mapping);
    return made;
  }
  Result<bool> attach(std::shared_ptr<ioas::Domain> to, ioas::ProcessId process) {
    auto prepared = device->prepare_attach(std::move(to), process);
    if (!prepared) return std::unexpected(prepared.error());
    return (*prepared)->commit();
  }
  /// Which page of the memory an access reaches.
  std::optional<unsigned> reached(std::optional<std::uint32_t> process) {
    const auto walk = card->translate(kDevice, kIova, true, process);
    if (!walk.address) return {};
    return static_cast<unsigned>((card->at(*walk.address) - bytes.get()) / 4096);
  }
  unsigned cause(std::optional<std::uint32_t> process) { return card->translate(kDevice, kIova, true, process).cause; }
  regs::PdtpMode mode() {
    return static_cast<regs::PdtpMode>(regs::dc::fsc::mode.get(iommu->context(kDevice).fsc));
  }

  std::unique_ptr<std::byte, void (*)(void*)> bytes{nullptr, &std::free};
  std::shared_ptr<ioas::Pages> pages;
  std::unique_ptr<FakeCard> card;
  std::unique_ptr<Iommu> iommu;
  std::unique_ptr<ioas::Device> device;
};

TEST_F(ProcessTest, EachProcessAndTheDeviceItselfHaveTheirOwn) {
  ASSERT_TRUE(attach(space(0, {}), {}));
  ASSERT_TRUE(attach(space(1), 5));
  ASSERT_TRUE(attach(space(2), 6));
  EXPECT_EQ(reached({}), 0U);
  EXPECT_EQ(reached(5), 1U);
  EXPECT_EQ(reached(6), 2U);
  EXPECT_EQ(cause(7), 266U);
}

TEST_F(ProcessTest, AccessesWithoutAProcessNeverGoUntranslated) {
  ASSERT_TRUE(attach(space(1), 5));
  EXPECT_EQ(reached(5), 1U);
  EXPECT_EQ(cause({}), 266U);
  ASSERT_TRUE(attach(space(0, {}), {}));
  EXPECT_EQ(reached({}), 0U);
  ASSERT_TRUE(device->detach({}));
  EXPECT_EQ(cause({}), 266U);
  EXPECT_EQ(reached(5), 1U);
}

TEST_F(ProcessTest, TheDirectoryIsTheSmallestThatHoldsTheIds) {
  ASSERT_TRUE(attach(space(1), 0xff));
  EXPECT_EQ(mode(), regs::PdtpMode::kPd8);
  ASSERT_TRUE(attach(space(2), 0x100));
  EXPECT_EQ(mode(), regs::PdtpMode::kPd17);
  ASSERT_TRUE(attach(space(3), 0xf'ffff));
  EXPECT_EQ(mode(), regs::PdtpMode::kPd20);
  EXPECT_EQ(reached(0xff), 1U);
  EXPECT_EQ(reached(0x100), 2U);
  EXPECT_EQ(reached(0xf'ffff), 3U);
}

TEST_F(ProcessTest, ADirectoryGrowsByTwoLevelsAtOnce) {
  ASSERT_TRUE(attach(space(0, {}), {}));
  ASSERT_TRUE(attach(space(1), 9));
  ASSERT_TRUE(attach(space(2), 0xa'bcde));
  EXPECT_EQ(reached({}), 0U);
  EXPECT_EQ(reached(9), 1U);
  EXPECT_EQ(reached(0xa'bcde), 2U);
}

TEST_F(ProcessTest, OnlyTheDirectoriesOfTheCardAreUsed) {
  bring_up(caps::pd17.mask());
  ASSERT_TRUE(attach(space(1), 5));
  EXPECT_EQ(mode(), regs::PdtpMode::kPd17);
  EXPECT_EQ(attach(space(1), 0x2'0000).error().number, EINVAL);
  EXPECT_EQ(attach(space(1), 0U).error().number, EINVAL);
}

TEST_F(ProcessTest, AReplaceIsNeverSeenHalfWay) {
  for (const std::uint32_t id : {5U, 0x123U, 0x8'0001U}) {
    SCOPED_TRACE(id);
    ASSERT_TRUE(attach(space(0, {}), {}));
    ASSERT_TRUE(attach(space(1), id));
    ASSERT_TRUE(attach(space(3), id + 1));
    auto after = space(2);
    auto prepared = device->prepare_attach(after, id);
    ASSERT_TRUE(prepared);
    bool looked = false;
    const unsigned freed = card->freed_buffers;
    card->on_command = [&](const Command& command) {
      EXPECT_EQ(reached(id), 2U);
      EXPECT_EQ(reached(id + 1), 3U);
      EXPECT_EQ(reached({}), 0U);
      EXPECT_EQ(card->freed_buffers, freed) << "a page was freed before the fence";
      if (command == command::iodir_inval_ddt(kDevice)) looked = true;
    };
    const auto hitless = (*prepared)->commit();
    card->on_command = nullptr;
    ASSERT_TRUE(hitless);
    EXPECT_TRUE(*hitless);
    EXPECT_TRUE(looked);
  }
}

TEST_F(ProcessTest, TheDevicesOwnIsReplacedWithoutDisturbingItsProcesses) {
  ASSERT_TRUE(attach(space(0, {}), {}));
  ASSERT_TRUE(attach(space(1), 5));
  auto prepared = device->prepare_attach(space(4, {}), {});
  card->on_command = [&](const Command&) {
    EXPECT_EQ(reached({}), 4U);
    EXPECT_EQ(reached(5), 1U);
  };
  const auto hitless = (*prepared)->commit();
  card->on_command = nullptr;
  ASSERT_TRUE(hitless);
  EXPECT_TRUE(*hitless);
}

TEST_F(ProcessTest, TheFirstProcessDoesNotDisturbTheDevice) {
  ASSERT_TRUE(attach(space(0, {}), {}));
  auto prepared = device->prepare_attach(space(1), 5);
  card->on_command = [&](const Command&) { EXPECT_EQ(reached({}), 0U); };
  const auto hitless = (*prepared)->commit();
  card->on_command = nullptr;
  ASSERT_TRUE(hitless);
  EXPECT_TRUE(*hitless);
}

TEST_F(ProcessTest, ADetachedProcessFaultsAndIsForgotten) {
  ASSERT_TRUE(attach(space(0, {}), {}));
  ASSERT_TRUE(attach(space(1), 5));
  ASSERT_TRUE(attach(space(2), 6));
  card->commands.clear();
  ASSERT_TRUE(device->detach(5));
  EXPECT_EQ(card->commands.front(), command::iodir_inval_pdt(kDevice, 5));
  EXPECT_EQ(cause(5), 266U);
  EXPECT_EQ(reached(6), 2U);
  EXPECT_EQ(reached({}), 0U);
  EXPECT_TRUE(device->detach(5));
}

TEST_F(ProcessTest, TwoPreparationsAtOnceBothCount) {
  auto one = device->prepare_attach(space(1), 0xf'0000);
  auto two = device->prepare_attach(space(2), 7);
  auto own = device->prepare_attach(space(0, {}), {});
  for (auto* prepared : {&one, &two, &own}) {
    ASSERT_TRUE(*prepared);
    ASSERT_TRUE((**prepared)->commit());
  }
  EXPECT_EQ(reached(0xf'0000), 1U);
  EXPECT_EQ(reached(7), 2U);
  EXPECT_EQ(reached({}), 0U);
}

TEST_F(ProcessTest, APreparationThatIsDroppedChangesNothing) {
  ASSERT_TRUE(attach(space(0, {}), {}));
  const auto before = iommu->context(kDevice);
  const unsigned buffers = card->buffers;
  {
    auto prepared = device->prepare_attach(space(1), 5);
    ASSERT_TRUE(prepared);
  }
  EXPECT_EQ(iommu->context(kDevice), before);
  EXPECT_EQ(card->buffers, buffers);
}

TEST_F(ProcessTest, APreparationThatRunsOutOfMemoryChangesNothing) {
  ASSERT_TRUE(attach(space(0, {}), {}));
  auto other = space(1);
  const unsigned buffers = card->buffers;
  for (unsigned left = 0; left <= ProcessDirectory::kSpares; ++left) {
    card->allocations_left = left;
    EXPECT_EQ(device->prepare_attach(other, 5).error().number, ENOMEM) << left;
  }
  card->allocations_left.reset();
  EXPECT_EQ(card->buffers, buffers);
  EXPECT_EQ(reached({}), 0U);
}

TEST_F(ProcessTest, AFenceThatFailsKeepsTheDirectoryUntilTheCardIsReset) {
  ASSERT_TRUE(attach(space(1), 5));
  auto prepared = device->prepare_attach(space(2), 5);
  const unsigned freed = card->freed_buffers;
  card->idle_early = true;
  EXPECT_EQ((*prepared)->commit().error().number, EIO);
  EXPECT_EQ(device->detach(5).error().number, EIO);
  card->idle_early = false;
  EXPECT_EQ(card->freed_buffers, freed);
  prepared->reset();
  ASSERT_TRUE(iommu->restart());
  ASSERT_TRUE(attach(space(3), 5));
  EXPECT_EQ(reached(5), 3U);
}

TEST_F(ProcessTest, NothingIsLeftBehind) {
  ASSERT_TRUE(attach(space(0, {}), {}));
  const unsigned buffers = card->buffers;
  ASSERT_TRUE(attach(space(1), 0xf'0000));
  ASSERT_TRUE(device->detach(0xf'0000));
  // The device's own context leads through the directory until it is switched the next time.
  ASSERT_TRUE(attach(space(4, {}), {}));
  EXPECT_EQ(reached({}), 4U);
  EXPECT_EQ(cause(0xf'0000), 260U);
  EXPECT_EQ(card->buffers, buffers);
}

TEST_F(ProcessTest, ProcessesAndASecondStageExcludeEachOther) {
  bring_up(caps::pd8.mask() | caps::sv39x4.mask());
  const auto& formats = device->formats({});
  ASSERT_EQ(formats[1].name, "Sv39x4");
  auto second = *device->make_domain(1, {});
  EXPECT_EQ(device->formats(5)[1].name, "Sv48");
  EXPECT_EQ(device->prepare_attach(second, 5).error().number, EINVAL);
  ASSERT_TRUE(attach(second, {}));
  EXPECT_EQ(device->prepare_attach(space(1), 5).error().number, EINVAL);
  ASSERT_TRUE(attach(space(0, {}), {}));
  ASSERT_TRUE(attach(space(1), 5));
  EXPECT_EQ(device->prepare_attach(second, {}).error().number, EINVAL);
}

}  // namespace
}  // namespace aperture::riscv
