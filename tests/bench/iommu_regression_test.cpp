// SPDX-License-Identifier: Apache-2.0
// Defects that IOMMUs are known for, each shown not to be here. tests/rtl/mutants holds, under the name of each suite,
// a patch that puts the defect in; a test of label full sees that suite, and no other, fail then. So each test stays
// away from what the others are about: none but LastByte touches the last byte of a page, and so on.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bench/iommu_setup.hpp"
#include "bench/print.hpp"
#include "support/seed.hpp"

namespace aperture::test {
namespace {

using regs::SatpMode;
using tb::Channel;
using tb::Outcome;
using tb::Port;
using tb::Resp;

constexpr std::uint32_t kDevice = 3;
constexpr std::uint64_t kIova = 0x4000'0000;

/// A device with a page table of its own, no fault queue: refused requests are answered and forgotten.
struct Card {
  explicit Card(tb::Profile profile = tb::Profile::kIdeal, unsigned latency = 20) : bench(power_on(profile, latency)) {
    iommu.enable_command_queue(8);
    iommu.switch_on(regs::IommuMode::k1lvl);
    iommu.set_context(kDevice, table.context());
  }
  tb::DeviceBurst burst(bool write, std::uint64_t iova, std::uint64_t size = 8, unsigned id = 0) {
    tb::DeviceBurst b = bench.device().make({.device_id = kDevice}, iova, size, static_cast<std::uint8_t>(id % 16));
    b.write = write;
    if (write) b.data.assign(size, std::byte{0xee});
    return b;
  }
  tb::Ticket submit(bool write, std::uint64_t iova, std::uint64_t size = 8, unsigned id = 0) {
    return bench.device().submit(burst(write, iova, size, id));
  }
  /// Random numbers of this test, the same in every run with the same seed.
  std::uint64_t random(std::uint64_t below) { return engine() % below; }

