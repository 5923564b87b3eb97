// SPDX-License-Identifier: Apache-2.0
// dma_top alone, at both data widths.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "Vdma128.h"
#include "Vdma64.h"
#include "rtl/support/dma_bench.hpp"
#include "rtl/support/dma_reference.hpp"
#include "support/seed.hpp"

namespace aperture::test {
namespace {

using regs::DmaOp;
using regs::DmaStatus;
namespace ctrl_f = regs::dma::ctrl_f;
namespace status_f = regs::dma::status_f;

struct Width64 {
  using Bench = DmaBench<Vdma64, 64>;
};
struct Width128 {
  using Bench = DmaBench<Vdma128, 128>;
};

template <typename W>
class Dma : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const std::string& e : bench.memory.errors()) ADD_FAILURE() << e;
    if (HasFailure()) std::printf("seed %llu reproduces this\n", static_cast<unsigned long long>(seed()));
  }
  std::vector<std::byte> random_bytes(std::size_t n) {
    std::vector<std::byte> out(n);
    for (std::byte& b : out) b = static_cast<std::byte>(random());
    return out;
  }
  std::uint64_t pick(std::uint64_t first, std::uint64_t last) {
    return std::uniform_int_distribution<std::uint64_t>(first, last)(random);
  }
  std::size_t data_bursts(bool write) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        bench.memory.bursts(), [&](const AxiBurst& b) { return b.write == write && b.address.id < 8; }));
  }

  std::mt19937_64 random{seed()};
  typename W::Bench bench{seed()};
};

struct Names {
  template <typename T>
  static std::string GetName(int) {
    return std::is_same_v<T, Width64> ? "64" : "128";
  }
};
using Widths = ::testing::Types<Width64, Width128>;
TYPED_TEST_SUITE(Dma, Widths, Names);

constexpr std::uint64_t kSource = 0x10'0000;
constexpr std::uint64_t kTarget = 0x80'0000;

void expect_record(const Record& r, const Expected& e, const Descriptor& d) {
  EXPECT_EQ(r.status, e.status) << regs::to_string(d.op);
  EXPECT_EQ(r.bytes, e.bytes) << regs::to_string(d.op) << " length " << d.length;
  if (e.status == DmaStatus::kOk) {
    EXPECT_EQ(r.crc, e.crc) << regs::to_string(d.op) << " length " << d.length;
  }
  EXPECT_EQ(r.cookie, d.cookie);
}

TYPED_TEST(Dma, CopiesAnyAlignmentAndLength) {
  const auto data = this->random_bytes(0x3000);
  this->bench.memory.store(kSource, data);
  this->bench.start(0);
  for (int i = 0; i < 150; ++i) {
    const Descriptor d{.op = DmaOp::kCopy,
                       .src = kSource + this->pick(0, 0x11ff),
                       .dst = kTarget + this->pick(0x100, 0x11ff),
                       .length = this->pick(0, i % 3 ? 70 : 1500),
                       .cookie = static_cast<std::uint16_t>(i)};
    const auto before = bytes_of(this->bench.memory, d.dst - 64, 64);
    const auto behind = bytes_of(this->bench.memory, d.dst + d.length, 64);
    const Expected e = expect(d, this->bench.memory);
    expect_record(this->bench.run(0, d), e, d);
    ASSERT_TRUE(this->bench.finished());
    ASSERT_EQ(bytes_of(this->bench.memory, d.dst, d.length), e.written)
        << "src " << d.src << " dst " << d.dst << " length " << d.length;
    ASSERT_EQ(bytes_of(this->bench.memory, d.dst - 64, 64), before);
    ASSERT_EQ(bytes_of(this->bench.memory, d.dst + d.length, 64), behind);
  }
}

