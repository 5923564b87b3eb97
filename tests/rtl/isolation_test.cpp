// SPDX-License-Identifier: Apache-2.0
// Isolation of a port (docs/microarchitecture.md), by iommu_top alone, so that either port can be the one that
// misbehaves: on the card, port 0 is the DMA block, which behaves.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "rtl/support/iommu_bench.hpp"
#include "support/seed.hpp"

namespace aperture::test {
namespace {

using tb::Channel;
using tb::Completion;
using tb::Resp;
using tb::Ticket;

constexpr std::uint32_t kTimeout = 300;
/// More than anything takes once a port was isolated.
constexpr unsigned kLimit = 20 * kTimeout;
constexpr std::uint64_t kDirectory = 0x10'0000, kCommands = 0x11'0000, kTables = 0x12'0000;
/// What each device sees at kIova is one leaf of 1 GiB of its own.
constexpr std::uint64_t kIova = 0x4000'0000, kUnmapped = 0x1'0000'0000;
constexpr std::uint64_t home(unsigned p) { return 0x8000'0000 + 0x4000'0000 * p; }
constexpr std::uint32_t device_id(unsigned p) { return 3 + p; }

std::vector<std::byte> pattern(std::size_t size, unsigned salt) {
  std::vector<std::byte> data(size);
  for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::byte>(i * 7 + salt);
  return data;
}

/// The parameter is the port that misbehaves.
class HostilePort : public ::testing::TestWithParam<unsigned> {
 protected:
  HostilePort() {
    namespace e = regs::pte::e;
    namespace r = regs::iommu;
    for (unsigned p = 0; p < IommuBench::kPorts; ++p) {
      const std::uint64_t table = kTables + 0x1000 * p;
      const std::uint64_t leaf = e::v.mask() | e::r.mask() | e::w.mask() | e::u.mask() | e::a.mask() | e::d.mask();
      bench.memory.write64(table + regs::pte::kSize * (kIova >> 30), e::ppn.set(leaf, home(p) >> 12));
      const std::uint64_t dc = kDirectory + regs::dc::kSize * device_id(p);
      namespace fsc = regs::dc::fsc;
      bench.memory.write64(dc + 8 * regs::dc::tc::kWord, regs::dc::tc::v.mask());
      bench.memory.write64(dc + 8 * regs::dc::ta::kWord, regs::dc::ta::pscid.set(0, p));
      bench.memory.write64(dc + 8 * fsc::kWord,
                           fsc::mode.set(fsc::ppn.set(0, table >> 12), std::to_underlying(regs::SatpMode::kSv39)));
    }
    bench.write(r::cqb, r::cqb_f::ppn.set(r::cqb_f::log2szm1.set(0, 5), kCommands >> 12));
    bench.write(r::cqcsr, r::cqcsr_f::cqen.mask());
    bench.write(r::ddtp, r::ddtp_f::ppn.set(r::ddtp_f::iommu_mode.set(0, std::to_underlying(regs::IommuMode::k1lvl)),
                                            kDirectory >> 12));
    EXPECT_TRUE(bench.run_until(
        [&] { return bench.read(r::cqcsr) == (r::cqcsr_f::cqen.mask() | r::cqcsr_f::cqon.mask()); }, kLimit));
    EXPECT_TRUE(bench.run_until([&] { return r::ddtp_f::busy.get(bench.read(r::ddtp)) == 0; }, kLimit));
  }
  void TearDown() override {
    for (const std::string& v : bench.violations()) ADD_FAILURE() << v;
    if (HasFailure()) std::printf("seed %llu reproduces this\n", static_cast<unsigned long long>(seed()));
  }

