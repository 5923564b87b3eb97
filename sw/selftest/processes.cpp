// SPDX-License-Identifier: Apache-2.0
// Steps "pd8", "pd17" and "pd20": directories of processes.
#include <fmt/format.h>

#include <vector>

#include "selftest/checks.hpp"
#include "selftest/process_table.hpp"
#include "selftest/step.hpp"

namespace aperture::sw::selftest {
namespace {

namespace tc = regs::dc::tc;
constexpr std::uint32_t kDevice = 0x14;
constexpr std::uint64_t kIova = 0x8888'0000;
constexpr std::uint64_t kLength = 256;

/// Two processes at the same address, and all that is refused.
void test(Bench& bench, Verdict& verdict, regs::PdtpMode mode, std::uint32_t one, std::uint32_t other) {
  const Format* format = first_stage(bench);
  if (format == nullptr) return verdict.skip("capabilities announce no first stage of 64 bits");
  World world(bench);
  ProcessTable processes(world, mode);
  std::vector<Words*> pages;
  std::vector<std::unique_ptr<Tree>> trees;
  const std::uint32_t ids[] = {one, other, 0};
  for (const std::uint32_t id : ids) {
    pages.push_back(&world.words());
    trees.push_back(std::make_unique<Tree>(world, *format));
    trees.back()->map(kIova, pages.back()->address());
    trees.back()->map(kIova + kPageSize, pages.back()->address(), pte::kReadWrite & ~pte::kU);
    processes.set(id, trees.back()->pointer(), 100 + id, id == one);
  }
  const std::uint64_t own = tc::v.mask() | tc::pdtv.mask();
  world.context(kDevice, {.tc = own | tc::dpe.mask(), .fsc = processes.pointer()});
  for (std::size_t i = 0; i < 2; ++i) {
    dma::Channel& channel = world.channel({.device_id = kDevice, .process_id = ids[i]});
    (void)reaches(verdict, world, channel, kIova, pages[i]->bytes().first(kLength),
                  fmt::format("process {:#x}", ids[i]));
  }
  (void)reaches(verdict, world, world.channel({.device_id = kDevice}), kIova, pages[2]->bytes().first(kLength),
                "no process id, DC.tc.DPE set: process 0");

  dma::Channel& privileged = world.channel({.device_id = kDevice, .process_id = one, .privileged = true});
  (void)reaches(verdict, world, privileged, kIova + kPageSize, pages[0]->bytes().first(kLength),
                "a privileged access to a page without U, ENS set");
  dma::Channel& forbidden = world.channel({.device_id = kDevice, .process_id = other, .privileged = true});
  (void)refused(verdict, world, forbidden, record_of(forbidden, regs::Cause::kTypeDisallowed, kIova, false),
                "a privileged access of a process without ENS");
  dma::Channel& unknown = world.channel({.device_id = kDevice, .process_id = one + 1});
  (void)refused(verdict, world, unknown, record_of(unknown, regs::Cause::kPdtNotValid, kIova, false),
                "a process without a context");
  if (const unsigned bits = processes.id_bits(); bits < 20) {
    dma::Channel& wide = world.channel({.device_id = kDevice, .process_id = one | 1U << bits});
    (void)refused(verdict, world, wide, record_of(wide, regs::Cause::kTypeDisallowed, kIova, true),
                  "a process id that is too wide for the directory");
  }
}

}  // namespace

void test_pd8(Bench& bench, Verdict& verdict) { test(bench, verdict, regs::PdtpMode::kPd8, 0x05, 0xf3); }
void test_pd17(Bench& bench, Verdict& verdict) { test(bench, verdict, regs::PdtpMode::kPd17, 0x1a305, 0x005f3); }
void test_pd20(Bench& bench, Verdict& verdict) { test(bench, verdict, regs::PdtpMode::kPd20, 0xe1a05, 0x205f3); }

}  // namespace aperture::sw::selftest