TYPED_TEST(Dma, EveryOperationOnAllChannelsMatchesTheReferenceUnderHostileMemory) {
  auto& bench = this->bench;
  bench.memory.profile = {.latency = 5, .jitter = 60, .ready = 0.7, .out_of_order = true};
  constexpr unsigned kChannels = 4;
  struct Work {
    Descriptor descriptor;
    unsigned index{};
    bool phase{};
    Expected expected;
  };
  std::vector<Work> work[kChannels];
  unsigned pushed[kChannels] = {}, checked[kChannels] = {};
  const auto base = [](unsigned c) { return 0x1000'0000 + c * 0x100'0000ULL; };
  for (unsigned c = 0; c < kChannels; ++c) {
    bench.memory.store(base(c), this->random_bytes(0x8000));
    bench.start(c);
  }
  constexpr unsigned kEach = 60;
  const auto check = [&](unsigned c) {
    Work& w = work[c][checked[c]];
    const Record r = bench.record(c, w.index);
    expect_record(r, w.expected, w.descriptor);
    EXPECT_EQ(r.phase, w.phase);
    if (!w.expected.written.empty()) {
      EXPECT_EQ(bytes_of(bench.memory, w.descriptor.dst, w.descriptor.length), w.expected.written)
          << regs::to_string(w.descriptor.op) << " length " << w.descriptor.length;
    }
    ++checked[c];
  };
  for (unsigned round = 0; round < 4000000; ++round) {
    bool all = true;
    for (unsigned c = 0; c < kChannels; ++c) {
      if (bench.head(c) != checked[c] % (1U << bench.kRingLog2)) check(c);
      if (checked[c] < kEach) all = false;
      // One or two at a time, so that prefetching happens; targets do not overlap sources.
      if (pushed[c] < kEach && pushed[c] - checked[c] < 2) {
        Descriptor d;
        d.op = static_cast<DmaOp>(this->pick(0, 6));
        d.length = this->pick(0, 4) == 0 ? this->pick(0, 3000) : this->pick(0, 300);
        d.src = base(c) + this->pick(0, 0x4000);
        d.dst = base(c) + 0x10000 + (pushed[c] % 2) * 0x8000 + this->pick(0, 0x4000);
        d.pattern = this->pick(0, 5) ? this->random() : 0;
        d.stray_read = this->pick(0, 1);
        d.cookie = static_cast<std::uint16_t>(this->random());
        if (d.op == DmaOp::kCheck) {
          auto bytes = prbs(d.pattern, d.length);
          if (d.length != 0 && this->pick(0, 1)) bytes[this->pick(0, d.length - 1)] ^= std::byte{0x10};
          d.src = base(c) + 0x20000 + (pushed[c] % 2) * 0x8000 + this->pick(0, 63);
          bench.memory.store(d.src, bytes);
        }
        Work w{d, 0, (pushed[c] >> bench.kRingLog2) % 2 == 0, expect(d, bench.memory)};
        w.index = bench.push(c, d);
        work[c].push_back(w);
        ++pushed[c];
      }
    }
    if (all || this->HasFailure()) break;
    bench.tick();
  }
  for (unsigned c = 0; c < kChannels; ++c) EXPECT_EQ(checked[c], kEach) << "channel " << c;
}

TYPED_TEST(Dma, AlignedCopyMovesNineTenthsOfABeatACycleBehindTwentyCyclesOfLatency) {
  this->bench.memory.profile = {.latency = 20};
  this->bench.memory.store(kSource, this->random_bytes(0x10000));
  this->bench.start(0);
  const Descriptor d{.op = DmaOp::kCopy, .src = kSource, .dst = kTarget, .length = 0x10000};
  const Record r = this->bench.run(0, d);
  ASSERT_EQ(r.status, DmaStatus::kOk);
  const double beats = static_cast<double>(d.length) / this->bench.kBeat / static_cast<double>(r.cycles);
  EXPECT_GE(beats, 0.9);
  EXPECT_LE(beats, 1.0);
}

TYPED_TEST(Dma, UnalignedCopyMovesNineTenthsOfABeatACycle) {
  this->bench.memory.profile = {.latency = 20};
  this->bench.start(0);
  const Descriptor d{.op = DmaOp::kCopy, .src = kSource + 3, .dst = kTarget + 5, .length = 0x10000};
  const Record r = this->bench.run(0, d);
  ASSERT_EQ(r.status, DmaStatus::kOk);
  EXPECT_GE(static_cast<double>(d.length) / this->bench.kBeat / static_cast<double>(r.cycles), 0.9);
}

