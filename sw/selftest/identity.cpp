// SPDX-License-Identifier: Apache-2.0
// Steps "identity" and "clock": is it the card, does it answer, does its clock run.
#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <thread>

#include "ioas/text.hpp"
#include "selftest/step.hpp"

namespace aperture::sw::selftest {
namespace {

constexpr std::uint32_t kId = 0x5254'5041;
constexpr std::uint64_t kOnes = ~std::uint64_t{0};

constexpr const char* kCheckLink =
    "the link and the memory enable: `lspci -vv` has to show the width and speed of the slot in LnkSta and `Mem+` in "
    "Control; a board without power and an FPGA that is not configured look the same; after configuring it, rescan the "
    "bus (echo 1 > /sys/bus/pci/rescan)";
constexpr const char* kCheckDecode =
    "the address decode: does the PCIe core send BAR 2 to the card's register page, and is that BAR as large as the "
    "card wants; a card that is held in reset, or whose clock does not run, may look the same";

/// All that can be wrong with the identity register.
bool identified(std::uint32_t id, Verdict& verdict) {
  if (id == kId) return true;
  const std::string expected = fmt::format("register `id` (BAR 2, offset 0) reads {:#010x}", kId);
  const std::string found = fmt::format("{:#010x}", id);
  if (id == 0xffff'ffff) return verdict.fail(expected, found + ", all ones", kCheckLink);
  if (id == 0) return verdict.fail(expected, found + ", all zeros", kCheckDecode);
  if (id == std::byteswap(kId))
    return verdict.fail(expected, found + ", its bytes swapped",
                        "the byte order between PCIe core and register bus: registers are little-endian, byte lane 0 "
                        "is the lowest address");
  return verdict.fail(expected, found + ", a wrong id",
                      "the bitstream: another design answers at this address; configure the FPGA with this card's, or "
                      "see whether BAR 2 is the right one");
}

/// The IOMMU's page lies in another BAR.
bool iommu_answers(Bench& bench, Verdict& verdict) {
  const std::uint64_t capabilities = bench.read(regs::iommu::capabilities);
  const std::uint64_t version = regs::iommu::capabilities_f::version.get(capabilities);
  if (version == 0x10 && capabilities != kOnes) {
    const std::uint64_t width = regs::iommu::capabilities_f::pas.get(capabilities);
    return (width >= 12 && width <= 56) ||
           verdict.fail("capabilities.PAS is 12 to 56", fmt::format("{}, in {}", width, ioas::hex(capabilities)),
                        "whether 64-bit reads of BAR 0 lose a half: PAS is in the upper one");
  }
  const std::string expected = "register `capabilities` (BAR 0, offset 0) has version 0x10";
  const std::string found = ioas::hex(capabilities);
  if (capabilities == kOnes) return verdict.fail(expected, found + ", all ones", kCheckLink);
  if (capabilities == 0)
    return verdict.fail(expected, found + ", all zeros",
                        "the address decode: does the PCIe core send BAR 0 to the IOMMU's register page (`lspci -v` "
                        "lists the BARs)");
  return verdict.fail(expected, found, "the bitstream: an IOMMU of another version, or BAR 0 leads to something else");
}

void parameters_make_sense(const card::Identity& who, Verdict& verdict) {
  auto hold = [&](const char* name, std::uint64_t value, bool ok, const char* range) {
    if (!ok)
      verdict.fail(fmt::format("parameters.{} is {}", name, range), fmt::format("{}", value),
                   "a bitstream built with parameters that the RTL does not have, or 64-bit reads that lose a half");
  };
  hold("data_width", who.data_width, std::has_single_bit(who.data_width) && who.data_width >= 64, "64 or more");
  hold("channels", who.channels, who.channels >= 1 && who.channels <= 8, "1 to 8");
  hold("vectors", who.vectors, who.vectors >= who.channels && who.vectors <= 32, "at least one a channel, at most 32");
  hold("clock_hz", who.clock_hz, who.clock_hz >= 1'000'000 && who.clock_hz <= 2'000'000'000, "1 MHz to 2 GHz");
}

}  // namespace

void test_identity(Bench& bench, Verdict& verdict) {
  if (!identified(static_cast<std::uint32_t>(bench.read(regs::card::id)), verdict)) return;
  if (!iommu_answers(bench, verdict)) return;
  bench.identify();
  const card::Identity& who = bench.identity();
  parameters_make_sense(who, verdict);
  verdict.fact("build", fmt::format("{:016x}", who.build));
  verdict.fact("layout", fmt::format("{}.{}", who.major, who.minor));
  verdict.fact("data_width", who.data_width);
  verdict.fact("channels", who.channels);
  verdict.fact("capabilities", ioas::hex(bench.capabilities()));
  verdict.fact("card", bench.card().description());
}

void test_clock(Bench& bench, Verdict& verdict) {
  using Clock = std::chrono::steady_clock;
  // Whether this card's time is the world's shows in a pause without work: it passes for the card too, or its clock
  // stands, as it may while nobody wants anything of it.
  constexpr auto kPause = std::chrono::milliseconds(20);
  constexpr double kStanding = 0.001;
  constexpr double kTolerance = 0.05;
  constexpr int kTries = 5;  // the host may be doing something else between a read and a look at its own clock
  const char* check = "the card's clock: is the reference clock there, is its PLL locked, is the right output used";
  const auto nominal = static_cast<double>(bench.identity().clock_hz);
  double measured = 0;
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t first = bench.read(regs::card::cycle);
    const auto begin = Clock::now();
    std::this_thread::sleep_for(kPause);
    const std::uint64_t last = bench.read(regs::card::cycle);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    const std::uint64_t next = bench.read(regs::card::cycle);
    if (last <= first || next <= last) {
      verdict.fail("CYCLE rises from read to read", fmt::format("{}, {}, {}", first, last, next), check);
      return;
    }
    const double found = static_cast<double>(last - first) / seconds;
    if (std::abs(found - nominal) < std::abs(measured - nominal)) measured = found;
    if (std::abs(measured - nominal) < nominal * kTolerance) break;
  }
  verdict.fact("clock_hz", bench.identity().clock_hz);
  if (measured < nominal * kStanding) {
    verdict.skip("the card's clock stands while it has nothing to do: its frequency means nothing");
    return;
  }
  verdict.fact("measured_hz", static_cast<std::uint64_t>(measured));
  if (measured < nominal * (1 - kTolerance) || measured > nominal * (1 + kTolerance))
    verdict.fail(fmt::format("CYCLE runs at CLOCK_HZ, {:.1f} MHz, within 5 %", nominal / 1e6),
                 fmt::format("{:.1f} MHz", measured / 1e6), check);
}

}  // namespace aperture::sw::selftest
