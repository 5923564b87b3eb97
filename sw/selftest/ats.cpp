// SPDX-License-Identifier: Apache-2.0
// Steps "ats", "t2gpa" and "page-requests": a device that translates for itself. Source: specification, sections on
// PCIe ATS and page requests.
#include <fmt/format.h>

#include "card/wait.hpp"
#include "riscv/command.hpp"
#include "selftest/checks.hpp"
#include "selftest/step.hpp"
#include "selftest/tree.hpp"

namespace aperture::sw::selftest {
namespace {

namespace tc = regs::dc::tc;
constexpr std::uint32_t kDevice = 0x16;
constexpr std::uint64_t kIova = 0x1111'0000;
constexpr std::uint64_t kLength = 256;
using riscv::command::PageResponse;

const Format* wanted_first_stage(Bench& bench, Verdict& verdict) {
  const Format* format = first_stage(bench);
  if (format == nullptr) verdict.skip("capabilities announce no first stage of 64 bits");
  return format;
}

/// Lets the card work until a page request is there.
std::vector<riscv::PageRequest> next_requests(World& world) {
  must(world.iommu().page_requests().wait(Bench::kCycles));
  return world.iommu().page_requests().drain().requests;
}

void answer(World& world, const riscv::PageRequest& request, PageResponse code) {
  must(world.iommu().commands().push(riscv::respond(request, code)));
  world.iommu().commands().ring();
}

/// A channel that translates for itself gets nothing to write with, and writes nothing.
void without_translation(Verdict& verdict, World& world, dma::Channel& channel, const Words& page,
                         regs::DmaStatus wanted, const char* what) {
  const std::uint32_t before = page.get_half(0);
  const dma::Completion done = must(channel.run(
      {.op = regs::DmaOp::kFill, .destination = Iova{kIova}, .length = 4, .pattern = ~before}, Bench::kCycles));
  if (done.status != wanted || page.get_half(0) != before)
    verdict.fail(fmt::format("{}: ends with {}, nothing is written", what, regs::to_string(wanted)),
                 outcome(world, done));
}

}  // namespace

void test_ats(Bench& bench, Verdict& verdict) {
  const Format* format = wanted_first_stage(bench, verdict);
  if (format == nullptr) return;
  World world(bench);
  Words& one = world.words();
  Words& other = world.words();
  Tree tree(world, *format);
  tree.map(kIova, one.address());
  world.context(kDevice, {.tc = tc::v.mask() | tc::en_ats.mask(), .fsc = tree.pointer()});
  dma::Channel& channel = world.channel({.device_id = kDevice, .ats = true});
  (void)reaches(verdict, world, channel, kIova, one.bytes().first(kLength), "a channel that asks for translations");

  // What the device has cached goes by ATS.INVAL, which it has to answer.
  tree.map(kIova, other.address());
  world.command(riscv::command::iotinval_vma({}, Iova{kIova}));
  world.command(riscv::command::ats_inval(kDevice, {}, Iova{kIova}));
  (void)reaches(verdict, world, channel, kIova, other.bytes().first(kLength), "after ATS.INVAL of a page that moved");

  dma::Channel& translated = world.channel({.device_id = kDevice, .translated = true});
  (void)reaches(verdict, world, translated, one.address(), one.bytes().first(kLength),
                "a translated access of a device with EN_ATS");
  world.context(kDevice, {.fsc = tree.pointer()});
  (void)refused(verdict, world, translated, record_of(translated, regs::Cause::kTypeDisallowed, one.address(), true),
                "a translated access of a device without EN_ATS");
  dma::Channel& asking = world.channel({.device_id = kDevice, .ats = true});
  without_translation(verdict, world, asking, other, regs::DmaStatus::kTranslationRefused,
                      "a translation request of a device without EN_ATS");
  if (const auto faults = world.faults(); faults.size() != 1 || faults[0].cause != regs::Cause::kTypeDisallowed)
    verdict.fail(fmt::format("a translation request of a device without EN_ATS leaves one record, {}",
                             regs::to_string(regs::Cause::kTypeDisallowed)),
                 faults.empty() ? "none" : to_text(faults[0]));

  tree.map(kIova, other.address(), pte::kReadOnly);
  world.context(kDevice, {.tc = tc::v.mask() | tc::en_ats.mask(), .fsc = tree.pointer()});
  without_translation(verdict, world, world.channel({.device_id = kDevice, .ats = true}), other,
                      regs::DmaStatus::kPageRefused, "a write to a page whose translation has no W, without EN_PRI");
  (void)world.faults();
}

void test_t2gpa(Bench& bench, Verdict& verdict) {
  const Format* format = wanted_first_stage(bench, verdict);
  if (format == nullptr) return;
  const Format* second = second_stage(bench);
  if (second == nullptr) return verdict.skip("capabilities announce no second stage of 64 bits");
  constexpr std::uint64_t kGuestPage = 0x3000'0000;
  World world(bench);
  const Words& page = world.words();
  Tree guest(world, *second);
  guest.map(kGuestPage, page.address());
  Tree tree(world, *format, &guest);
  tree.map(kIova, kGuestPage);
  world.context(
      kDevice,
      {.tc = tc::v.mask() | tc::en_ats.mask() | tc::t2gpa.mask(), .iohgatp = guest.pointer(), .fsc = tree.pointer()});
  dma::Channel& asking = world.channel({.device_id = kDevice, .ats = true});
  (void)reaches(verdict, world, asking, kIova, page.bytes().first(kLength),
                "a channel that asks for guest physical addresses");
  // Its translated accesses go through the second stage: what it was told is no address of the bus.
  dma::Channel& translated = world.channel({.device_id = kDevice, .translated = true});
  (void)reaches(verdict, world, translated, kGuestPage, page.bytes().first(kLength),
                "a translated access to a guest physical address");
  const std::uint64_t nowhere = kGuestPage + 16 * kPageSize;
  (void)refused(verdict, world, translated,
                record_of(translated, regs::Cause::kReadGuestPageFault, nowhere, false, nowhere),
                "a translated access to where the guest has no memory");
}

void test_page_requests(Bench& bench, Verdict& verdict) {
  const Format* format = wanted_first_stage(bench, verdict);
  if (format == nullptr) return;
  World world(bench);
  Words& page = world.words();
  Tree tree(world, *format);
  world.context(kDevice, {.tc = tc::v.mask() | tc::en_ats.mask() | tc::en_pri.mask(), .fsc = tree.pointer()});
  dma::Channel& channel = world.channel({.device_id = kDevice, .ats = true});
  const std::uint64_t seed = bench.random()();
  for (const PageResponse code : {PageResponse::kFailure, PageResponse::kSuccess}) {
    const dma::Ticket ticket = must(
        channel.submit({.op = regs::DmaOp::kGenerate, .destination = Iova{kIova}, .length = kLength, .pattern = seed}));
    const auto requests = next_requests(world);
    if (requests.size() != 1 || requests[0].device_id != kDevice || requests[0].page != Iova{kIova} ||
        !requests[0].write || !requests[0].last) {
      verdict.fail(fmt::format("one request of device {:#x}: to write page {:#x}", kDevice, kIova),
                   requests.empty() ? "none" : to_text(requests[0]));
      return;
    }
    if (code == PageResponse::kSuccess) tree.map(kIova, page.address());
    answer(world, requests[0], code);
    const dma::Completion done = must(channel.wait(ticket, Bench::kCycles));
    const auto wanted = code == PageResponse::kSuccess ? regs::DmaStatus::kOk : regs::DmaStatus::kPageRefused;
    if (done.status != wanted)
      verdict.fail(
          fmt::format("after the answer {} the access ends with {}",
                      code == PageResponse::kSuccess ? "Success" : "Response Failure", regs::to_string(wanted)),
          outcome(world, done));
  }
  if (const std::string wrong = difference(page.bytes().first(kLength), seed); !wrong.empty())
    verdict.fail("the page that was asked for is written", wrong);
}

}  // namespace aperture::sw::selftest