TYPED_TEST(Dma, KeepsFourBurstsInFlightEachWay) {
  this->bench.memory.profile = {.latency = 400};
  unsigned reads = 0, writes = 0;
  this->bench.watch = [&] {
    reads = std::max(reads, this->bench.memory.outstanding_reads());
    writes = std::max(writes, this->bench.memory.outstanding_writes());
  };
  this->bench.start(0);
  this->bench.run(0, {.op = DmaOp::kCopy, .src = kSource, .dst = kTarget, .length = 0x4000});
  EXPECT_GE(reads, 4U);
  EXPECT_GE(writes, 4U);
}

TYPED_TEST(Dma, ReadErrorStopsTheDescriptorAndWritesNothingOfItsPiece) {
  auto& bench = this->bench;
  const auto data = this->random_bytes(0x4000);
  bench.memory.store(kSource, data);
  bench.memory.fail_reads(kSource + 0x1000, kSource + 0x1fff);
  bench.memory.profile = {.latency = 10, .jitter = 30, .ready = 0.8, .out_of_order = true};
  bench.start(0);
  // Pieces end at multiples of 256 bytes of the destination; the one with offset 0xf10 to 0x100f crosses into the bad
  // page.
  const Descriptor d{.op = DmaOp::kCopy, .src = kSource + 0x20, .dst = kTarget + 0xf0, .length = 0x2000};
  const Record r = bench.run(0, d);
  EXPECT_EQ(r.status, DmaStatus::kReadError);
  EXPECT_EQ(r.bytes, 0xf10U);
  EXPECT_EQ(r.address, kSource + 0x1000);
  EXPECT_TRUE(std::ranges::equal(bytes_of(bench.memory, d.dst, 0xf10), std::span(data).subspan(0x20, 0xf10)));
  EXPECT_EQ(bytes_of(bench.memory, d.dst + 0xf10, 0x1000), std::vector<std::byte>(0x1000));
}

TYPED_TEST(Dma, ReadErrorInTheFirstBurstOfAPieceNamesIt) {
  this->bench.memory.fail_reads(kSource + 0xf00, kSource + 0xfff);
  this->bench.start(0);
  const Record r = this->bench.run(0, {.op = DmaOp::kCopy, .src = kSource + 0xf80, .dst = kTarget, .length = 0x200});
  EXPECT_EQ(r.status, DmaStatus::kReadError);
  EXPECT_EQ(r.bytes, 0U);
  EXPECT_EQ(r.address, kSource + 0xf80);
}

TYPED_TEST(Dma, WriteErrorReportsTheLowestFailingBurst) {
  auto& bench = this->bench;
  const auto data = this->random_bytes(0x4000);
  bench.memory.store(kSource, data);
  bench.memory.fail_writes(kTarget + 0x600, kTarget + 0xfff);
  bench.memory.profile = {.latency = 10, .jitter = 200, .ready = 0.9, .out_of_order = true};
  bench.start(0);
  const Record r = bench.run(0, {.op = DmaOp::kCopy, .src = kSource, .dst = kTarget, .length = 0x2000});
  EXPECT_EQ(r.status, DmaStatus::kWriteError);
  EXPECT_EQ(r.bytes, 0x600U);
  EXPECT_EQ(r.address, kTarget + 0x600);
  EXPECT_TRUE(std::ranges::equal(bytes_of(bench.memory, kTarget, 0x600), std::span(data).first(0x600)));
}

TYPED_TEST(Dma, GoesOnWithTheNextDescriptorAfterAFailure) {
  auto& bench = this->bench;
  bench.memory.store(kSource, this->random_bytes(0x1000));
  bench.memory.fail_writes(kTarget + 0x10000, kTarget + 0x1ffff);
  bench.start(0);
  EXPECT_EQ(bench.run(0, {.op = DmaOp::kCopy, .src = kSource, .dst = kTarget + 0x10000, .length = 700}).status,
            DmaStatus::kWriteError);
  const Descriptor d{.op = DmaOp::kCopy, .src = kSource, .dst = kTarget, .length = 700};
  const Expected e = expect(d, bench.memory);
  expect_record(bench.run(0, d), e, d);
  EXPECT_EQ(bytes_of(bench.memory, kTarget, 700), e.written);
}