  Ticket submit(unsigned p, bool write, std::uint64_t iova, std::uint64_t beats = 1, unsigned id = 0,
                unsigned salt = 0) {
    tb::DeviceBurst burst;
    burst.write = write;
    burst.who.device_id = device_id(p);
    burst.id = static_cast<std::uint8_t>(id);
    burst.address = iova;
    burst.beats = static_cast<unsigned>(beats);
    if (write) burst.data = pattern(beats * IommuBench::kBytes, salt);
    return bench.port(p).submit(std::move(burst), bench.cycle());
  }
  /// The completion; not done if it did not come in time.
  Completion wait(unsigned p, Ticket ticket) {
    bench.run_until([&] { return bench.port(p).at(ticket).done; }, kLimit);
    return bench.port(p).take(ticket);
  }
  void hold(Channel channel, bool on) { bench.port(hostile).hold(channel, on); }

  /// Bursts of the port, one after the other, of bytes that differ each time, are written and read back.
  void expect_served(unsigned p, std::uint64_t offset, unsigned id) {
    for (unsigned i = 0; i < 8; ++i) {
      const unsigned beats = 1 + i;
      const std::vector<std::byte> data = pattern(beats * IommuBench::kBytes, ++salt);
      const Completion written = wait(p, submit(p, true, kIova + offset, beats, id, salt));
      ASSERT_TRUE(written.done) << "port " << p << " hangs in write " << i;
      EXPECT_EQ(written.resp, Resp::kOkay);
      const Completion back = wait(p, submit(p, false, kIova + offset, beats, id));
      ASSERT_TRUE(back.done) << "port " << p << " hangs in read " << i;
      EXPECT_EQ(back.resp, Resp::kOkay);
      EXPECT_EQ(back.data, data);
      EXPECT_EQ(in_memory(home(p) + offset, data.size()), data);
    }
  }
  std::vector<std::byte> in_memory(std::uint64_t address, std::size_t size) const {
    std::vector<std::byte> data(size);
    bench.memory.read(address, data);
    return data;
  }
  /// IOFENCE.C that waits for reads and writes.
  void submit_fence() {
    namespace w0 = regs::cmd::w0;
    std::uint64_t word = w0::opcode.set(0, std::to_underlying(regs::Opcode::kIofence));
    word =
        w0::func3.set(word, std::to_underlying(regs::Func3::kIofenceC)) | w0::iofence_pr.mask() | w0::iofence_pw.mask();
    bench.memory.write64(kCommands + regs::cmd::kSize * fences, word);
    bench.write(regs::iommu::cqt, ++fences);
  }
  bool fence_done() {
    return bench.run_until([&] { return bench.read(regs::iommu::cqh) == fences; }, kLimit);
  }

  /// While the port misbehaves, a fence and the other port get through, and only the one at fault is isolated.
  void expect_the_others_go_on() {
    bench.tick(50);
    submit_fence();
    expect_served(good, 0x1000, 5);
    EXPECT_TRUE(fence_done()) << "the fence hangs";
    EXPECT_EQ(bench.isolated(), 1U << hostile);
  }
  /// The port behaves again: refused while isolated, served as ever once software has cleared that.
  void expect_refusal_until_cleared() {
    EXPECT_EQ(wait(hostile, submit(hostile, false, kIova, 1, 9)).resp, Resp::kSlverr);
    EXPECT_EQ(wait(hostile, submit(hostile, true, kIova, 1, 9)).resp, Resp::kSlverr);
    EXPECT_EQ(bench.isolated(), 1U << hostile) << "isolation is sticky";
    bench.clear_isolation(good);
    EXPECT_EQ(bench.isolated(), 1U << hostile) << "cleared by the other port's bit";
    bench.clear_isolation(hostile);
    EXPECT_EQ(bench.isolated(), 0U);
    expect_served(hostile, 0x2000, 10);
    expect_served(good, 0x2000, 5);
    EXPECT_EQ(bench.isolated(), 0U);
    EXPECT_TRUE(bench.run_until([&] { return bench.idle(); }, kLimit)) << "something of the isolated port is left";
  }
  void expect_nothing_written(std::uint64_t offset) {
    EXPECT_EQ(in_memory(home(hostile) + offset, 64), std::vector<std::byte>(64));
  }

