// SPDX-License-Identifier: Apache-2.0
// When waves are written.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "bench/iommu_setup.hpp"
#include "support/seed.hpp"

namespace aperture::test {
namespace {

using tb::Bench;
using tb::BusEvent;
using tb::Channel;
using tb::Port;
using tb::WaveTrigger;

/// First and last time in an FST file; zero if it was not ended properly.
std::pair<std::uint64_t, std::uint64_t> times_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::array<unsigned char, 25> head{};
  in.read(reinterpret_cast<char*>(head.data()), head.size());
  const auto number = [&](std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = at; i < at + 8; ++i) value = value << 8 | head[i];
    return value;
  };
  return {number(9), number(17)};
}
std::uint64_t end_of(const std::filesystem::path& file) { return times_of(file).second; }

tb::Options options() {
  tb::Options o;
  o.seed = seed();
  return o;
}

class WavesTest : public ::testing::Test {
 protected:
  void TearDown() override {
    bench.close_waves();
    std::filesystem::remove(file);
  }
  /// Power-on with a window of 20 cycles from this trigger on.
  void wait_for(const WaveTrigger& trigger, std::uint64_t from = 0) {
    tb::Options o = options();
    o.wave = file;
    o.wave_from = from;
    o.wave_cycles = kWindow;
    o.wave_trigger = trigger;
    o.straps.fctl = static_cast<std::uint8_t>(regs::iommu::fctl_f::wsi.mask());
    bench.power_on(o);
    bench.log().enable(true);
  }
  void expect_window_from(std::uint64_t cycle) {
    bench.run(2 * kWindow);
    ASSERT_TRUE(std::filesystem::exists(file));
    EXPECT_EQ(times_of(file).first, 10 * cycle);
    EXPECT_EQ(times_of(file).second / 10, cycle + kWindow - 1);
  }
  /// Cycle in which the last register write was complete.
  std::uint64_t last_write() {
    return std::max(bench.log().events(Port::kMmio, Channel::kAw).back().accepted,
                    bench.log().events(Port::kMmio, Channel::kW).back().accepted);
  }
  void write64(std::uint64_t offset) { bench.card().mmio().write64(card::Bar::kIommu, offset, 0); }
  void write32(std::uint64_t offset) { bench.card().mmio().write32(card::Bar::kIommu, offset, 0); }

  static constexpr std::uint64_t kWindow = 20;
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("aperture_waves_" + std::to_string(::getpid()) + ".fst");
  Bench& bench = Bench::start(options());
};

TEST_F(WavesTest, WindowOnRequest) {
  ASSERT_TRUE(bench.open_waves(file));
  bench.run(100);
  bench.close_waves();
  EXPECT_GE(end_of(file), 990U);
}

TEST_F(WavesTest, WindowStatedInAdvance) {
  tb::Options o = options();
  o.wave = file;
  o.wave_from = 50;
  o.wave_cycles = 20;
  const std::uint64_t start = bench.cycle();
  bench.power_on(o);
  bench.run(200);
  EXPECT_GE(end_of(file), 10 * (start + 69));
  EXPECT_LT(end_of(file), 10 * (start + 71));
}

/// A device without a context: each access is one fault record.
void fault(Bench& bench) {
  EXPECT_EQ(bench.device().read({.device_id = 7}, 0x7000, 8).resp, tb::Resp::kSlverr);
  bench.settle();
}

TEST_F(WavesTest, FaultTriggerStartsThemAtTheFirstFaultRecord) {
  wait_for({WaveTrigger::Kind::kFault});
  Iommu iommu(bench);
  start(iommu);
  // Walks, commands and completion stores are no fault records.
  ASSERT_TRUE(iommu.run(iofence({.address = iommu.frame(), .data = 1})));
  EXPECT_FALSE(std::filesystem::exists(file));
  bench.log().clear();
  fault(bench);
  fault(bench);
  const auto records = bench.log().events(Port::kIommu, Channel::kAw);
  ASSERT_EQ(records.size(), 2U);
  expect_window_from(records[0].accepted);
}

TEST_F(WavesTest, NoTriggerCountsBeforeTheEarliestCycle) {
  const std::uint64_t on = bench.cycle();
  wait_for({WaveTrigger::Kind::kFault}, 5000);
  Iommu iommu(bench);
  start(iommu);
  fault(bench);
  ASSERT_LT(bench.cycle(), on + 5000);
  bench.run(5000);
  EXPECT_FALSE(std::filesystem::exists(file));
  bench.log().clear();
  fault(bench);
  expect_window_from(bench.log().events(Port::kIommu, Channel::kAw).at(0).accepted);
}

TEST_F(WavesTest, WriteTriggerStartsThemAtThatRegister) {
  wait_for({WaveTrigger::Kind::kWrite, 0x14});
  write32(0x10);
  write32(0x18);
  bench.card().mmio().read64(card::Bar::kIommu, 0x10);
  EXPECT_FALSE(std::filesystem::exists(file));
  write32(0x14);
  expect_window_from(last_write());
}

TEST_F(WavesTest, WriteTriggerSeesTheRegisterInAWiderWrite) {
  wait_for({WaveTrigger::Kind::kWrite, 0x14});
  write64(0x10);
  expect_window_from(last_write());
}

TEST_F(WavesTest, WriteTriggerReachesBar2) {
  wait_for({WaveTrigger::Kind::kWrite, 0x10000 + static_cast<std::uint32_t>(regs::card::irq_enable.offset)});
  write32(regs::card::irq_enable.offset);
  EXPECT_FALSE(std::filesystem::exists(file));
  bench.card().mmio().write32(card::Bar::kCard, regs::card::irq_enable.offset, 0);
  expect_window_from(last_write());
}

TEST_F(WavesTest, FileThatCannotBeWrittenIsReported) {
  EXPECT_NONFATAL_FAILURE(bench.open_waves("/nonexistent/waves.fst"), "cannot be written");
}

TEST_F(WavesTest, Sigusr1TogglesThem) {
  tb::Options o = options();
  o.wave = file;
  o.wave_from = ~std::uint64_t{0};
  bench.power_on(o);
  std::filesystem::path numbered = file;
  numbered.replace_filename(file.stem().string() + ".1.fst");
  std::raise(SIGUSR1);
  bench.run(50);
  std::raise(SIGUSR1);
  bench.run(50);
  EXPECT_GT(end_of(numbered), 0U);
  std::filesystem::remove(numbered);
}

TEST_F(WavesTest, InterruptEndsTheFileThenTheProgram) {
  const auto interrupted = [&] {
    bench.open_waves(file);
    bench.run(100);
    std::raise(SIGINT);
    bench.run(100);
  };
  EXPECT_EXIT(interrupted(), ::testing::KilledBySignal(SIGINT), "");
  EXPECT_GT(end_of(file), 0U);
}

}  // namespace
}  // namespace aperture::test
