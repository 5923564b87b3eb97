// SPDX-License-Identifier: Apache-2.0
// The DMA channels and card registers of the functional model, against what docs/registers.md says, worked out by hand.
// The IOMMU is Bare: addresses are the bus's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "card/registers.hpp"
#include "card/registry.hpp"
#include "tb/model_card/card.hpp"
#include "tb/model_card/factory.hpp"

namespace aperture::tb::test {
namespace {

namespace r = regs::dma;
using regs::DmaOp;
using regs::DmaStatus;

struct Descriptor {
  std::uint64_t op = 0;
  std::uint64_t src = 0, dst = 0, length = 0, pattern = 0;
  bool irq = false;
  unsigned cookie = 0;
};

struct Record {
  DmaStatus status{};
  std::uint64_t bytes = 0, address = 0;
  std::uint32_t crc = 0;
  unsigned cookie = 0, phase = 0;
};

class ModelDma : public testing::Test {
 protected:
  ModelDma() {
    card_ = std::move(*model::ModelCard::make({}));
    bare();
    ring_ = std::move(*card_->memory().allocate(kPageSize, kPageSize));
    records_ = std::move(*card_->memory().allocate(kPageSize, kPageSize));
    data_ = std::move(*card_->memory().allocate(4 * kPageSize, kPageSize));
  }

  void bare() { card::write(card_->mmio(), regs::iommu::ddtp, 1); }
  std::uint64_t get(const regs::Register& reg) { return card::read(card_->mmio(), reg); }
  void set(const regs::Register& reg, std::uint64_t value) { card::write(card_->mmio(), reg, value); }
  std::uint64_t at(std::uint64_t offset) const { return data_->address().value + offset; }
  std::byte* bytes() { return data_->bytes().data(); }
  unsigned byte(std::uint64_t offset) { return std::to_integer<unsigned>(bytes()[offset]); }

