// SPDX-License-Identifier: Apache-2.0
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

using ioas::Prot;
using test::FakeCard;

/// Two devices in one leaf page of the directory; `GetParam` levels.
class DeviceTest : public testing::TestWithParam<unsigned> {
 protected:
  DeviceTest() {
    card.levels_max = GetParam();
    iommu = *Iommu::bring_up(card);
    first = *iommu->make_device({.name = "first", .device_id = 3});
    second = *iommu->make_device({.name = "second", .device_id = 4});
    bytes = {static_cast<std::byte*>(std::aligned_alloc(4096, 8 * 4096)), &std::free};
    pages = std::make_shared<ioas::Pages>(bytes.get(), 8 * 4096, true);
    EXPECT_TRUE(pages->pin(iommu->pin_provider()));
  }
  ~DeviceTest() override {
    if (pages) pages->unpin(iommu->pin_provider());
  }
  ioas::Mapping mapping(std::uint64_t iova, std::uint64_t offset, std::uint64_t length, Prot prot = Prot::kReadWrite) {
    return {.iova = {iova}, .span = {pages, offset, length}, .prot = prot};
  }
  std::shared_ptr<ioas::Domain> domain(std::size_t format = 0) { return *first->make_domain(format, {}); }
  void map(ioas::Domain& to, const ioas::Mapping& what) {
    ASSERT_TRUE(to.prepare_map(what));
    to.commit_map(what);
  }
  Result<bool> attach(ioas::Device& device, std::shared_ptr<ioas::Domain> to) {
    auto prepared = device.prepare_attach(std::move(to), {});
    if (!prepared) return std::unexpected(prepared.error());
    return (*prepared)->commit();
  }
  /// The user byte that an access of a device reaches.
  std::byte* reached(std::uint32_t device_id, std::uint64_t iova, bool write = false) {
    const auto walk = card.translate(device_id, iova, write);
    return walk.address ? card.at(*walk.address) : nullptr;
  }

  FakeCard card;
  std::unique_ptr<Iommu> iommu;
  std::unique_ptr<ioas::Device> first;
  std::unique_ptr<ioas::Device> second;
  std::unique_ptr<std::byte, void (*)(void*)> bytes{nullptr, &std::free};
  std::shared_ptr<ioas::Pages> pages;
};

INSTANTIATE_TEST_SUITE_P(Levels, DeviceTest, testing::Values(1U, 2U, 3U));

TEST_P(DeviceTest, AnAttachedDeviceReachesWhatIsMappedAndNothingElse) {
  auto space = domain();
  map(*space, mapping(0x10000, 0x2000, 0x3000));
  EXPECT_EQ(card.translate(3, 0x10000, false).cause, 258U);
  EXPECT_TRUE(*attach(*first, space));
  EXPECT_EQ(reached(3, 0x10005), bytes.get() + 0x2005);
  EXPECT_EQ(reached(3, 0x12fff), bytes.get() + 0x4fff);
  EXPECT_EQ(reached(3, 0x13000), nullptr);
  EXPECT_EQ(card.translate(4, 0x10000, false).cause, 258U);
}

TEST_P(DeviceTest, EveryFormatWorks) {
  for (std::size_t format = 0; format < 3; ++format) {
    auto space = domain(format);
    map(*space, mapping(0x10000, 0, 0x1000));
    const std::uint64_t high = space->format().apertures.back().first.value;
    map(*space, mapping(high, 0x1000, 0x1000));
    ASSERT_TRUE(attach(*first, space));
    EXPECT_EQ(reached(3, 0x10000), bytes.get());
    EXPECT_EQ(reached(3, high), bytes.get() + 0x1000);
    EXPECT_EQ(card.translate(3, 0x10000, false).reads, space->format().levels);
  }
}

TEST_P(DeviceTest, RightsAreThoseOfTheMap) {
  auto space = domain();
  map(*space, mapping(0x1000, 0, 0x1000, Prot::kRead));
  map(*space, mapping(0x2000, 0, 0x1000, Prot::kWrite));
  map(*space, mapping(0x3000, 0, 0x1000, Prot::kNone));
  ASSERT_TRUE(attach(*first, space));
  EXPECT_TRUE(reached(3, 0x1000, false));
  EXPECT_FALSE(reached(3, 0x1000, true));
  EXPECT_TRUE(reached(3, 0x2000, true));
  EXPECT_FALSE(reached(3, 0x3000, false));
}

