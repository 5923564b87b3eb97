// SPDX-License-Identifier: Apache-2.0
// A guest's page table in front of the host's: both translate, each side changes its own.
#include <cstring>

#include "cosim/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kDevice = 0x61;
constexpr std::uint64_t kRam = 0x8000'0000;  ///< where the guest's memory begins, physically
constexpr std::uint64_t kIova = 0x12'3000;
namespace caps = regs::iommu::capabilities_f;
namespace pte = regs::pte::e;

/// A guest's memory, and the Sv39 tables that it makes there.
class Guest {
 public:
  static constexpr std::uint64_t kPages = 64;
  explicit Guest(std::mt19937_64& random) : memory(kPages * kPageSize, random) {}

  /// A zeroed page; where it is, physically.
  std::uint64_t page() {
    std::memset(memory.data() + next_ * kPageSize, 0, kPageSize);
    return kRam + kPageSize * next_++;
  }
  std::byte* at(std::uint64_t physical) const { return memory.data() + (physical - kRam); }
  void store(std::uint64_t physical, std::uint64_t value) const { std::memcpy(at(physical), &value, 8); }
  std::uint64_t load(std::uint64_t physical) const {
    std::uint64_t value = 0;
    std::memcpy(&value, at(physical), 8);
    return value;
  }
  /// Makes the table at `root` lead from `iova` to `physical`; 0: to nothing.
  void map(std::uint64_t root, std::uint64_t iova, std::uint64_t physical) {
    std::uint64_t table = root;
    for (unsigned level = 2; level > 0; --level) {
      const std::uint64_t place = table + 8 * (iova >> (12 + 9 * level) & 511);
      if (load(place) == 0) store(place, pte::ppn.set(pte::v.mask(), page() >> 12));
      table = pte::ppn.get(load(place)) << 12;
    }
    const std::uint64_t leaf =
        pte::v.mask() | pte::r.mask() | pte::w.mask() | pte::u.mask() | pte::a.mask() | pte::d.mask();
    store(table + 8 * (iova >> 12 & 511), physical == 0 ? 0 : pte::ppn.set(leaf, physical >> 12));
  }

  Memory memory;

 private:
  std::uint64_t next_ = 0;
};

class Nested : public CardTest {
 protected:
  ~Nested() override {
    channels.clear();
    parent.reset();
    other.reset();
    device_.reset();
  }
  bool prepare(std::uint64_t capabilities = 0, bool ats = false) {
    if (!bring_up({.capabilities = capabilities | caps::sv39.mask() | caps::sv39x4.mask(), .levels = 2})) return false;
    auto made = iommu->make_device({.name = "nic", .device_id = kDevice, .ats = ats, .page_requests = false});
    EXPECT_TRUE(made) << (made ? "" : text(made.error()));
    if (!made) return false;
    device_ = std::move(*made);
    guest = std::make_unique<Guest>(random);
    parent = std::make_unique<ioas::Ioas>(*platform);
    CardTest::map(*parent, guest->memory, kRam);
    dma = &channel(0, {.device_id = kDevice, .ats = ats});
    return true;
  }
  void nest(std::uint64_t root, const char* format = "Sv39", std::optional<std::uint32_t> number = {}) {
    const auto done = parent->nest(*device_, {.format = format, .root = GuestPhysical{root}, .address_space = number});
    ASSERT_TRUE(done) << done.error().what;
    EXPECT_NE(done->format.find("x4"), std::string::npos);
  }
  std::uint32_t crc_of(std::uint64_t physical) const { return guest->memory.crc(physical - kRam, kPageSize); }
  void expect_crc(std::uint64_t iova, std::uint64_t physical) {
    EXPECT_EQ(good(dma->crc(Iova{iova}, kPageSize)).crc, crc_of(physical));
  }

  std::unique_ptr<ioas::Device> device_;
  std::unique_ptr<Guest> guest;
  std::unique_ptr<ioas::Ioas> parent, other;
  dma::Channel* dma = nullptr;
};

TEST_F(Nested, BothStagesTranslate) {
  if (!prepare()) return;
  const std::uint64_t root = guest->page();
  guest->map(root, kIova, kRam + 40 * kPageSize);
  guest->map(root, kIova + kPageSize, kRam + 50 * kPageSize);
  nest(root);
  good(dma->copy(Iova{kIova}, Iova{kIova + kPageSize}, kPageSize));
  EXPECT_EQ(std::memcmp(guest->at(kRam + 40 * kPageSize), guest->at(kRam + 50 * kPageSize), kPageSize), 0);
  EXPECT_TRUE(faults().empty());
}