  void start(unsigned log2 = 4, std::uint64_t ctrl = 0) {
    set(r::ring_base, ring_->address().value);
    set(r::record_base, records_->address().value);
    set(r::ring_log2, log2);
    set(r::tail, 0);
    set(r::ctrl, ctrl | r::ctrl_f::enable.mask());
    log2_ = log2;
    next_ = 0;
  }
  /// Puts a descriptor into the ring and rings the doorbell; its index.
  std::uint64_t submit(const Descriptor& d) {
    namespace c = regs::descriptor::control;
    const std::uint64_t index = next_;
    auto* words = reinterpret_cast<std::uint64_t*>(ring_->bytes().data()) + index * 8;
    words[0] = c::cookie.set(c::irq.set(d.op, d.irq), d.cookie);
    words[1] = d.src;
    words[2] = d.dst;
    words[3] = d.length;
    words[4] = d.pattern;
    next_ = (next_ + 1) % (std::uint64_t{1} << log2_);
    set(r::tail, next_);
    return index;
  }
  void settle() {
    for (int i = 0; i < 10'000 && regs::card::status_f::busy.get(get(regs::card::status)) != 0; ++i)
      card_->interrupts().wait(0, 1000);
  }
  Record record(std::uint64_t index) {
    const auto* words = reinterpret_cast<const std::uint64_t*>(records_->bytes().data()) + index * 4;
    namespace s = regs::record::status;
    return {.status = static_cast<DmaStatus>(s::status.get(words[3])),
            .bytes = words[0],
            .address = words[2],
            .crc = static_cast<std::uint32_t>(s::crc.get(words[3])),
            .cookie = static_cast<unsigned>(s::cookie.get(words[3])),
            .phase = static_cast<unsigned>(s::phase.get(words[3]))};
  }
  Record run(const Descriptor& d) {
    const std::uint64_t index = submit(d);
    settle();
    return record(index);
  }
  static std::uint64_t op(DmaOp op) { return static_cast<std::uint64_t>(op); }

  std::unique_ptr<model::ModelCard> card_;
  std::unique_ptr<card::DmaBuffer> ring_, records_, data_;
  unsigned log2_ = 0;
  std::uint64_t next_ = 0;
};

TEST_F(ModelDma, CrcIsThatOfZlib) {
  start();
  std::memcpy(bytes() + 4093, "123456789", 9);
  const Record done = run({.op = op(DmaOp::kCrc), .src = at(4093), .length = 9, .cookie = 0xbeef});
  EXPECT_EQ(done.status, DmaStatus::kOk);
  EXPECT_EQ(done.bytes, 9U);
  EXPECT_EQ(done.crc, 0xcbf4'3926U);
  EXPECT_EQ(done.cookie, 0xbeefU);
  EXPECT_EQ(done.address, 0U);
}

TEST_F(ModelDma, ACopyMovesTheBytesAndNothingBeside) {
  start();
  for (unsigned i = 0; i < 600; ++i) bytes()[100 + i] = static_cast<std::byte>(i * 7 + 1);
  EXPECT_EQ(run({.op = op(DmaOp::kCopy), .src = at(100), .dst = at(8191), .length = 600}).bytes, 600U);
  EXPECT_EQ(std::memcmp(bytes() + 100, bytes() + 8191, 600), 0);
  EXPECT_EQ(byte(8190), 0U);
  EXPECT_EQ(byte(8791), 0U);
  EXPECT_EQ(get(r::bytes_read), 600U);
  EXPECT_EQ(get(r::bytes_written), 600U);
}

TEST_F(ModelDma, AFillRepeatsItsPatternFromTheFirstByte) {
  start();
  run({.op = op(DmaOp::kFill), .dst = at(3), .length = 10, .pattern = 0x8877'6655'4433'2211});
  const std::vector<unsigned> expected{0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x11, 0x22, 0};
  for (unsigned i = 0; i < expected.size(); ++i) EXPECT_EQ(byte(2 + i), expected[i]) << i;
}

TEST_F(ModelDma, GeneratedBytesAreTheSequenceOfTheSeed) {
  start();
  // 1: 1 ^ 1 << 13 = 0x2001; ^ >> 7 = 0x2041; ^ << 17 = 0x40822041.
  for (const std::uint64_t seed : {0U, 1U}) {
    run({.op = op(DmaOp::kGenerate), .dst = at(5), .length = 8, .pattern = seed});
    const std::vector<unsigned> expected{0x41, 0x20, 0x82, 0x40, 0, 0, 0, 0};
    for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(byte(5 + i), expected[i]) << i;
  }
}

TEST_F(ModelDma, ACheckFindsTheFirstDifference) {
  start();
  run({.op = op(DmaOp::kGenerate), .dst = at(5), .length = 1000, .pattern = 42});
  EXPECT_EQ(run({.op = op(DmaOp::kCheck), .src = at(5), .length = 1000, .pattern = 42}).status, DmaStatus::kOk);
  bytes()[5 + 777] ^= std::byte{1};
  bytes()[5 + 900] ^= std::byte{1};
  const Record done = run({.op = op(DmaOp::kCheck), .src = at(5), .length = 1000, .pattern = 42});
  EXPECT_EQ(done.status, DmaStatus::kMismatch);
  EXPECT_EQ(done.bytes, 777U);
}

TEST_F(ModelDma, WhatMakesNoSenseIsABadDescriptor) {
  start();
  EXPECT_EQ(run({.op = 7}).status, DmaStatus::kBadDescriptor);
  EXPECT_EQ(run({.op = op(DmaOp::kCrc), .src = at(0), .length = std::uint64_t{1} << 40}).status,
            DmaStatus::kBadDescriptor);
  EXPECT_EQ(run({.op = op(DmaOp::kNop)}).status, DmaStatus::kOk);
}

TEST_F(ModelDma, TheFirstFailingBurstIsNamedAndWhatCameBeforeIsDone) {
  start();
  std::memset(bytes(), 0x33, kPageSize);
  auto page = std::move(*card_->memory().allocate(kPageSize, kPageSize));
  const std::uint64_t gone = page->address().value;
  page.reset();
  const Record read = run({.op = op(DmaOp::kCopy), .src = gone + 8, .dst = at(8192), .length = 64});
  EXPECT_EQ(read.status, DmaStatus::kReadError);
  EXPECT_EQ(read.address, gone + 8);
  EXPECT_EQ(read.bytes, 0U);
  const Record write = run({.op = op(DmaOp::kCopy), .src = at(0), .dst = gone, .length = 64});
  EXPECT_EQ(write.status, DmaStatus::kWriteError);
  EXPECT_EQ(write.address, gone);
}

TEST_F(ModelDma, ThePhaseTurnsWithEachRoundOfTheRing) {
  start(1);
  std::vector<unsigned> phases;
  for (int i = 0; i < 5; ++i) phases.push_back(run({.op = op(DmaOp::kNop)}).phase);
  EXPECT_EQ(phases, (std::vector<unsigned>{1, 1, 0, 0, 1}));
  EXPECT_EQ(get(r::head), 1U);
}

TEST_F(ModelDma, TheAddressMaskTakesAwayTheLinesThatTheDeviceLacks) {
  set(r::address_mask, ~(std::uint64_t{1} << 55));
  start();
  ASSERT_EQ(at(0) >> 55 & 1, 0U) << "choose another seed";
  std::memcpy(bytes(), "123456789", 9);
  EXPECT_EQ(run({.op = op(DmaOp::kCrc), .src = at(0) | std::uint64_t{1} << 55, .length = 9}).crc, 0xcbf4'3926U);
}

TEST_F(ModelDma, ARingThatCannotBeReadStopsTheChannelAndSaysSo) {
  start(4, r::ctrl_f::irq_enable.mask());
  set(regs::card::irq_enable, 1U << 16);
  ring_.reset();
  set(r::tail, 1);
  EXPECT_EQ(card_->interrupts().wait(1U << 16, 10'000), 1U << 16);
  settle();
  EXPECT_EQ(r::status_f::ring_error.get(get(r::status)), 1U);
  EXPECT_EQ(get(r::head), 0U);
  set(r::status, r::status_f::ring_error.mask() | r::status_f::irq.mask());
  EXPECT_EQ(get(r::status), r::status_f::running.mask());
}

TEST_F(ModelDma, AVectorSendsOneMessageUntilItIsArmedAgain) {
  start(4, r::ctrl_f::irq_enable.mask());
  set(regs::card::irq_enable, 1U << 16);
  run({.op = op(DmaOp::kNop)});
  EXPECT_EQ(card_->interrupts().wait(1U << 16, 100), 0U) << "its descriptor wants no interrupt";
  run({.op = op(DmaOp::kNop), .irq = true});
  EXPECT_EQ(card_->interrupts().wait(1U << 16, 100), 1U << 16);
  run({.op = op(DmaOp::kNop), .irq = true});
  EXPECT_EQ(card_->interrupts().wait(1U << 16, 100), 0U) << "not armed";
  set(regs::card::irq_rearm, 1U << 16);
  EXPECT_EQ(card_->interrupts().wait(1U << 16, 100), 1U << 16) << "still asserted";
  set(r::status, r::status_f::irq.mask());
  set(regs::card::irq_rearm, 1U << 16);
  EXPECT_EQ(card_->interrupts().wait(1U << 16, 100), 0U);
}

TEST_F(ModelDma, AStoppedDescriptorSaysHowFarItCame) {
  start();
  const std::uint64_t index = submit({.op = op(DmaOp::kFill), .dst = at(0), .length = 4 * kPageSize, .pattern = ~0ULL});
  card_->interrupts().wait(0, 500);
  set(r::ctrl, 0);
  EXPECT_EQ(r::status_f::running.get(get(r::status)), 1U) << "the piece in flight";
  settle();
  EXPECT_EQ(get(r::status), 0U);
  const Record done = record(index);
  EXPECT_EQ(done.status, DmaStatus::kStopped);
  EXPECT_GT(done.bytes, 0U);
  EXPECT_LT(done.bytes, 4 * kPageSize);
  EXPECT_EQ(byte(done.bytes - 1), 0xffU);
  EXPECT_EQ(byte(done.bytes), 0U);
}

TEST_F(ModelDma, AChannelThatWritesAfterItsStopDoesSo4096CyclesLater) {
  start(4, r::ctrl_f::write_after_stop.mask());
  run({.op = op(DmaOp::kFill), .dst = at(16), .length = 8, .pattern = 0});
  set(r::ctrl, r::ctrl_f::write_after_stop.mask());
  card_->interrupts().wait(0, 4000);
  EXPECT_EQ(r::status_f::running.get(get(r::status)), 0U);
  EXPECT_EQ(regs::card::status_f::busy.get(get(regs::card::status)), 1U);
  EXPECT_EQ(byte(16), 0U);
  settle();
  EXPECT_EQ(byte(15), 0U);
  for (unsigned i = 16; i < 24; ++i) EXPECT_EQ(byte(i), 0xffU);
  EXPECT_EQ(byte(24), 0U);
}

TEST_F(ModelDma, TimePassesWithAccessesAndWork) {
  start();
  const std::uint64_t before = get(regs::card::cycle);
  EXPECT_GT(get(regs::card::cycle), before);
  submit({.op = op(DmaOp::kFill), .dst = at(0), .length = 4 * kPageSize});
  EXPECT_EQ(regs::card::status_f::busy.get(get(regs::card::status)), 1U);
  settle();
  // 64 pieces of 256 bytes, 8 bytes each cycle at best.
  EXPECT_GT(get(regs::card::cycle) - before, 4 * kPageSize / 8);
  EXPECT_GT(get(r::busy_cycles), 4 * kPageSize / 8);
}

TEST_F(ModelDma, ResetStopsChannelsAndClearsCountersButNotTheCardsOwnRegisters) {
  start();
  set(regs::card::irq_enable, 5);
  submit({.op = op(DmaOp::kFill), .dst = at(0), .length = 4 * kPageSize, .pattern = ~0ULL});
  card_->interrupts().wait(0, 500);
  const std::uint64_t before = get(regs::card::cycle);
  set(regs::card::reset, 1);
  EXPECT_EQ(regs::card::status_f::resetting.get(get(regs::card::status)), 1U);
  const auto written = std::count(bytes(), bytes() + 4 * kPageSize, std::byte{0xff});
  settle();
  EXPECT_EQ(get(regs::card::status), 0U);
  EXPECT_EQ(std::count(bytes(), bytes() + 4 * kPageSize, std::byte{0xff}), written);
  EXPECT_EQ(get(r::ctrl), 0U);
  EXPECT_EQ(get(regs::card::translations), 0U);
  EXPECT_EQ(get(regs::card::irq_enable), 5U);
  EXPECT_GT(get(regs::card::cycle), before);
  EXPECT_EQ(get(regs::iommu::ddtp), 0U);
}

TEST_F(ModelDma, WhatTheIommuRefusesIsCounted) {
  start();
  submit({.op = op(DmaOp::kNop)});
  settle();
  EXPECT_EQ(get(regs::card::faults), 0U);
  set(regs::iommu::ddtp, 0);
  submit({.op = op(DmaOp::kNop)});
  settle();
  EXPECT_EQ(get(regs::card::faults), 1U);
  EXPECT_EQ(get(regs::card::translations), get(regs::card::tlb_misses));
}

TEST_F(ModelDma, ReadOnlyRegistersAndReservedBitsDoNotChange) {
  const std::uint64_t parameters = get(regs::card::parameters);
  EXPECT_EQ(regs::card::parameters_f::channels.get(parameters), 4U);
  set(regs::card::parameters, ~0ULL);
  set(regs::card::id, 0);
  EXPECT_EQ(get(regs::card::parameters), parameters);
  EXPECT_EQ(get(regs::card::id), 0x5254'5041U);
  set(r::device_id, 0xffff'ffff);
  set(r::ring_base, ~0ULL);
  EXPECT_EQ(get(r::device_id), 0xff'ffffU);
  EXPECT_EQ(get(r::ring_base), ~0ULL << 6);
  EXPECT_EQ(card_->mmio().read64(card::Bar::kCard, 0x1000), 0U);
  EXPECT_EQ(card_->mmio().read64(card::Bar::kCard, 0x6008), 0U) << "there is no fifth channel";
  EXPECT_THROW(card_->mmio().read64(card::Bar::kCard, 4), std::out_of_range);
  EXPECT_THROW(card_->mmio().read32(card::Bar::kIommu, 0x10000), std::out_of_range);
}

TEST(ModelFactory, RefusesWhatItDoesNotKnow) {
  card::Registry registry;
  registry.add(model::factory());
  EXPECT_TRUE(registry.open("model:seed=7,frame_run=4"));
  for (const std::string_view wrong : {"model:profile=ddr", "model:frame_run=3", "model:seed=x", "model:frame_run=0"}) {
    const auto opened = registry.open(wrong);
    ASSERT_FALSE(opened) << wrong;
    EXPECT_EQ(opened.error().number, EINVAL) << wrong;
  }
  EXPECT_EQ(registry.open("model:straps=/does/not/exist").error().number, ENOENT);
}

}  // namespace
}  // namespace aperture::tb::test
