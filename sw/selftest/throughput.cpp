// SPDX-License-Identifier: Apache-2.0
// Step "throughput": figures, no limits: what is fast enough depends on the board's memory and link.
#include <fmt/format.h>

#include <vector>

#include "card/wait.hpp"
#include "selftest/checks.hpp"
#include "selftest/step.hpp"
#include "selftest/tree.hpp"

namespace aperture::sw::selftest {
namespace {

constexpr std::uint32_t kDevice = 0x1b;
constexpr std::uint64_t kSize = 64 * 1024;
constexpr std::uint64_t kIova = 0x6000'0000;
constexpr std::uint64_t kSeed = 77;

/// Two decimals are what there is to say.
double rounded(double value) { return static_cast<double>(static_cast<std::uint64_t>(value * 100 + 0.5)) / 100; }

void figure(Bench& bench, Verdict& verdict, const char* what, std::uint64_t bytes, std::uint64_t cycles) {
  if (cycles == 0) {
    verdict.fail(fmt::format("{}: it takes time", what), "0 cycles", "the channels' cycle counters");
    return;
  }
  const double rate = static_cast<double>(bytes) / static_cast<double>(cycles);
  verdict.fact(fmt::format("{}_bytes_per_cycle", what), rounded(rate));
  verdict.fact(fmt::format("{}_MB_per_s", what), rounded(rate * static_cast<double>(bench.identity().clock_hz) / 1e6));
}

void ok(World& world, Verdict& verdict, const char* what, const dma::Completion& done) {
  if (!done.ok()) verdict.fail(fmt::format("{} of {} bytes ends ok", what, kSize), outcome(world, done));
}

}  // namespace

void test_throughput(Bench& bench, Verdict& verdict) {
  World world(bench);
  const Words& source = world.words(kSize);
  const Words& target = world.words(kSize);
  std::uint64_t from = source.address();
  std::uint64_t to = target.address();
  Context context;
  std::unique_ptr<Tree> tree;
  if (const Format* format = first_stage(bench); format != nullptr) {
    tree = std::make_unique<Tree>(world, *format);
    for (std::uint64_t offset = 0; offset < kSize; offset += kPageSize) {
      tree->map(kIova + offset, source.address() + offset);
      tree->map(kIova + kSize + offset, target.address() + offset);
    }
    from = kIova;
    to = kIova + kSize;
    context.fsc = tree->pointer();
    verdict.fact("translated_by", format->name);
  }
  world.context(kDevice, context);
  dma::Channel& channel = world.channel({.device_id = kDevice});
  const dma::Completion write = must(channel.generate(Iova{from}, kSize, kSeed));
  ok(world, verdict, "write", write);
  const dma::Completion read = must(channel.crc(Iova{from}, kSize));
  ok(world, verdict, "read", read);
  const dma::Completion copy = must(channel.copy(Iova{from}, Iova{to}, kSize));
  ok(world, verdict, "copy", copy);
  figure(bench, verdict, "write", kSize, write.cycles);
  figure(bench, verdict, "read", kSize, read.cycles);
  figure(bench, verdict, "copy", kSize, copy.cycles);
  if (const std::string wrong = difference(target.bytes(), kSeed); !wrong.empty())
    verdict.fail("the copy is what was written", wrong);

  std::vector<std::pair<dma::Channel*, dma::Ticket>> running;
  const std::uint64_t first = card::cycles(bench.card());
  for (unsigned i = 0; i < bench.identity().channels; ++i) {
    dma::Channel& one = world.channel({.device_id = kDevice}, i);
    running.emplace_back(&one, must(one.submit({.op = regs::DmaOp::kCrc, .source = Iova{from}, .length = kSize})));
  }
  for (const auto& [one, ticket] : running) ok(world, verdict, "read", must(one->wait(ticket, Bench::kCycles)));
  figure(bench, verdict, "read_by_all_channels", kSize * running.size(), card::cycles(bench.card()) - first);
}

}  // namespace aperture::sw::selftest