  tb::Bench& bench;
  Iommu iommu{bench};
  PageTable table{iommu, SatpMode::kSv39};
  std::mt19937_64 engine{seed()};
};

// ---- an access that touches the last byte of a page passes
// -------------------------------------------------------------

TEST(LastByte, IsPartOfThePage) {
  Card card;
  const std::uint64_t page = card.iommu.frame();
  card.table.map(kIova, page);
  std::vector<std::byte> data(4096);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 5 + 3);
  for (const std::uint64_t size : {1U, 2U, 4U, 8U, 64U, 100U, 2048U}) {
    const std::uint64_t offset = kPageSize - size;
    // From the walk, then from the IOTLB.
    for (int round = 0; round < 2; ++round) {
      if (round == 0) {
        ASSERT_TRUE(card.iommu.flush());
      }
      const std::span<const std::byte> wanted = std::span(data).subspan(offset, size);
      EXPECT_EQ(card.bench.device().write({.device_id = kDevice}, kIova + offset, wanted).resp, Resp::kOkay) << size;
      const tb::Completion back = card.bench.device().read({.device_id = kDevice}, kIova + offset, size);
      EXPECT_EQ(back.resp, Resp::kOkay) << size;
      EXPECT_TRUE(std::ranges::equal(back.data, wanted)) << size;
    }
  }
}

// ---- AxADDR and AxVALID stay stable while IOTINVALs land
// ---------------------------------------------------------------

TEST(StableAddress, UnderBackPressureWhileInvalidationsLand) {
  // The bench's checkers report any AxADDR that changes, and any AxVALID that falls, before AxREADY.
  Card card(tb::Profile::kHostile, 10);
  constexpr std::uint64_t kPages = 8;
  const std::uint64_t first = card.iommu.frame(kPages);
  for (std::uint64_t i = 0; i < kPages; ++i) card.table.map(kIova + kPageSize * i, first + kPageSize * i);
  card.bench.log().enable(true);
  std::vector<tb::Ticket> tickets;
  for (unsigned round = 0; round < 120; ++round) {
    for (unsigned i = 0; i < 12; ++i) {
      const std::uint64_t iova = kIova + kPageSize * card.random(kPages) + 8 * card.random(256);
      tickets.push_back(card.submit(card.random(2) != 0, iova, 8, static_cast<unsigned>(card.random(16))));
    }
    card.iommu.submit(iotinval_vma({.address = kIova + kPageSize * card.random(kPages)}));
  }
  for (const tb::Ticket ticket : tickets) EXPECT_EQ(card.bench.device().wait(ticket).resp, Resp::kOkay);
  ASSERT_TRUE(card.iommu.finish());
  // What left was asked for, and enough of it was held back to mean something.
  unsigned held = 0;
  for (const Channel channel : {Channel::kAr, Channel::kAw}) {
    std::vector<std::uint64_t> asked, left;
    for (const auto& e : card.bench.log().events(Port::kDevice, channel)) asked.push_back(e.address.addr - kIova);
    for (const auto& e : card.bench.log().events(Port::kData, channel)) {
      left.push_back(e.address.addr - first);
      held += e.accepted > e.offered;
    }
    std::ranges::sort(asked);
    std::ranges::sort(left);
    EXPECT_EQ(asked, left);
  }
  EXPECT_GT(held, 100U);
}

// ---- neither reads nor writes starve
// -----------------------------------------------------------------------------------

class Starvation : public ::testing::TestWithParam<bool> {};

TEST_P(Starvation, DoesNotHappenUnderAStreamOfHits) {
  const bool write = GetParam();  // the one that has to get through
  Card card;
  card.table.map(kIova, card.iommu.frame());
  card.bench.device().run(card.burst(true, kIova));
  std::vector<tb::Ticket> stream;
  for (unsigned i = 0; i < 2000; ++i) stream.push_back(card.submit(!write, kIova + 8 * (i % 256), 8, i));
  card.bench.run(200);
  for (unsigned i = 0; i < 10; ++i) {
    const tb::Completion c = card.bench.device().run(card.burst(write, kIova + 8, 8, 15), 3000);
    ASSERT_TRUE(c.done);
    EXPECT_LT(c.answered - c.offered, 60U);
  }
  EXPECT_FALSE(card.bench.device().at(stream.back()).done) << "the stream was over too early to show anything";
}

TEST_P(Starvation, DoesNotHappenUnderAStreamOfMisses) {
  const bool write = GetParam();
  Card card;
  constexpr std::uint64_t kPages = 2048;
  const std::uint64_t page = card.iommu.frame();
  for (std::uint64_t i = 0; i < kPages; ++i) card.table.map(kIova + kPageSize * i, page);
  std::vector<tb::Ticket> stream;
  for (unsigned i = 0; i < kPages - 64; ++i) stream.push_back(card.submit(!write, kIova + kPageSize * i, 8, i));
  card.bench.run(200);
  for (unsigned i = 0; i < 10; ++i) {
    const std::uint64_t iova = kIova + kPageSize * (kPages - 64 + i);
    const tb::Completion c = card.bench.device().run(card.burst(write, iova, 8, 15), 5000);
    ASSERT_TRUE(c.done);
    // Three reads of its own, behind those of the eight walks at work and the eight before it.
    EXPECT_LT(c.answered - c.offered, 600U);
  }
  EXPECT_FALSE(card.bench.device().at(stream.back()).done) << "the stream was over too early to show anything";
}

INSTANTIATE_TEST_SUITE_P(Of, Starvation, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Writes" : "Reads"; });

// ---- an entry read before IOTINVAL + IOFENCE.C is never used after it
// --------------------------------------------------

TEST(StaleEntry, IsNeverUsedAfterTheFence) {
  // Memory answers late and out of order, so that the entry's read is performed before, and answered after, the edit,
  // the fetch of either command, or the end of the fence, as the seed has it. One request at a time.
  Card card(tb::Profile::kHostile, 60);
  const std::uint64_t old_page = card.iommu.frame();
  const std::uint64_t new_page = card.iommu.frame();
  card.iommu.memory().write64(old_page, 0x11);
  card.iommu.memory().write64(new_page, 0x22);
  unsigned overtaken = 0;
  for (unsigned round = 0; round < 250; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const std::uint64_t entry = card.table.map(kIova, old_page);
    ASSERT_TRUE(card.iommu.run(iotinval_vma()));
    if (card.random(4) == 0) {
      ASSERT_TRUE(card.iommu.run(inval_ddt()));
    }
    ASSERT_TRUE(card.iommu.run(iofence()));
    const tb::Ticket early = card.submit(false, kIova);
    card.bench.run(card.random(200));
    card.iommu.memory().write64(entry, regs::pte::e::ppn.set(kReadWrite, new_page >> 12));
    overtaken += !card.bench.device().at(early).done;
    card.iommu.submit(card.random(2) != 0 ? iotinval_vma() : iotinval_vma({.address = kIova}));
    card.iommu.submit(iofence());
    ASSERT_TRUE(card.iommu.finish());
    const tb::Completion late = card.bench.device().run(card.burst(false, kIova, 8, 1));
    ASSERT_EQ(late.resp, Resp::kOkay);
    ASSERT_EQ(std::to_integer<unsigned>(late.data.at(0)), 0x22U) << "the old page was used after the fence";
    ASSERT_TRUE(card.bench.device().wait(early).done);
  }
  EXPECT_GT(overtaken, 50U);
}

// ---- a page reclaimed after IOFENCE.C(PR, PW) is never touched again
// ---------------------------------------------------

class ReclaimedPage : public ::testing::TestWithParam<tb::Profile> {};

TEST_P(ReclaimedPage, IsNotTouchedByDmaInFlight) {
  Card card(GetParam(), 60);
  const std::uint64_t done = card.iommu.frame();
  for (std::uint32_t round = 1; round <= 40; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const std::uint64_t page = card.iommu.frame();
    const std::uint64_t entry = card.table.map(kIova, page);
    ASSERT_TRUE(card.iommu.flush());
    // Everything in flight is a hit, so that no walk can have seen the page's entry.
    ASSERT_EQ(card.bench.device().run(card.burst(true, kIova)).resp, Resp::kOkay);
    card.bench.log().clear();
    card.bench.log().enable(true);
    std::vector<tb::Ticket> tickets;
    for (unsigned i = 0; i < 40; ++i) tickets.push_back(card.submit(i % 2 != 0, kIova + 64 * (i % 32), 64, i));
    card.bench.run(card.random(150));
    card.iommu.memory().write64(entry, 0);
    card.iommu.submit(iotinval_vma({.address = kIova}));
    card.iommu.submit(iofence({.address = done, .data = round, .reads = true, .writes = true}));
    const auto fenced = [&] { return card.iommu.memory().read32(done) == round; };
    ASSERT_EQ(card.bench.wait_until(fenced, 100'000, "the fence"), Outcome::kHappened);
    // The page has a new owner.
    const std::uint64_t reclaimed = card.bench.cycle();
    for (std::uint64_t i = 0; i < kPageSize; i += 8) card.iommu.memory().write64(page + i, i);
    for (const tb::Ticket ticket : tickets) ASSERT_TRUE(card.bench.device().wait(ticket).done);
    card.bench.settle();
    for (std::uint64_t i = 0; i < kPageSize; i += 8) ASSERT_EQ(card.iommu.memory().read64(page + i), i);
    for (const tb::BusEvent& event : card.bench.log().events()) {
      if (event.port != Port::kData) continue;
      ASSERT_LE(event.accepted, reclaimed) << name(event.channel) << " of DMA to the page after the fence";
    }
  }
}

TEST_P(ReclaimedPage, FenceWaitsForDataThatADeviceWithholds) {
  Card card(GetParam(), 60);
  card.table.map(kIova, card.iommu.frame());
  ASSERT_EQ(card.bench.device().run(card.burst(true, kIova)).resp, Resp::kOkay);
  card.bench.device().hold(Channel::kW, true);
  const tb::Ticket ticket = card.submit(true, kIova, 64);
  card.bench.run(50);
  card.iommu.submit(iofence({.writes = true}));
  card.bench.run(1000);
  EXPECT_FALSE(card.bench.device().at(ticket).done);
  EXPECT_EQ(card.iommu.read(regs::iommu::cqh), 0U);
  card.bench.device().hold(Channel::kW, false);
  EXPECT_TRUE(card.iommu.finish());
  EXPECT_TRUE(card.bench.device().wait(ticket).done);
}

INSTANTIATE_TEST_SUITE_P(In, ReclaimedPage,
                         ::testing::Values(tb::Profile::kIdeal, tb::Profile::kDdr, tb::Profile::kPcie),
                         [](const auto& info) { return std::string(tb::name(info.param)); });

// ---- a port that gives or takes nothing hangs neither the other port nor a fence
// ---------------------------------------

class HostilePort : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kTimeout = 400;
  static constexpr std::uint32_t kDma = 4;
  static constexpr std::uint64_t kSource = 0x10'0000, kTarget = 0x20'0000, kRing = 0x30'0000, kRecord = 0x40'0000;
  static constexpr std::uint64_t kBytes = 512;

  HostilePort() {
    card.iommu.write(regs::card::isolation_timeout, kTimeout);
    card.iommu.set_context(kDma, dma_table.context(1));
    for (const std::uint64_t iova : {kSource, kTarget, kRing, kRecord}) dma_table.map(iova, iova);
    card.table.map(kIova, page);
    for (std::uint64_t i = 0; i < kBytes; i += 8) card.iommu.memory().write64(kSource + i, i * i + 1);
    EXPECT_EQ(run(false, 14).resp, Resp::kOkay);
    EXPECT_EQ(run(true, 14).resp, Resp::kOkay);
  }

  tb::Completion run(bool write, unsigned id, std::uint64_t offset = 0) {
    return card.bench.device().run(card.burst(write, kIova + offset, 8, id), 20 * kTimeout);
  }
  std::uint64_t isolated() { return card.iommu.read(regs::card::isolation); }

  /// A copy by channel 0 of the DMA block, while the external port misbehaves: it and a fence get through.
  void expect_the_others_go_on() {
    namespace d = regs::descriptor;
    namespace r = regs::dma;
    const std::uint64_t words[] = {d::control::op.set(0, std::to_underlying(regs::DmaOp::kCopy)), kSource, kTarget,
                                   kBytes};
    for (std::uint64_t i = 0; i < 4; ++i) card.iommu.memory().write64(kRing + 8 * i, words[i]);
    card.iommu.write(r::device_id, kDma);
    card.iommu.write(r::ring_device_id, kDma);
    card.iommu.write(r::ring_base, kRing);
    card.iommu.write(r::record_base, kRecord);
    card.iommu.write(r::ring_log2, 1);
    card.iommu.write(r::ctrl, r::ctrl_f::enable.mask());
    card.iommu.write(r::tail, 1);
    card.iommu.submit(iofence({.reads = true, .writes = true}));
    ASSERT_TRUE(card.iommu.wait_for(r::head, r::head_f::index, 1)) << "the DMA channel hangs";
    for (std::uint64_t i = 0; i < kBytes; i += 8) ASSERT_EQ(card.iommu.memory().read64(kTarget + i), i * i + 1);
    ASSERT_TRUE(card.iommu.finish()) << "the fence hangs";
    EXPECT_EQ(isolated(), regs::card::isolation_f::device.mask());
  }
  /// The device behaves again: refused while isolated, served once software has cleared that.
  void expect_refusal_until_cleared() {
    EXPECT_EQ(run(false, 9).resp, Resp::kSlverr);
    EXPECT_EQ(run(true, 9).resp, Resp::kSlverr);
    EXPECT_EQ(isolated(), regs::card::isolation_f::device.mask()) << "isolation is sticky";
    card.iommu.write(regs::card::isolation, regs::card::isolation_f::device.mask());
    EXPECT_EQ(isolated(), 0U);
    for (unsigned i = 0; i < 4; ++i) {
      EXPECT_EQ(run(true, 10, 64).resp, Resp::kOkay);
      EXPECT_EQ(run(false, 10, 64).resp, Resp::kOkay);
    }
    EXPECT_EQ(card.iommu.memory().read64(page + 64), 0xeeee'eeee'eeee'eeeeU);
    EXPECT_EQ(isolated(), 0U);
  }

  Card card;
  PageTable dma_table{card.iommu, SatpMode::kSv39};
  std::uint64_t page = card.iommu.frame();
};

TEST_F(HostilePort, ThatWithholdsWriteData) {
  card.bench.device().hold(Channel::kW, true);
  card.submit(true, kIova + 128, 64);
  card.bench.run(50);
  expect_the_others_go_on();
  // Nothing was written in its name, nor is what comes too late.
  card.bench.device().hold(Channel::kW, false);
  card.bench.run(100);
  for (std::uint64_t i = 0; i < 64; i += 8) EXPECT_EQ(card.iommu.memory().read64(page + 128 + i), 0U);
  expect_refusal_until_cleared();
}

TEST_F(HostilePort, ThatWithholdsTheDataOfARefusedWrite) {
  card.bench.device().hold(Channel::kW, true);
  card.submit(true, kIova + 0x10'0000, 64);  // not mapped
  card.submit(true, kIova + 128, 64);
  card.bench.run(50);
  expect_the_others_go_on();
  card.bench.device().hold(Channel::kW, false);
  card.bench.run(100);
  for (std::uint64_t i = 0; i < 64; i += 8) EXPECT_EQ(card.iommu.memory().read64(page + 128 + i), 0U);
  expect_refusal_until_cleared();
}

TEST_F(HostilePort, ThatTakesNoReadData) {
  card.bench.device().hold(Channel::kR, true);
  for (unsigned id = 0; id < 8; ++id) card.submit(false, kIova + 8 * id, 8, id);
  card.bench.run(50);
  expect_the_others_go_on();
  card.bench.device().hold(Channel::kR, false);
  expect_refusal_until_cleared();
}

TEST_F(HostilePort, ThatTakesNoWriteAnswer) {
  card.bench.device().hold(Channel::kB, true);
  for (unsigned id = 0; id < 8; ++id) card.submit(true, kIova + 8 * id, 8, id);
  card.bench.run(50);
  expect_the_others_go_on();
  card.bench.device().hold(Channel::kB, false);
  expect_refusal_until_cleared();
}

TEST_F(HostilePort, IsNotIsolatedForBeingSlow) {
  for (unsigned i = 0; i < 4; ++i) {
    card.bench.device().hold(Channel::kR, true);
    const tb::Ticket ticket = card.submit(false, kIova, 64);
    card.bench.run(kTimeout - 100);
    card.bench.device().hold(Channel::kR, false);
    EXPECT_EQ(card.bench.device().wait(ticket).resp, Resp::kOkay);
  }
  EXPECT_EQ(isolated(), 0U);
}

}  // namespace
}  // namespace aperture::test