TEST_P(DeviceTest, DevicesShareADomainAndKeepItWhenOneLeaves) {
  auto space = domain();
  map(*space, mapping(0x1000, 0, 0x1000));
  ASSERT_TRUE(attach(*first, space));
  ASSERT_TRUE(attach(*second, space));
  EXPECT_EQ(reached(3, 0x1000), reached(4, 0x1000));
  ASSERT_TRUE(first->detach({}));
  EXPECT_EQ(card.translate(3, 0x1000, false).cause, 258U);
  EXPECT_TRUE(reached(4, 0x1000));
}

TEST_P(DeviceTest, TwoDomainsNeverShareANumber) {
  auto one = std::dynamic_pointer_cast<Domain>(domain());
  auto two = std::dynamic_pointer_cast<Domain>(domain());
  EXPECT_NE(one->space(), two->space());
  EXPECT_NE(one->space().pscid, 0U);
}

TEST_P(DeviceTest, AReplaceIsNeverSeenHalfWay) {
  auto before = domain();
  auto after = domain(1);
  map(*before, mapping(0x1000, 0, 0x1000));
  map(*after, mapping(0x1000, 0x1000, 0x1000));
  ASSERT_TRUE(attach(*first, before));
  ASSERT_TRUE(attach(*second, before));
  std::vector<std::byte*> seen;
  card.on_command = [&](const Command&) {
    seen.push_back(reached(3, 0x1000));
    EXPECT_EQ(reached(4, 0x1000), bytes.get());
  };
  auto hitless = attach(*first, after);
  card.on_command = nullptr;
  ASSERT_TRUE(hitless);
  EXPECT_EQ(*hitless, GetParam() > 1);
  EXPECT_EQ(reached(3, 0x1000), bytes.get() + 0x1000);
  ASSERT_FALSE(seen.empty());
  for (std::byte* place : seen) EXPECT_EQ(place, GetParam() > 1 ? bytes.get() + 0x1000 : nullptr);
}

TEST_P(DeviceTest, AReplaceFreesItsDirectoryPageOnlyBehindTheFence) {
  auto before = domain();
  auto after = domain();
  ASSERT_TRUE(attach(*first, before));
  auto prepared = first->prepare_attach(after, {});
  ASSERT_TRUE(prepared);
  card.commands.clear();
  const unsigned freed = card.freed_buffers;
  card.on_command = [&](const Command&) { EXPECT_EQ(card.freed_buffers, freed); };
  ASSERT_TRUE((*prepared)->commit());
  card.on_command = nullptr;
  // With one level nothing above points to the page: the context itself was invalidated, and the spare page not used.
  EXPECT_EQ(card.commands.front(), GetParam() == 1 ? command::iodir_inval_ddt(3) : command::iodir_inval_ddt({}));
  EXPECT_EQ(card.freed_buffers, freed + 1);
}

TEST_P(DeviceTest, TwoPreparationsInOneDirectoryPageDoNotUndoEachOther) {
  auto one = domain();
  auto two = domain();
  map(*one, mapping(0x1000, 0, 0x1000));
  map(*two, mapping(0x1000, 0x1000, 0x1000));
  ASSERT_TRUE(attach(*first, one));
  ASSERT_TRUE(attach(*second, one));
  auto a = first->prepare_attach(two, {});
  auto b = second->prepare_attach(two, {});
  ASSERT_TRUE((*a)->commit());
  ASSERT_TRUE((*b)->commit());
  EXPECT_EQ(reached(3, 0x1000), bytes.get() + 0x1000);
  EXPECT_EQ(reached(4, 0x1000), bytes.get() + 0x1000);
}

TEST_P(DeviceTest, APreparationThatIsDroppedChangesNothing) {
  auto one = domain();
  map(*one, mapping(0x1000, 0, 0x1000));
  ASSERT_TRUE(attach(*first, one));
  const auto commands = card.commands.size();
  { auto prepared = first->prepare_attach(domain(), {}); }
  EXPECT_EQ(reached(3, 0x1000), bytes.get());
  EXPECT_GE(card.commands.size(), commands);
}