TYPED_TEST(Dma, CheckReportsTheFirstDifference) {
  auto& bench = this->bench;
  bench.start(0);
  for (const std::size_t at : {0UL, 7UL, 255UL, 256UL, 777UL, 1999UL}) {
    auto bytes = prbs(42, 2000);
    bytes[at] ^= std::byte{1};
    bytes[1999] ^= std::byte{2};
    bench.memory.store(kSource + 13, bytes);
    const Record r = bench.run(0, {.op = DmaOp::kCheck, .src = kSource + 13, .length = 2000, .pattern = 42});
    EXPECT_EQ(r.status, DmaStatus::kMismatch);
    EXPECT_EQ(r.bytes, at);
  }
}

TYPED_TEST(Dma, UnknownOperationIsABadDescriptor) {
  this->bench.start(0);
  const Record r =
      this->bench.run(0, {.op = static_cast<DmaOp>(7), .src = kSource, .dst = kTarget, .length = 64, .cookie = 9});
  EXPECT_EQ(r.status, DmaStatus::kBadDescriptor);
  EXPECT_EQ(r.cookie, 9);
  EXPECT_EQ(this->data_bursts(false) + this->data_bursts(true), 0U);
}

TYPED_TEST(Dma, LengthBeyondItsFieldIsABadDescriptor) {
  this->bench.start(0);
  const Record r = this->bench.run(0, {.op = DmaOp::kCrc, .src = kSource, .length = 1ULL << 40});
  EXPECT_EQ(r.status, DmaStatus::kBadDescriptor);
}

TYPED_TEST(Dma, FailedDescriptorFetchHaltsTheRingAndInterrupts) {
  auto& bench = this->bench;
  bench.memory.fail_reads(bench.ring(0), bench.ring(0) + 0xfff);
  bench.start(0, ctrl_f::irq_enable.mask());
  bench.push(0, {.op = DmaOp::kNop});
  EXPECT_TRUE(bench.run_until([&] { return bench.irq(0); }, 1000));
  EXPECT_EQ(status_f::ring_error.get(bench.read(0, regs::dma::status)), 1U);
  EXPECT_EQ(bench.head(0), 0U);
  EXPECT_TRUE(bench.run_until([&] { return !bench.busy(); }, 100));
}

TYPED_TEST(Dma, FailedRecordStoreHaltsTheRing) {
  auto& bench = this->bench;
  bench.memory.fail_writes(bench.records(0), bench.records(0) + 0xfff);
  bench.start(0);
  bench.push(0, {.op = DmaOp::kNop});
  EXPECT_TRUE(bench.run_until([&] { return status_f::ring_error.get(bench.read(0, regs::dma::status)) == 1; }, 1000));
  EXPECT_EQ(bench.head(0), 0U);
}

TYPED_TEST(Dma, RestartAfterARingErrorWorks) {
  auto& bench = this->bench;
  bench.memory.fail_reads(bench.ring(0), bench.ring(0) + 63);
  bench.start(0);
  bench.push(0, {.op = DmaOp::kNop});
  ASSERT_TRUE(bench.run_until([&] { return status_f::ring_error.get(bench.read(0, regs::dma::status)) == 1; }, 1000));
  bench.disable(0);
  ASSERT_TRUE(bench.run_until([&] { return status_f::running.get(bench.read(0, regs::dma::status)) == 0; }, 1000));
  bench.write(0, regs::dma::status, status_f::ring_error.mask() | status_f::irq.mask());
  EXPECT_EQ(bench.read(0, regs::dma::status), 0U);
  bench.start(0);
  bench.write(0, regs::dma::ring_base, bench.ring(1));
  bench.memory.store64(bench.ring(1), static_cast<std::uint64_t>(DmaOp::kNop));
  bench.write(0, regs::dma::tail, 1);
  EXPECT_TRUE(bench.run_until([&] { return bench.head(0) == 1; }, 1000));
}

TYPED_TEST(Dma, RecordIsStoredAfterTheLastBAndTheInterruptAfterTheRecord) {
  auto& bench = this->bench;
  bench.memory.profile = {.latency = 30, .jitter = 100, .out_of_order = true};
  bool recorded = false, early = false, seen = false;
  bench.watch = [&] {
    if (!bench.memory.bursts().empty() && bench.memory.bursts().back().address.id == 8 &&
        bench.memory.bursts().back().write && !seen) {
      seen = true;
      early = bench.memory.outstanding_writes() != 1;  // the record alone
    }
    recorded = bench.memory.load64(bench.records(0) + 24) != 0;
    if (bench.irq(0) && !recorded) ADD_FAILURE() << "interrupt before the record";
  };
  bench.start(0, ctrl_f::irq_enable.mask());
  const Record r = bench.run(0, {.op = DmaOp::kFill, .dst = kTarget, .length = 5000, .pattern = 1, .irq = true});
  EXPECT_EQ(r.status, DmaStatus::kOk);
  EXPECT_TRUE(seen);
  EXPECT_FALSE(early);
  EXPECT_TRUE(bench.irq(0));
  bench.write(0, regs::dma::status, status_f::irq.mask());
  bench.tick();
  EXPECT_FALSE(bench.irq(0));
}