  const unsigned hostile = GetParam(), good = 1 - hostile;
  IommuBench bench{seed(), kTimeout};
  unsigned salt = 0;
  std::uint64_t fences = 0;
};

TEST_P(HostilePort, ThatWithholdsWriteData) {
  hold(Channel::kW, true);
  submit(hostile, true, kIova + 0x100, 8);
  expect_the_others_go_on();
  // Nothing was written in its name, nor is what comes too late.
  hold(Channel::kW, false);
  bench.tick(100);
  expect_nothing_written(0x100);
  expect_refusal_until_cleared();
}

TEST_P(HostilePort, ThatStopsInTheMiddleOfItsWriteData) {
  const Ticket ticket = submit(hostile, true, kIova + 0x100, 64, 0, 1);
  ASSERT_TRUE(bench.run_until([&] { return bench.port(hostile).at(ticket).taken; }, kLimit));
  bench.tick(10);
  hold(Channel::kW, true);
  expect_the_others_go_on();
  hold(Channel::kW, false);
  bench.tick(100);
  // What it gave is there, what it did not give is not.
  const std::vector<std::byte> given = pattern(64 * IommuBench::kBytes, 1),
                               found = in_memory(home(hostile) + 0x100, given.size());
  EXPECT_TRUE(std::equal(given.begin(), given.begin() + 8, found.begin()));
  EXPECT_TRUE(std::all_of(found.end() - 8, found.end(), [](std::byte b) { return b == std::byte{0}; }));
  expect_refusal_until_cleared();
}

TEST_P(HostilePort, ThatWithholdsTheDataOfARefusedWrite) {
  hold(Channel::kW, true);
  submit(hostile, true, kUnmapped, 8);
  submit(hostile, true, kIova + 0x100, 8);
  expect_the_others_go_on();
  hold(Channel::kW, false);
  bench.tick(100);
  expect_nothing_written(0x100);
  expect_refusal_until_cleared();
}

TEST_P(HostilePort, ThatTakesNoReadData) {
  hold(Channel::kR, true);
  for (unsigned id = 0; id < 4; ++id) submit(hostile, false, kIova + 0x100 * id, 8, id);
  expect_the_others_go_on();
  hold(Channel::kR, false);
  expect_refusal_until_cleared();
}

TEST_P(HostilePort, ThatTakesNoErrorAnswers) {
  hold(Channel::kR, true);
  hold(Channel::kB, true);
  for (unsigned id = 0; id < 4; ++id) submit(hostile, id % 2 != 0, kUnmapped, 8, id);
  expect_the_others_go_on();
  hold(Channel::kR, false);
  hold(Channel::kB, false);
  expect_refusal_until_cleared();
}

TEST_P(HostilePort, ThatTakesNoWriteAnswer) {
  hold(Channel::kB, true);
  for (unsigned id = 0; id < 4; ++id) submit(hostile, true, kIova + 0x100 * id, 8, id);
  expect_the_others_go_on();
  hold(Channel::kB, false);
  expect_refusal_until_cleared();
}

TEST_P(HostilePort, IsNotIsolatedForBeingSlow) {
  for (const Channel channel : {Channel::kR, Channel::kW, Channel::kB}) {
    hold(channel, true);
    const Ticket ticket = submit(hostile, channel != Channel::kR, kIova, 8);
    bench.tick(kTimeout - 100);
    EXPECT_FALSE(bench.port(hostile).at(ticket).done);
    hold(channel, false);
    EXPECT_EQ(wait(hostile, ticket).resp, Resp::kOkay);
  }
  EXPECT_EQ(bench.isolated(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Of, HostilePort, ::testing::Values(0U, 1U),
                         [](const auto& info) { return info.param == 0 ? "Dma" : "Device"; });

}  // namespace
}  // namespace aperture::test
