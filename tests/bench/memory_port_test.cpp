// SPDX-License-Identifier: Apache-2.0
// The rules of the memory profiles, at the pins of one port, with a master that takes everything at once.
#include "tb/axi/memory_port.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "support/seed.hpp"
#include "tb/axi/checker.hpp"
#include "tb/memory/memory.hpp"

namespace aperture::tb {
namespace {

class MemoryPortTest : public ::testing::Test, public BeatTarget {
 protected:
  struct Performed {
    bool write;
    std::uint64_t address;
    std::uint64_t cycle;
  };
  struct Answer {
    std::uint8_t id;
    std::uint64_t cycle;
    std::uint64_t data;
    bool last;
  };

  void use(Profile profile, unsigned latency = 20, std::uint64_t seed = test::seed()) {
    timing = make_timing(profile, latency, seed);
    port = std::make_unique<MemoryPort>(Port::kData, 8U, *timing, static_cast<BeatTarget&>(*this), exclusives, seed);
  }
  void use_bridge(unsigned payload) {
    timing = make_bridge_timing(payload, 20, test::seed());
    port = std::make_unique<MemoryPort>(Port::kData, 8U, *timing, static_cast<BeatTarget&>(*this), exclusives, 1U);
  }
  MemoryAnswer read(Port, std::uint64_t access, std::uint64_t, std::uint64_t address,
                    std::span<std::byte> out) override {
    if (pending(address, access)) return MemoryAnswer::kPending;
    performed.push_back({false, address, now});
    return memory.card_read(address, out);
  }
  MemoryAnswer write(Port, std::uint64_t access, std::uint64_t, std::uint64_t address, std::span<const std::byte> data,
                     std::uint32_t strobes) override {
    if (pending(address, access)) return MemoryAnswer::kPending;
    performed.push_back({true, address, now});
    return memory.card_write(address, data, strobes);
  }
  MemoryAnswer exchange(Port, std::uint64_t, std::uint64_t, std::uint64_t address, std::span<const std::byte> expected,
                        std::span<const std::byte> data, bool& held) override {
    return memory.card_exchange(address, expected, data, held);
  }
  /// Memory from kSlow on answers from cycle `slow_until` on.
  bool pending(std::uint64_t address, std::uint64_t access) {
    if (address < kSlow || now >= slow_until) return false;
    asked[address].push_back(access);
    return true;
  }

  void queue_read(std::uint64_t addr, std::uint8_t id = 0, unsigned beats = 1) {
    reads.push_back(burst(addr, id, beats));
  }
  void queue_write(std::uint64_t addr, std::uint64_t value, std::uint8_t id = 0) {
    writes.push_back(burst(addr, id, 1));
    data.push_back({{value, 0}, 0xff, true, true, false});
  }
  void queue_burst(std::uint64_t addr, unsigned beats) {
    writes.push_back(burst(addr, 0, beats));
    for (unsigned i = 0; i < beats; ++i) data.push_back({{i, 0}, 0xff, i + 1 == beats, true, false});
  }
  static AddressChannel burst(std::uint64_t addr, std::uint8_t id, unsigned beats) {
    return {addr, 0, id, static_cast<std::uint8_t>(beats - 1), 3, 1, 0, true, false};
  }