TYPED_TEST(Dma, NoInterruptWithoutTheDescriptorsBit) {
  this->bench.start(0, ctrl_f::irq_enable.mask());
  this->bench.run(0, {.op = DmaOp::kNop});
  EXPECT_FALSE(this->bench.irq(0));
}

TYPED_TEST(Dma, NextDescriptorIsFetchedWhileOneIsCarriedOut) {
  auto& bench = this->bench;
  bench.memory.profile = {.latency = 20};
  bench.start(0);
  bench.push(0, {.op = DmaOp::kCrc, .src = kSource, .length = 0x4000});
  bench.push(0, {.op = DmaOp::kNop});
  EXPECT_TRUE(bench.run_until([&] { return bench.memory.bursts().size() > 10; }, 1000));
  const auto fetches =
      std::ranges::count_if(bench.memory.bursts(), [](const AxiBurst& b) { return !b.write && b.address.id == 8; });
  EXPECT_EQ(fetches, 2);
  EXPECT_EQ(bench.head(0), 0U);
}

TYPED_TEST(Dma, ChannelsShareTheMover) {
  auto& bench = this->bench;
  bench.start(0);
  bench.start(1);
  bench.push(0, {.op = DmaOp::kCrc, .src = kSource, .length = 0x20000});
  bench.push(1, {.op = DmaOp::kCrc, .src = kTarget, .length = 0x400});
  EXPECT_TRUE(bench.finish(1, 2000));
  EXPECT_FALSE(bench.done(0));
}

TYPED_TEST(Dma, IdentityIsThatOfTheChannel) {
  auto& bench = this->bench;
  bench.start(1, ctrl_f::process_id_valid.mask() | ctrl_f::privileged.mask() | ctrl_f::execute.mask());
  bench.write(1, regs::dma::process_id, 0x12346);
  bench.run(1, {.op = DmaOp::kCopy, .src = kSource, .dst = kTarget, .length = 64});
  const std::uint64_t data = 1ULL << 44 | 0x12346ULL << 24 | 0x101, ring = 0x201;
  ASSERT_EQ(bench.memory.bursts().size(), 4U);
  for (const AxiBurst& b : bench.memory.bursts()) {
    const bool is_data = b.address.id < 8;
    EXPECT_EQ(b.address.user, is_data ? data : ring);
    EXPECT_EQ(b.address.prot, !is_data ? 0U : b.write ? 1U : 5U);
  }
}

TYPED_TEST(Dma, WrongProcessInvertsBitZero) {
  auto& bench = this->bench;
  bench.start(0, ctrl_f::wrong_process.mask());
  bench.write(0, regs::dma::process_id, 6);
  bench.run(0, {.op = DmaOp::kCrc, .src = kSource, .length = 8});
  EXPECT_EQ(bench.memory.bursts()[1].address.user, 1ULL << 44 | 7ULL << 24 | 0x100);
}

TYPED_TEST(Dma, TranslatedAccessesSaySo) {
  auto& bench = this->bench;
  bench.start(0, ctrl_f::translated.mask());
  bench.run(0, {.op = DmaOp::kCrc, .src = kSource, .length = 8});
  EXPECT_EQ(bench.memory.bursts()[1].address.user >> 45, 2U);
  EXPECT_EQ(bench.memory.bursts()[0].address.user >> 45, 0U);
}