TEST_P(DeviceTest, UnmappedPagesAreGoneBehindOneFenceAndTablesAreFreedThen) {
  auto space = domain();
  map(*space, mapping(0x1000, 0, 0x2000));
  map(*space, mapping(0x4000'0000, 0, 0x1000));
  ASSERT_TRUE(attach(*first, space));
  const unsigned buffers = card.buffers;
  const unsigned fences = card.fences;
  space->unmap({{0x4000'0000}, {0x4000'0fff}});
  card.on_command = [&](const Command&) { EXPECT_EQ(card.buffers, buffers); };
  ASSERT_TRUE(space->sync());
  card.on_command = nullptr;
  EXPECT_EQ(card.fences, fences + 1);
  EXPECT_LT(card.buffers, buffers);
  EXPECT_EQ(reached(3, 0x4000'0000), nullptr);
  EXPECT_TRUE(reached(3, 0x1000));
}

TEST_P(DeviceTest, OnePageIsInvalidatedByItsAddressInItsAddressSpace) {
  auto space = domain();
  map(*space, mapping(0x1000, 0, 0x3000));
  card.commands.clear();
  space->unmap({{0x2000}, {0x2fff}});
  ASSERT_TRUE(space->sync());
  ASSERT_EQ(card.commands.size(), 2U);
  EXPECT_EQ(card.commands[0],
            command::iotinval_vma(std::dynamic_pointer_cast<Domain>(space)->space().pscid, Iova{0x2000}));
}

TEST_P(DeviceTest, ASyncWithNothingRemovedSendsNothing) {
  auto space = domain();
  map(*space, mapping(0x1000, 0, 0x1000));
  card.commands.clear();
  EXPECT_TRUE(space->sync());
  EXPECT_TRUE(card.commands.empty());
}

TEST_P(DeviceTest, AMapThatRunsOutOfMemoryChangesNothing) {
  auto space = domain();
  const unsigned buffers = card.buffers;
  card.allocations_left = 1;
  auto done = space->prepare_map(mapping(0x1000, 0, 0x1000));
  card.allocations_left.reset();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().number, ENOMEM);
  EXPECT_EQ(card.buffers, buffers);
}

TEST_P(DeviceTest, AnAbortedMapIsGone) {
  auto space = domain();
  ASSERT_TRUE(attach(*first, space));
  const auto what = mapping(0x1000, 0, 0x1000);
  ASSERT_TRUE(space->prepare_map(what));
  space->abort_map(what);
  ASSERT_TRUE(space->sync());
  EXPECT_EQ(reached(3, 0x1000), nullptr);
}

TEST_P(DeviceTest, AFenceThatFailsKeepsTheTablesAndEveryLaterCallGivesEio) {
  auto space = domain();
  map(*space, mapping(0x1000, 0, 0x1000));
  ASSERT_TRUE(attach(*first, space));
  space->unmap({{0x1000}, {0x1fff}});
  const unsigned buffers = card.buffers;
  card.idle_early = true;
  EXPECT_EQ(space->sync().error().number, EIO);
  card.idle_early = false;
  EXPECT_EQ(card.buffers, buffers);
  EXPECT_EQ(space->prepare_map(mapping(0x1000, 0, 0x1000)).error().number, EIO);
  EXPECT_EQ(first->make_domain(0, {}).error().number, EIO);
  EXPECT_EQ(first->prepare_attach(space, {}).error().number, EIO);
  EXPECT_EQ(first->detach({}).error().number, EIO);
  EXPECT_EQ(card.translate(3, 0x1000, false).cause, 258U);  // out of the directory all the same
  space.reset();
  EXPECT_EQ(card.buffers, buffers);
  ASSERT_TRUE(iommu->restart());
  EXPECT_LT(card.buffers, buffers);
  EXPECT_TRUE(attach(*first, domain()));
}

TEST_P(DeviceTest, DomainsOfAnotherCardOrFormatAreIncompatible) {
  FakeCard other_card;
  auto other = *Iommu::bring_up(other_card);
  auto stranger = *other->make_device({.name = "stranger", .device_id = 3});
  EXPECT_EQ(stranger->prepare_attach(domain(), {}).error().number, EINVAL);
  auto small = *iommu->make_device({.name = "small", .device_id = 5, .page_sizes = 4096});
  EXPECT_EQ(small->formats({})[0].page_sizes, 4096U);
  EXPECT_EQ(small->prepare_attach(domain(), {}).error().number, EINVAL);
}

TEST_P(DeviceTest, ProcessAddressSpacesAreRefused) {
  EXPECT_EQ(first->make_domain(0, 7).error().number, EOPNOTSUPP);
  EXPECT_EQ(first->prepare_attach(domain(), 7).error().number, EOPNOTSUPP);
}

TEST_P(DeviceTest, NothingIsLeftBehind) {
  const unsigned buffers = card.buffers;
  {
    auto space = domain();
    map(*space, mapping(0x1000, 0, 0x8000));
    auto device = *iommu->make_device({.name = "third", .device_id = 5});
    ASSERT_TRUE(attach(*device, space));
  }
  EXPECT_EQ(card.translate(5, 0x1000, false).cause, 258U);
  pages->unpin(iommu->pin_provider());
  pages.reset();
  EXPECT_EQ(card.pins, 0U);
  EXPECT_LE(card.buffers, buffers + 2);  // directory pages on the way to device 5 stay
  first.reset();
  second.reset();
  iommu.reset();
  EXPECT_EQ(card.buffers, 0U);
}

}  // namespace
}  // namespace aperture::riscv