TEST_F(Nested, TheGuestsChangesCountOnceItHasInvalidated) {
  for (const bool own_number : {false, true}) {
    if (!iommu && !prepare()) return;
    const std::uint64_t root = guest->page();
    const std::uint64_t one = kRam + 40 * kPageSize, two = kRam + 41 * kPageSize, three = kRam + 42 * kPageSize;
    guest->map(root, kIova, one);
    guest->map(root, kIova + kPageSize, two);
    const std::optional<std::uint32_t> number = own_number ? std::optional(7U) : std::nullopt;
    nest(root, "Sv39", number);
    expect_crc(kIova, one);
    guest->map(root, kIova, two);
    const ioas::GuestInvalidation page{.address_space = number, .page = Iova{kIova}};
    ASSERT_TRUE(device_->guest_invalidate(std::span(&page, 1)));
    expect_crc(kIova, two);
    guest->map(root, kIova, three);
    guest->map(root, kIova + kPageSize, three);
    const ioas::GuestInvalidation all{.address_space = number};
    ASSERT_TRUE(device_->guest_invalidate(std::span(&all, 1)));
    expect_crc(kIova, three);
    expect_crc(kIova + kPageSize, three);
  }
}

TEST_F(Nested, FaultsSayWhoseTableItWas) {
  if (!prepare()) return;
  const std::uint64_t root = guest->page();
  const std::uint64_t beyond = kRam + Guest::kPages * kPageSize;
  guest->map(root, kIova, beyond);
  nest(root);
  ASSERT_TRUE(dma->crc(Iova{0x555'5000}, 64));
  expect_fault(regs::Cause::kReadPageFault, kDevice, 0x555'5000, false);
  ASSERT_TRUE(dma->crc(Iova{kIova}, 64));
  auto found = faults();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].cause, regs::Cause::kReadGuestPageFault);
  EXPECT_EQ(found[0].iotval, kIova);
  EXPECT_EQ(found[0].iotval2 & ~std::uint64_t{3}, beyond);
}

TEST_F(Nested, WhatTheHostUnmapsIsOutOfReach) {
  if (!prepare()) return;
  const std::uint64_t root = guest->page();
  const Memory more(kPageSize, random);
  map(*parent, more, 0x1000);
  guest->map(root, kIova, 0x1000);
  nest(root);
  EXPECT_EQ(good(dma->crc(Iova{kIova}, kPageSize)).crc, more.crc(0, kPageSize));
  ASSERT_TRUE(parent->unmap(Iova{0x1000}, kPageSize));
  EXPECT_FALSE(dma->crc(Iova{kIova}, 64)->ok());
  // Its tables too.
  ASSERT_TRUE(parent->unmap(Iova{kRam}, guest->memory.size()));
  EXPECT_FALSE(dma->crc(Iova{kIova}, 64)->ok());
}

TEST_F(Nested, AnotherTableTakesOverWithoutAFault) {
  if (!prepare()) return;
  const std::uint64_t one = guest->page(), two = guest->page();
  guest->map(one, kIova, kRam + 40 * kPageSize);
  guest->map(two, kIova, kRam + 41 * kPageSize);
  nest(one);
  expect_crc(kIova, kRam + 40 * kPageSize);
  const auto again = parent->nest(*device_, {.format = "Sv39", .root = GuestPhysical{two}});
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_TRUE(again->hitless);
  expect_crc(kIova, kRam + 41 * kPageSize);
  EXPECT_TRUE(faults().empty());
}

TEST_F(Nested, TheDeviceGoesBackToTheParentAndAway) {
  if (!prepare()) return;
  const std::uint64_t root = guest->page();
  guest->map(root, kIova, kRam + 40 * kPageSize);
  nest(root);
  ASSERT_TRUE(parent->attach(*device_));
  EXPECT_EQ(parent->attached().size(), 1U);
  expect_crc(kRam + 40 * kPageSize, kRam + 40 * kPageSize);
  EXPECT_EQ(device_->guest_invalidate({}).error().number, EINVAL);
  nest(root);
  expect_crc(kIova, kRam + 40 * kPageSize);
  other = std::make_unique<ioas::Ioas>(*platform);
  const Memory elsewhere(kPageSize, random);
  map(*other, elsewhere, kIova);
  ASSERT_TRUE(other->replace(*device_));
  EXPECT_EQ(good(dma->crc(Iova{kIova}, kPageSize)).crc, elsewhere.crc(0, kPageSize));
  nest(root);
  ASSERT_TRUE(ioas::Ioas::detach(*platform, *device_));
  EXPECT_FALSE(dma->crc(Iova{kIova}, 64)->ok());
  other.reset();
}

TEST_F(Nested, WithoutATableOfItsOwnTheGuestSeesItsMemory) {
  if (!prepare()) return;
  nest(0, "Bare");
  expect_crc(kRam + 40 * kPageSize, kRam + 40 * kPageSize);
}

TEST_F(Nested, AGuestMayHaveProcesses) {
  if (!prepare(caps::pd8.mask())) return;
  const std::uint64_t directory = guest->page(), root = guest->page();
  guest->map(root, kIova, kRam + 40 * kPageSize);
  const auto mode = static_cast<std::uint64_t>(regs::SatpMode::kSv39);
  guest->store(directory + 16 * 5 + 8, regs::pc::fsc::mode.set(root >> 12, mode));
  guest->store(directory + 16 * 5, regs::pc::ta::pscid.set(regs::pc::ta::v.mask(), 3));
  nest(directory, "PD8");
  ASSERT_TRUE(dma->stop());
  ASSERT_TRUE(dma->start({.device_id = kDevice, .process_id = 5}));
  expect_crc(kIova, kRam + 40 * kPageSize);
  guest->store(directory + 16 * 5, 0);
  const ioas::GuestInvalidation gone{.process = 5};
  ASSERT_TRUE(device_->guest_invalidate(std::span(&gone, 1)));
  EXPECT_FALSE(dma->crc(Iova{kIova}, 64)->ok());
  const auto found = faults();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].cause, regs::Cause::kPdtNotValid);
  EXPECT_EQ(found[0].process_id, 5U);
}

