// SPDX-License-Identifier: Apache-2.0
// Which pages a device has written, by the D bits that the IOMMU sets.
#include <cstring>

#include "cosim/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kDevice = 0x41;
constexpr std::uint64_t kLow = 0x80'0000;
constexpr std::uint64_t kHigh = 0x100'0000'0000;  ///< beyond the low half of Sv39, not of Sv39x4
namespace caps = regs::iommu::capabilities_f;

/// The first or the second stage.
class Dirty : public CardTest, public testing::WithParamInterface<unsigned> {
 protected:
  ~Dirty() override {
    channels.clear();
    space_.reset();
    device_.reset();
  }
  bool prepare(bool ats = false) {
    std::uint64_t needs = caps::amo_hwad.mask() | caps::sv39.mask();
    if (GetParam() == 2) needs |= caps::sv39x4.mask();
    if (ats) needs |= caps::ats.mask();
    if (!bring_up({.capabilities = needs})) return false;
    auto made = iommu->make_device({.name = "nic", .device_id = kDevice, .ats = ats, .page_requests = false});
    EXPECT_TRUE(made) << (made ? "" : text(made.error()));
    if (!made) return false;
    device_ = std::move(*made);
    base = GetParam() == 2 ? kHigh : kLow;
    space_ = std::make_unique<ioas::Ioas>(*platform);
    EXPECT_TRUE(space_->require({{.name = "ram", .base = Iova{base}, .size = 1 << 30}}));
    const auto attached = space_->attach(*device_);
    EXPECT_TRUE(attached) << (attached ? "" : attached.error().what);
    if (!attached) return false;
    EXPECT_EQ(attached->format, GetParam() == 2 ? "Sv39x4" : "Sv39");
    dma = &channel(0, {.device_id = kDevice, .ats = ats});
    return true;
  }
  /// Pages, counted from `base`.
  std::vector<std::uint64_t> dirty(std::uint64_t pages, bool clear = true) {
    const auto found = space_->dirty(Iova{base}, pages * kPageSize, kPageSize, clear);
    EXPECT_TRUE(found) << (found ? "" : found.error().what);
    std::vector<std::uint64_t> out;
    if (!found) return out;
    for (const IovaRange& range : *found)
      for (std::uint64_t at = range.first.value; at <= range.last.value; at += kPageSize)
        out.push_back((at - base) / kPageSize);
    return out;
  }
  void fill(std::uint64_t page, std::uint64_t offset = 0) {
    good(dma->fill(Iova{base + page * kPageSize + offset}, 8, random()));
  }

  std::unique_ptr<ioas::Device> device_;
  std::unique_ptr<ioas::Ioas> space_;
  std::uint64_t base = 0;
  dma::Channel* dma = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Stage, Dirty, testing::Values(1U, 2U));

using Pages = std::vector<std::uint64_t>;

TEST_P(Dirty, AreThePagesThatWereWrittenAndNoOthers) {
  if (!prepare()) return;
  Memory memory(64 * kPageSize, random);
  map(*space_, memory, base);
  fill(3);  // before tracking began
  ASSERT_TRUE(space_->set_dirty_tracking(true));
  EXPECT_EQ(dirty(64), Pages{});
  fill(5);
  fill(63, kPageSize - 8);
  good(dma->crc(Iova{base + 7 * kPageSize}, kPageSize));
  EXPECT_EQ(dirty(64, false), (Pages{5, 63}));
  EXPECT_EQ(dirty(64), (Pages{5, 63}));
  EXPECT_EQ(dirty(64), Pages{});
  fill(5);
  EXPECT_EQ(dirty(64), Pages{5});
  EXPECT_TRUE(faults().empty());
}

TEST_P(Dirty, MapsOfLaterBeginClean) {
  if (!prepare()) return;
  ASSERT_TRUE(space_->set_dirty_tracking(true));
  Memory memory(8 * kPageSize, random);
  map(*space_, memory, base);
  EXPECT_EQ(dirty(8), Pages{});
  fill(2);
  EXPECT_EQ(dirty(8), Pages{2});
}

TEST_P(Dirty, TrackingThatEndedAndBeginsAgainBeginsClean) {
  if (!prepare()) return;
  Memory memory(8 * kPageSize, random);
  map(*space_, memory, base);
  ASSERT_TRUE(space_->set_dirty_tracking(true));
  fill(1);
  ASSERT_TRUE(space_->set_dirty_tracking(false));
  fill(2);
  ASSERT_TRUE(space_->set_dirty_tracking(true));
  EXPECT_EQ(dirty(8), Pages{});
  fill(2);
  EXPECT_EQ(dirty(8), Pages{2});
}

TEST_P(Dirty, NoWriteIsLostBetweenTwoLooks) {
  if (!prepare()) return;
  constexpr std::uint64_t kPages = 48;
  Memory memory(kPages * kPageSize, random);
  map(*space_, memory, base);
  ASSERT_TRUE(space_->set_dirty_tracking(true));
  auto shadow = memory.copy();
  const auto follow = [&] {
    for (const std::uint64_t page : dirty(kPages))
      std::memcpy(shadow.data() + page * kPageSize, memory.data() + page * kPageSize, kPageSize);
  };
  std::vector<dma::Job> jobs;
  for (unsigned i = 0; i < 24; ++i) {
    const std::uint64_t offset = random() % (kPages * kPageSize - 9000);
    jobs.push_back({.op = regs::DmaOp::kGenerate,
                    .destination = Iova{base + offset},
                    .length = 1 + random() % 9000,
                    .pattern = random()});
  }
  const auto first = dma->submit(jobs);
  ASSERT_TRUE(first);
  for (;;) {
    follow();
    const auto last = dma->poll(*first + jobs.size() - 1);
    ASSERT_TRUE(last);
    if (*last) break;
    card->interrupts().wait(0, random() % 200);
  }
  follow();
  EXPECT_EQ(std::memcmp(shadow.data(), memory.data(), memory.size()), 0);
  EXPECT_TRUE(faults().empty());
}

TEST_P(Dirty, ADeviceThatKeepsTranslationsIsToldToAskAgain) {
  if (!prepare(true)) return;
  Memory memory(8 * kPageSize, random);
  map(*space_, memory, base);
  ASSERT_TRUE(space_->set_dirty_tracking(true));
  fill(4);
  EXPECT_EQ(dirty(8), Pages{4});
  fill(4);
  EXPECT_EQ(dirty(8), Pages{4});
}

}  // namespace
}  // namespace aperture::test
