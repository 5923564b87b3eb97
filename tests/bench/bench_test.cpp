// SPDX-License-Identifier: Apache-2.0
// The whole bench around the card, at the facade that other tests use.
#include "tb/bench.hpp"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "bench/print.hpp"
#include "regs/registers.hpp"
#include "support/seed.hpp"

namespace aperture::tb {
namespace {

Options options(Profile profile, unsigned width = 64) {
  Options o;
  o.profile = profile;
  o.width = width;
  o.seed = test::seed();
  return o;
}

Straps bare() {
  Straps straps;
  straps.reset_bare = true;
  return straps;
}

std::uint32_t read_id(Bench& bench) { return bench.card().mmio().read32(card::Bar::kCard, regs::card::id.offset); }
std::uint64_t read_cycle(Bench& bench) {
  return bench.card().mmio().read64(card::Bar::kCard, regs::card::cycle.offset);
}

constexpr std::uint32_t kId = 0x52545041;

class EveryCard : public ::testing::TestWithParam<std::tuple<Profile, unsigned>> {
 protected:
  Bench& bench = Bench::start(options(std::get<0>(GetParam()), std::get<1>(GetParam())));
};

TEST_P(EveryCard, AnswersWithItsIdentity) { EXPECT_EQ(read_id(bench), kId); }

TEST_P(EveryCard, ReachesMemoryThroughTheDevicePort) {
  bench.reset(bare());
  std::vector<std::byte> data(100);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 7 + 1);
  EXPECT_EQ(bench.device().write({.device_id = 5}, 0x10003, data).resp, Resp::kOkay);
  // A posted write is seen once what follows it on the link is.
  read_id(bench);
  std::vector<std::byte> seen(data.size());
  bench.memory().read(0x10003, seen);
  EXPECT_EQ(seen, data);
  const Completion back = bench.device().read({.device_id = 5}, 0x10003, data.size());
  EXPECT_EQ(back.resp, Resp::kOkay);
  EXPECT_EQ(back.data, data);
}

TEST_P(EveryCard, RepeatsItselfToTheCycle) {
  const auto run = [&] {
    bench.power_on(bench.options());
    bench.reset(bare());
    const std::uint64_t start = bench.cycle();
    for (unsigned i = 0; i < 20; ++i) {
      bench.device().submit(bench.device().make({.device_id = i}, 0x1000 * i, 64, static_cast<std::uint8_t>(i % 16)));
    }
    bench.settle();
    read_id(bench);
    return bench.cycle() - start;
  };
  const std::uint64_t cycles = run();
  // Whatever the cycle that it starts in.
  for (unsigned i = 1; i <= 8; ++i) {
    bench.run(97);
    EXPECT_EQ(run(), cycles) << "run " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Profiles, EveryCard,
                         ::testing::Combine(::testing::Values(Profile::kIdeal, Profile::kDdr, Profile::kPcie,
                                                              Profile::kHostile),
                                            ::testing::Values(64U, 128U)),
                         [](const auto& info) {
                           return std::string(name(std::get<0>(info.param))) + std::to_string(std::get<1>(info.param));
                         });

TEST(Bench, ClockStandsWhileNothingIsToDo) {
  Bench& bench = Bench::start(options(Profile::kIdeal));
  bench.settle();
  const std::uint64_t before = bench.cycle();
  EXPECT_EQ(bench.settle(), Outcome::kIdle);
  EXPECT_EQ(bench.cycle(), before);
}

TEST(Bench, CycleCountsOnlyClocksThatRan) {
  Bench& bench = Bench::start(options(Profile::kIdeal));
  const std::uint64_t card_before = read_cycle(bench);
  const std::uint64_t before = bench.cycle();
  bench.settle();
  bench.run(1000);
  const std::uint64_t card_after = read_cycle(bench);
  EXPECT_EQ(card_after - card_before, bench.cycle() - before);
}

TEST(Bench, RunsExactlyTheCyclesAskedFor) {
  Bench& bench = Bench::start(options(Profile::kIdeal));
  const std::uint64_t before = bench.cycle();
  bench.run(17);
  EXPECT_EQ(bench.cycle(), before + 17);
}

TEST(Bench, RegisterAccessOutsideOfTheBarIsAProgrammerError) {
  Bench& bench = Bench::start(options(Profile::kIdeal));
  EXPECT_THROW(bench.card().mmio().read64(card::Bar::kIommu, 4), std::out_of_range);
  EXPECT_THROW(bench.card().mmio().read32(card::Bar::kCard, 0x10000), std::out_of_range);
}

TEST(Bench, InterruptWaitEndsWhenTheCardIsIdle) {
  Bench& bench = Bench::start(options(Profile::kIdeal));
  EXPECT_EQ(bench.card().interrupts().wait(~std::uint64_t{0}, 1'000'000), 0U);
}

TEST(Bench, ThreadsShareTheCardAndSimulatedTime) {
  Bench& bench = Bench::start(options(Profile::kIdeal));
  unsigned good = 0;
  const auto job = [&] {
    for (int i = 0; i < 10; ++i) good += read_id(bench) == kId;
  };
  bench.run_threads({job, job, job, job});
  EXPECT_EQ(good, 40U);
}

TEST(Bench, ExceptionOfAThreadArrivesAtTheCaller) {
  Bench& bench = Bench::start(options(Profile::kIdeal));
  EXPECT_THROW(bench.run_threads({[] { throw std::runtime_error("thrown on purpose"); }}), std::runtime_error);
  EXPECT_EQ(read_id(bench), kId);
}

TEST(Bench, ReportsABurstThatCrosses4KiB) {
  Bench& bench = Bench::start(options(Profile::kIdeal));
  const auto cross = [&] {
    DeviceBurst burst;
    burst.address = 0x1ff8;
    burst.beats = 2;
    bench.device().submit(burst);
    bench.run(50);
  };
  EXPECT_NONFATAL_FAILURE(cross(), "4 KiB boundary");
  bench.power_on(bench.options());
}

TEST(Bench, HeldReadDataWaits) {
  Bench& bench = Bench::start(options(Profile::kIdeal));
  bench.reset(bare());
  bench.device().hold(Channel::kR, true);
  const Ticket ticket = bench.device().submit(bench.device().make({}, 0x1000, 8));
  bench.run(200);
  EXPECT_FALSE(bench.device().at(ticket).done);
  bench.device().hold(Channel::kR, false);
  EXPECT_TRUE(bench.device().wait(ticket).done);
}

TEST(Bench, LogMeasuresMemoryLatencyAtThePins) {
  for (const unsigned latency : {1U, 20U, 100U}) {
    Options o = options(Profile::kIdeal);
    o.latency = latency;
    Bench& bench = Bench::start(o);
    bench.reset(bare());
    bench.log().enable(true);
    EXPECT_EQ(bench.device().read({}, 0x1000, 8).resp, Resp::kOkay);
    const auto requests = bench.log().events(Port::kData, Channel::kAr);
    const auto answers = bench.log().events(Port::kData, Channel::kR);
    ASSERT_EQ(requests.size(), 1U);
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(answers[0].offered - requests[0].accepted, latency);
  }
}

TEST(Bench, ErrorOfMemoryReachesTheDevice) {
  Bench& bench = Bench::start(options(Profile::kIdeal));
  bench.reset(bare());
  bench.memory().fault(0x2000, 8, MemoryFault::kError);
  EXPECT_EQ(bench.device().read({}, 0x2000, 8).resp, Resp::kSlverr);
  EXPECT_EQ(bench.device().read({}, 0x2008, 8).resp, Resp::kOkay);
}

TEST(Bench, ResetTakesMemoryFaultsBack) {
  Bench& bench = Bench::start(options(Profile::kIdeal));
  bench.memory().fault(0x2000, 8, MemoryFault::kError);
  bench.reset(bare());
  EXPECT_EQ(bench.device().read({}, 0x2000, 8).resp, Resp::kOkay);
}

TEST(Bench, HistoryShowsTheLastAccess) {
  Bench& bench = Bench::start(options(Profile::kIdeal));
  read_id(bench);
  const std::string text = bench.history();
  EXPECT_NE(text.find("s_axil"), std::string::npos);
  EXPECT_NE(text.find("addr 0x0000000000010000"), std::string::npos) << text;
}

}  // namespace
}  // namespace aperture::tb