TYPED_TEST(Dma, AddressMaskCutsDataAddressesOnly) {
  auto& bench = this->bench;
  bench.start(0);
  bench.write(0, regs::dma::address_mask, 0xffff'ffff);
  bench.memory.store(kSource, this->random_bytes(100));
  bench.run(0, {.op = DmaOp::kCopy, .src = 0x7'0000'0000 + kSource, .dst = 0x9'0000'0000 + kTarget, .length = 100});
  EXPECT_EQ(bytes_of(bench.memory, kTarget, 100), bytes_of(bench.memory, kSource, 100));
}

TYPED_TEST(Dma, StoppingEndsWithARecordAndNothingAfterIt) {
  auto& bench = this->bench;
  bench.memory.profile = {.latency = 20};
  bench.start(0);
  bench.push(0, {.op = DmaOp::kFill, .dst = kTarget, .length = 0x10000, .pattern = 0x5555});
  for (int i = 0; i < 300; ++i) bench.tick();
  bench.disable(0);
  ASSERT_TRUE(bench.run_until([&] { return status_f::running.get(bench.read(0, regs::dma::status)) == 0; }, 2000));
  const Record r = bench.record(0, 0);
  EXPECT_EQ(r.status, DmaStatus::kStopped);
  EXPECT_GT(r.bytes, 0U);
  EXPECT_LT(r.bytes, 0x10000U);
  EXPECT_EQ(bytes_of(bench.memory, kTarget, r.bytes), repeated(0x5555, r.bytes));
  EXPECT_EQ(bytes_of(bench.memory, kTarget + r.bytes, 0x1000), std::vector<std::byte>(0x1000));
  const std::size_t bursts = bench.memory.bursts().size();
  for (int i = 0; i < 6000; ++i) bench.tick();
  EXPECT_EQ(bench.memory.bursts().size(), bursts);
  EXPECT_FALSE(bench.busy());
}

TYPED_TEST(Dma, WriteAfterStopWritesOnceMoreAtTheLastDestination) {
  auto& bench = this->bench;
  bench.start(0, ctrl_f::write_after_stop.mask());
  bench.run(0, {.op = DmaOp::kFill, .dst = kTarget, .length = 0x300, .pattern = 0});
  bench.disable(0);
  ASSERT_TRUE(bench.run_until([&] { return status_f::running.get(bench.read(0, regs::dma::status)) == 0; }, 1000));
  const std::size_t bursts = bench.memory.bursts().size();
  EXPECT_TRUE(bench.busy());
  ASSERT_TRUE(bench.run_until([&] { return !bench.busy(); }, 10000));
  ASSERT_EQ(bench.memory.bursts().size(), bursts + 1);
  EXPECT_EQ(bench.memory.bursts().back().address.addr, kTarget + 0x200);
  EXPECT_EQ(bench.memory.load64(kTarget + 0x200), ~0ULL);
  // The channel is usable afterwards.
  bench.start(0);
  EXPECT_EQ(bench.run(0, {.op = DmaOp::kNop}).status, DmaStatus::kOk);
}

TYPED_TEST(Dma, RestartBeginsAtHeadZeroWithPhaseOneAndCountersAtZero) {
  auto& bench = this->bench;
  bench.start(0);
  for (int i = 0; i < 20; ++i) bench.run(0, {.op = DmaOp::kFill, .dst = kTarget, .length = 64});
  EXPECT_FALSE(bench.record(0, 0).phase);
  EXPECT_EQ(bench.read(0, regs::dma::bytes_written), 20U * 64);
  bench.disable(0);
  ASSERT_TRUE(bench.run_until([&] { return status_f::running.get(bench.read(0, regs::dma::status)) == 0; }, 1000));
  bench.start(0);
  bench.tick();
  bench.tick();
  bench.tick();
  bench.tick();
  EXPECT_EQ(bench.head(0), 0U);
  EXPECT_EQ(bench.read(0, regs::dma::bytes_written), 0U);
  EXPECT_TRUE(bench.run(0, {.op = DmaOp::kNop}).phase);
}

TYPED_TEST(Dma, DisableAndEnableAtOnceRestarts) {
  auto& bench = this->bench;
  bench.memory.profile = {.latency = 50};
  bench.start(0);
  bench.push(0, {.op = DmaOp::kFill, .dst = kTarget, .length = 0x4000});
  for (int i = 0; i < 200; ++i) bench.tick();
  bench.disable(0);
  bench.start(0);
  bench.push(0, {.op = DmaOp::kNop, .cookie = 77});
  ASSERT_TRUE(bench.run_until([&] { return bench.record(0, 0).cookie == 77; }, 2000));
  EXPECT_EQ(bench.record(0, 0).status, DmaStatus::kOk);
  EXPECT_TRUE(bench.run_until([&] { return bench.head(0) == 1; }, 200));
}

TYPED_TEST(Dma, CountersAgreeWithTheBus) {
  auto& bench = this->bench;
  bench.memory.profile = {.latency = 25};
  bench.start(0);
  const Record r = bench.run(0, {.op = DmaOp::kCopy, .src = kSource + 8, .dst = kTarget, .length = 3000});
  EXPECT_EQ(bench.read(0, regs::dma::bytes_read), 3000U);
  EXPECT_EQ(bench.read(0, regs::dma::bytes_written), 3000U);
  EXPECT_EQ(bench.read(0, regs::dma::read_bursts), this->data_bursts(false));
  EXPECT_EQ(bench.read(0, regs::dma::write_bursts), this->data_bursts(true));
  EXPECT_GE(bench.read(0, regs::dma::read_latency), 25 * this->data_bursts(false));
  EXPECT_GE(bench.read(0, regs::dma::write_latency), 25 * this->data_bursts(true));
  EXPECT_GE(bench.read(0, regs::dma::busy_cycles), r.cycles);
  EXPECT_LE(bench.read(0, regs::dma::busy_cycles), r.cycles + 100);
}

TYPED_TEST(Dma, LatencyOfASingleBurstIsExact) {
  auto& bench = this->bench;
  bench.memory.profile = {.latency = 25};
  bench.start(0);
  bench.run(0, {.op = DmaOp::kCrc, .src = kSource, .length = 8});
  EXPECT_EQ(bench.read(0, regs::dma::read_latency), 25U);
}

TYPED_TEST(Dma, StopLetsBurstsEndAndStartsNone) {
  auto& bench = this->bench;
  bench.memory.profile = {.latency = 40, .jitter = 20, .ready = 0.5, .out_of_order = true};
  bench.start(0);
  bench.push(0, {.op = DmaOp::kCopy, .src = kSource, .dst = kTarget, .length = 0x8000});
  for (int i = 0; i < 500; ++i) bench.tick();
  bench.stop(true);
  ASSERT_TRUE(bench.run_until([&] { return bench.quiet(); }, 3000));
  EXPECT_EQ(bench.memory.outstanding_reads() + bench.memory.outstanding_writes(), 0U);
  const std::size_t bursts = bench.memory.bursts().size();
  for (int i = 0; i < 500; ++i) bench.tick();
  EXPECT_EQ(bench.memory.bursts().size(), bursts);
  bench.stop(false);
  EXPECT_TRUE(bench.finish(0));
  EXPECT_EQ(bench.record(0, 0).status, DmaStatus::kOk);
}

TYPED_TEST(Dma, IdleChannelsDoNotNeedTheClock) {
  auto& bench = this->bench;
  bench.start(0);
  EXPECT_TRUE(bench.run_until([&] { return !bench.busy(); }, 100));
  bench.run(0, {.op = DmaOp::kNop});
  EXPECT_TRUE(bench.run_until([&] { return !bench.busy(); }, 100));
}

TYPED_TEST(Dma, HalvesOfAnEightByteRegisterAreIndependent) {
  auto& bench = this->bench;
  EXPECT_EQ(bench.read(2, regs::dma::address_mask), ~0ULL);
  bench.access(2, regs::dma::address_mask, 0x1111'2222'3333'4444, 0xf0);
  EXPECT_EQ(bench.read(2, regs::dma::address_mask), 0x1111'2222'ffff'ffff);
  bench.access(2, regs::dma::address_mask, 0x5555'6666'7777'8888, 0x0f);
  EXPECT_EQ(bench.read(2, regs::dma::address_mask), 0x1111'2222'7777'8888);
  bench.access(2, regs::dma::address_mask, 0, 0x01);
  EXPECT_EQ(bench.read(2, regs::dma::address_mask), 0x1111'2222'7777'8888);
}

TYPED_TEST(Dma, PageOfAMissingChannelReadsZero) {
  this->bench.write(5, regs::dma::device_id, 0xff);
  EXPECT_EQ(this->bench.read(5, regs::dma::device_id), 0U);
  EXPECT_EQ(this->bench.read(5, regs::dma::address_mask), 0U);
}

}  // namespace
}  // namespace aperture::test