TEST_F(Nested, WithAtsTheDeviceForgetsWhatEitherSideTookAway) {
  if (!prepare(caps::ats.mask(), true)) return;
  const std::uint64_t root = guest->page();
  guest->map(root, kIova, kRam + 40 * kPageSize);
  nest(root);
  expect_crc(kIova, kRam + 40 * kPageSize);
  guest->map(root, kIova, kRam + 41 * kPageSize);
  const ioas::GuestInvalidation page{.page = Iova{kIova}};
  ASSERT_TRUE(device_->guest_invalidate(std::span(&page, 1)));
  expect_crc(kIova, kRam + 41 * kPageSize);
  ASSERT_TRUE(parent->unmap(Iova{kRam}, guest->memory.size()));
  EXPECT_FALSE(dma->crc(Iova{kIova}, 64)->ok());
}

TEST_F(Nested, TheHostSeesWhatTheGuestsDeviceWrites) {
  if (!prepare(caps::amo_hwad.mask())) return;
  const std::uint64_t root = guest->page();
  guest->map(root, kIova, kRam + 40 * kPageSize);
  nest(root);
  ASSERT_TRUE(parent->set_dirty_tracking(true));
  good(dma->fill(Iova{kIova}, 8, 1));
  const auto found = parent->dirty(Iova{kRam}, guest->memory.size(), kPageSize);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (std::vector<IovaRange>{{{kRam + 40 * kPageSize}, {kRam + 41 * kPageSize - 1}}}));
}

TEST_F(Nested, WhatCannotBeIsRefusedAndChangesNothing) {
  if (!prepare()) return;
  ASSERT_TRUE(parent->attach(*device_));
  const auto ranges = parent->ranges();
  const auto refused = [&](const ioas::GuestTable& table) { return parent->nest(*device_, table).error().number; };
  EXPECT_EQ(refused({.format = "Sv99", .root = {kRam}}), EOPNOTSUPP);
  EXPECT_EQ(refused({.format = "Sv39", .root = {kRam + 8}}), EINVAL);
  EXPECT_EQ(refused({.format = "Sv39", .root = {std::uint64_t{1} << 62}}), EINVAL);
  EXPECT_EQ(refused({.format = "Sv39", .root = {kRam}, .address_space = 0x10'0000}), EINVAL);
  EXPECT_EQ(parent->ranges().ranges, ranges.ranges);
  EXPECT_EQ(parent->ranges().generation, ranges.generation);
  expect_crc(kRam + 40 * kPageSize, kRam + 40 * kPageSize);
}

}  // namespace
}  // namespace aperture::test