  /// One cycle of a master that offers all it has and takes all it gets.
  void cycle() {
    offer(pins.ar, reads, next_read);
    offer(pins.aw, writes, next_write);
    offer(pins.w, data, next_data);
    pins.r.ready = pins.b.ready = true;
    checker.observe(pins, true, now);
    if (pins.ar.valid && pins.ar.ready) accepted[pins.ar.addr] = now;
    if (pins.r.valid) got_reads.push_back({pins.r.id, now, pins.r.data[0], pins.r.last});
    if (pins.b.valid) got_writes.push_back({pins.b.id, now, 0, true});
    port->observe(pins, now);
    port->perform_writes(now);
    port->perform_reads(now);
    if (pins.ar.valid && pins.ar.ready) ++next_read;
    if (pins.aw.valid && pins.aw.ready) ++next_write;
    if (pins.w.valid && pins.w.ready) ++next_data;
    port->drive(pins, now + 1);
    ++now;
  }
  template <typename C>
  static void offer(C& channel, const std::vector<C>& queue, std::size_t next) {
    const bool ready = channel.ready;
    channel = next < queue.size() ? queue[next] : C{};
    channel.ready = ready;
  }
  void run_until_idle() {
    for (int i = 0; i < 100'000 && (!port->idle() || next_read < reads.size() || next_write < writes.size()); ++i)
      cycle();
    ASSERT_TRUE(port->idle());
  }

  static constexpr std::uint64_t kSlow = 0x4000'0000;
  std::uint64_t slow_until = 0;
  std::map<std::uint64_t, std::vector<std::uint64_t>> asked;
  Memory memory{1};
  std::unique_ptr<Timing> timing;
  ExclusiveMonitor exclusives;
  std::unique_ptr<MemoryPort> port;
  Checker checker{Port::kData, 8, [](const Violation& v) { ADD_FAILURE() << v.text(); }};
  AxiPins pins{};
  std::uint64_t now = 1000;
  std::vector<AddressChannel> reads, writes;
  std::vector<WriteChannel> data;
  std::size_t next_read = 0, next_write = 0, next_data = 0;
  std::map<std::uint64_t, std::uint64_t> accepted;
  std::vector<Performed> performed;
  std::vector<Answer> got_reads, got_writes;
};

TEST_F(MemoryPortTest, IdealAnswersAfterItsLatencyAndABeatACycle) {
  for (const unsigned latency : {1U, 20U, 100U}) {
    use(Profile::kIdeal, latency);
    got_reads.clear();
    queue_read(0x1000 * latency, 0, 4);
    run_until_idle();
    ASSERT_EQ(got_reads.size(), 4U);
    for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(got_reads[i].cycle, accepted[0x1000 * latency] + latency + i);
  }
}

TEST_F(MemoryPortTest, IdealIsPipelined) {
  use(Profile::kIdeal, 100);
  cycle();
  for (unsigned i = 0; i < 300; ++i) queue_read(0x1000 + 8 * i, static_cast<std::uint8_t>(i % 16));
  run_until_idle();
  ASSERT_EQ(got_reads.size(), 300U);
  EXPECT_EQ(got_reads.back().cycle - got_reads.front().cycle, 299U);
}

TEST_F(MemoryPortTest, OrderWithinAnIdHoldsInEveryProfile) {
  for (const Profile profile : {Profile::kIdeal, Profile::kDdr, Profile::kPcie, Profile::kHostile}) {
    use(profile);
    got_reads.clear();
    std::map<std::uint8_t, std::vector<std::uint64_t>> asked, got;
    for (unsigned i = 0; i < 400; ++i) {
      const std::uint64_t address = 0x10'0000 + 4096 * i;
      memory.write64(address, address);
      const auto id = static_cast<std::uint8_t>(i * 7 % 5);
      queue_read(address, id);
      asked[id].push_back(address);
    }
    run_until_idle();
    for (const Answer& answer : got_reads) got[answer.id].push_back(answer.data);
    EXPECT_EQ(asked, got) << name(profile);
  }
}

TEST_F(MemoryPortTest, HostileAnswersOutOfOrderAcrossIdsAndInterleaves) {
  use(Profile::kHostile);
  for (unsigned i = 0; i < 100; ++i) queue_read(0x1000 * (i + 1), static_cast<std::uint8_t>(i % 16), 8);
  run_until_idle();
  bool interleaved = false;
  for (std::size_t i = 1; i < got_reads.size(); ++i) {
    interleaved |= !got_reads[i - 1].last && got_reads[i].id != got_reads[i - 1].id;
  }
  EXPECT_TRUE(interleaved);
}

TEST_F(MemoryPortTest, HostileStallsEveryChannel) {
  use(Profile::kHostile);
  unsigned ar = 0, aw = 0, w = 0;
  for (int i = 0; i < 5000; ++i) {
    cycle();
    ar += !pins.ar.ready;
    aw += !pins.aw.ready;
    w += !pins.w.ready;
  }
  EXPECT_GT(ar, 100U);
  EXPECT_GT(aw, 100U);
  EXPECT_GT(w, 100U);
}

TEST_F(MemoryPortTest, AnswerOfAWriteFollowsItsEffectExceptOnPcie) {
  for (const Profile profile : {Profile::kIdeal, Profile::kDdr, Profile::kHostile}) {
    use(profile);
    for (unsigned i = 0; i < 200; ++i) queue_write(0x1000 * i, i, static_cast<std::uint8_t>(i % 8));
    std::size_t answers = 0;
    const std::size_t before = performed.size();
    got_writes.clear();
    for (int i = 0; i < 20'000 && got_writes.size() < 200; ++i) {
      cycle();
      answers = got_writes.size();
      ASSERT_GE(performed.size() - before, answers) << name(profile);
    }
    EXPECT_EQ(answers, 200U) << name(profile);
    performed.clear();
  }
}

TEST_F(MemoryPortTest, PcieAnswersWritesBeforeTheirEffectAndDoesThemInOrder) {
  use(Profile::kPcie, 40);
  for (unsigned i = 0; i < 100; ++i) queue_write(0x1000 * i, i, static_cast<std::uint8_t>(i % 8));
  bool early = false;
  for (int i = 0; i < 10'000 && !(port->idle() && next_write == writes.size()); ++i) {
    cycle();
    early |= got_writes.size() > performed.size();
  }
  EXPECT_TRUE(early);
  ASSERT_EQ(performed.size(), 100U);
  for (unsigned i = 0; i < 100; ++i) EXPECT_EQ(performed[i].address, 0x1000 * i);
}

TEST_F(MemoryPortTest, PcieReadPushesEarlierWrites) {
  use(Profile::kPcie, 40);
  for (unsigned round = 0; round < 50; ++round) {
    const std::uint64_t address = 0x1000 * round;
    queue_write(address, round + 1, 1);
    while (next_write < writes.size() || next_data < data.size()) cycle();
    queue_read(address, 2);
    run_until_idle();
    EXPECT_EQ(got_reads.back().data, round + 1);
  }
}

TEST_F(MemoryPortTest, PcieMakesWritesVisibleByTheTimeItStates) {
  use(Profile::kPcie, 40);
  for (unsigned i = 0; i < 20; ++i) queue_write(0x1000 * i, i);
  while (next_write < writes.size() || next_data < data.size()) cycle();
  const std::uint64_t visible = timing->visible(now);
  run_until_idle();
  ASSERT_EQ(performed.size(), 20U);
  EXPECT_GE(visible, performed.back().cycle);
}

TEST_F(MemoryPortTest, ABridgeOrdersBehindTheWritesThatItHasAnsweredAndNoOthers) {
  use_bridge(256);
  const AddressChannel burst{};
  const Plan first = timing->write(Port::kData, burst, 100);
  EXPECT_EQ(timing->visible(first.answer - 1), first.answer - 1);
  const std::uint64_t seen = timing->visible(first.answer);
  EXPECT_GT(seen, first.perform);
  const Plan second = timing->write(Port::kIommu, burst, 200);
  EXPECT_EQ(timing->visible(second.answer - 1), std::max(second.answer - 1, seen));
  EXPECT_GT(timing->visible(second.answer), second.perform);
}

TEST_F(MemoryPortTest, PcieSplitsCompletions) {
  use(Profile::kPcie);
  queue_read(0x1040, 0, 64);
  run_until_idle();
  ASSERT_EQ(got_reads.size(), 64U);
  unsigned gaps = 0;
  for (std::size_t i = 1; i < 64; ++i) gaps += got_reads[i].cycle > got_reads[i - 1].cycle + 1;
  EXPECT_EQ(gaps, 4U);  // at 0x1080, 0x1100, 0x1180 and 0x1200
}

TEST_F(MemoryPortTest, ABridgeWritesInPacketsThatEndAtMultiplesOfThePayload) {
  for (const unsigned payload : {128U, 256U}) {
    use_bridge(payload);
    performed.clear();
    got_writes.clear();
    queue_burst(0x1068, 60);
    run_until_idle();
    ASSERT_EQ(performed.size(), 60U);
    ASSERT_EQ(got_writes.size(), 1U) << "one answer for the burst";
    for (std::size_t i = 0; i < 60; ++i) {
      EXPECT_EQ(performed[i].address, 0x1068 + 8 * i);
      if (i == 0) continue;
      const bool together = performed[i].address % payload != 0;
      EXPECT_EQ(performed[i].cycle == performed[i - 1].cycle, together) << i;
      EXPECT_GE(performed[i].cycle, performed[i - 1].cycle);
    }
  }
}

TEST_F(MemoryPortTest, ABridgeGetsCompletionsThatEndAtTheReadCompletionBoundary) {
  for (const unsigned payload : {128U, 256U}) {
    use_bridge(payload);
    got_reads.clear();
    queue_read(0x1058, 0, 64);
    run_until_idle();
    ASSERT_EQ(got_reads.size(), 64U);
    for (std::size_t i = 1; i < 64; ++i) {
      if ((0x1058 + 8 * i) % (payload / 2) != 0) continue;
      EXPECT_GT(got_reads[i].cycle, got_reads[i - 1].cycle + 1) << i;
    }
  }
}

TEST_F(MemoryPortTest, DdrRowHitIsFasterThanRowMiss) {
  use(Profile::kDdr, 30);
  queue_read(0x10'0000);
  run_until_idle();
  const auto latency = [&](std::uint64_t address) {
    now += 1000 - now % 1000 + 100;  // away from a refresh
    queue_read(address);
    run_until_idle();
    return got_reads.back().cycle - accepted[address];
  };
  now = 780'100;
  const std::uint64_t hit = latency(0x10'0040);
  const std::uint64_t miss = latency(0x50'0000);
  EXPECT_LT(hit + 20, miss);
}

TEST_F(MemoryPortTest, WrapBurstStartsAtItsWord) {
  use(Profile::kIdeal);
  for (unsigned i = 0; i < 8; ++i) memory.write64(0x1000 + 8 * i, i);
  reads.push_back({0x1028, 0, 0, 7, 3, 2, 0, true, false});
  run_until_idle();
  std::vector<std::uint64_t> order;
  for (const Answer& answer : got_reads) order.push_back(answer.data);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{5, 6, 7, 0, 1, 2, 3, 4}));
}

TEST_F(MemoryPortTest, APendingReadIsMadeAgainUnderItsNameAndAnsweredOnce) {
  for (const Profile profile : {Profile::kIdeal, Profile::kDdr, Profile::kPcie, Profile::kHostile}) {
    use(profile);
    got_reads.clear();
    asked.clear();
    slow_until = now + 1000;
    for (unsigned i = 0; i < 4; ++i) memory.write64(kSlow + 8 * i, 10 + i);
    queue_read(kSlow, 3, 4);
    run_until_idle();
    ASSERT_EQ(got_reads.size(), 4U) << name(profile);
    for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(got_reads[i].data, 10U + i);
    EXPECT_GT(got_reads[0].cycle, slow_until);
    ASSERT_EQ(asked.size(), 4U);
    std::set<std::uint64_t> names;
    for (const auto& [address, accesses] : asked) {
      EXPECT_GT(accesses.size(), 100U);
      names.insert(accesses.begin(), accesses.end());
    }
    EXPECT_EQ(names.size(), 4U);
  }
}

TEST_F(MemoryPortTest, PendingReadsOfOneAddressKeepTheirNamesWhenOthersGo) {
  use(Profile::kDdr);
  slow_until = now + 2000;
  for (std::uint8_t id = 1; id <= 3; ++id) {
    queue_read(0x1000 * id, id);
    queue_read(kSlow, id);
  }
  run_until_idle();
  const std::set<std::uint64_t> names(asked[kSlow].begin(), asked[kSlow].end());
  EXPECT_EQ(names.size(), 3U);
}

TEST_F(MemoryPortTest, APendingWriteIsAcknowledgedWhenItIsDone) {
  for (const Profile profile : {Profile::kIdeal, Profile::kDdr, Profile::kHostile}) {
    use(profile);
    got_writes.clear();
    performed.clear();
    slow_until = now + 1000;
    queue_write(kSlow, 77, 1);
    queue_write(kSlow + 0x1000, 78, 2);
    run_until_idle();
    cycle();  // the last answer may still be on the pins
    EXPECT_EQ(memory.read64(kSlow), 77U);
    ASSERT_EQ(performed.size(), 2U) << name(profile);
    ASSERT_EQ(got_writes.size(), 2U) << name(profile);
    for (const Answer& answer : got_writes) EXPECT_GT(answer.cycle, slow_until) << name(profile);
  }
}

TEST_F(MemoryPortTest, APendingReadHoldsNothingElseUpWhereAnswersMayPassEachOther) {
  use(Profile::kDdr);
  slow_until = now + 5000;
  queue_read(kSlow, 1);
  queue_read(0x1000, 2);
  run_until_idle();
  ASSERT_EQ(got_reads.size(), 2U);
  EXPECT_EQ(got_reads[0].id, 2U);
  EXPECT_LT(got_reads[0].cycle, slow_until);
}

TEST_F(MemoryPortTest, SameSeedSameCycles) {
  std::vector<std::uint64_t> runs[2];
  for (auto& run : runs) {
    use(Profile::kHostile, 20, 77);
    pins = AxiPins{};
    got_reads.clear();
    now = 1000;
    for (unsigned i = 0; i < 100; ++i) queue_read(0x1000 * i, static_cast<std::uint8_t>(i % 16), 4);
    run_until_idle();
    for (const Answer& answer : got_reads) run.push_back(answer.cycle);
  }
  EXPECT_EQ(runs[0], runs[1]);
}

}  // namespace
}  // namespace aperture::tb
