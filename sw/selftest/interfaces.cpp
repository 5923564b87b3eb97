// SPDX-License-Identifier: Apache-2.0
// Steps "end", "hpm", "dbg", "qosid" and "pas".
#include <fmt/format.h>

#include "card/wait.hpp"
#include "selftest/checks.hpp"
#include "selftest/step.hpp"
#include "selftest/tree.hpp"

namespace aperture::sw::selftest {
namespace {

namespace iommu = regs::iommu;
namespace tc = regs::dc::tc;
constexpr std::uint32_t kDevice = 0x17;
constexpr std::uint32_t kOther = 0x18;
constexpr std::uint64_t kIova = 0x2222'0000;
constexpr std::uint64_t kLength = 256;

/// Waits for the answer of a debug translation.
std::uint64_t translate(Bench& bench, std::uint64_t iova, bool write) {
  namespace ctl = iommu::tr_req_ctl_f;
  bench.write(iommu::tr_req_iova, iova);
  bench.write(iommu::tr_req_ctl, ctl::did.set(ctl::nw.set(ctl::go_busy.mask(), write ? 0 : 1), kDevice));
  must(card::wait(bench.card(), {.who = "self-test", .what = "tr_response", .cycles = Bench::kCycles},
                  [&] { return ctl::go_busy.get(bench.read(iommu::tr_req_ctl)) == 0; }));
  return bench.read(iommu::tr_response);
}

}  // namespace

void test_endianness(Bench& bench, Verdict& verdict) {
  const Format* format = first_stage(bench);
  if (format == nullptr) return verdict.skip("capabilities announce no first stage of 64 bits");
  const std::uint64_t swapped = tc::v.mask() | tc::sbe.mask();
  {
    World world(bench);
    const Words& page = world.words();
    Tree tree(world, *format, nullptr, true);
    tree.map(kIova, page.address());
    world.context(kDevice, {.tc = swapped, .fsc = tree.pointer()});
    (void)reaches(verdict, world, world.channel({.device_id = kDevice}), kIova, page.bytes().first(kLength),
                  "a big-endian page table (DC.tc.SBE)");
  }
  World world(bench, {.big_endian = true});
  if (!world.willing()) {
    verdict.fail("fctl.BE takes 1, since capabilities.END is 1", fmt::format("fctl {:#x}", bench.read(iommu::fctl)));
    return;
  }
  const Words& page = world.words();
  Tree tree(world, *format, nullptr, true);
  tree.map(kIova, page.address());
  world.context(kDevice, {.tc = swapped, .fsc = tree.pointer()});
  dma::Channel& channel = world.channel({.device_id = kDevice});
  // No fault queue in this byte order: a record would be lost, and a refused access shows as such.
  (void)reaches(verdict, world, channel, kIova, page.bytes().first(kLength), "a big-endian device directory (fctl.BE)");
  (void)stopped(verdict, world, channel, kIova + kPageSize, true, "an address that is not mapped, with fctl.BE");
}

void test_counters(Bench& bench, Verdict& verdict) {
  namespace evt = iommu::iohpmevt_f;
  World world(bench);
  world.context(kDevice, {});
  world.context(kOther, {});
  const Words& page = world.words();
  dma::Channel& channel = world.channel({.device_id = kDevice});
  const std::uint64_t all = bench.read(iommu::iocountinh);
  bench.write(iommu::iohpmcycles, 0);
  bench.write(iommu::iohpmctr, 0);
  bench.write(
      iommu::iohpmevt,
      evt::did_gscid.set(
          evt::event_id.set(evt::dv_gscv.mask(), static_cast<std::uint64_t>(regs::HpmEvent::kUntranslated)), kDevice));
  const std::uint64_t first = card::cycles(bench.card());
  bench.write(iommu::iocountinh, all & ~std::uint64_t{3});
  const std::uint64_t bursts_before = channel.counter(regs::dma::read_bursts);
  for (unsigned i = 0; i < 8; ++i) (void)must(channel.crc(Iova{page.address()}, 64));
  const std::uint64_t bursts = channel.counter(regs::dma::read_bursts) - bursts_before;
  dma::Channel& stranger = world.channel({.device_id = kOther}, bench.identity().channels - 1);
  (void)must(stranger.crc(Iova{page.address()}, 64));
  bench.settle();
  bench.write(iommu::iocountinh, all | 3);
  const std::uint64_t last = card::cycles(bench.card());
  const std::uint64_t requests = bench.read(iommu::iohpmctr);
  const std::uint64_t cycles = iommu::iohpmcycles_f::counter.get(bench.read(iommu::iohpmcycles));
  bench.write(iommu::iohpmevt, 0);
  verdict.fact("requests", requests);
  verdict.fact("cycles", cycles);
  if (requests != bursts)
    verdict.fail(fmt::format("iohpmctr[0] counts the {} bursts of device {:#x}, and no others", bursts, kDevice),
                 fmt::format("{}", requests));
  if (cycles == 0 || cycles > last - first)
    verdict.fail(fmt::format("iohpmcycles counts at least 1 and at most {} cycles", last - first),
                 fmt::format("{}", cycles));
  bench.write(iommu::iohpmcycles, 0);
  for (unsigned i = 0; i < 4; ++i) (void)bench.read(iommu::ipsr);
  if (const std::uint64_t found = bench.read(iommu::iohpmcycles); found != 0)
    verdict.fail("iohpmcycles stands while iocountinh.CY is 1", fmt::format("{}", found));
}

void test_debug(Bench& bench, Verdict& verdict) {
  namespace response = iommu::tr_response_f;
  const Format* format = first_stage(bench);
  if (format == nullptr) return verdict.skip("capabilities announce no first stage of 64 bits");
  World world(bench);
  const Words& page = world.words();
  Tree tree(world, *format);
  tree.map(kIova, page.address(), pte::kReadOnly);
  world.context(kDevice, {.fsc = tree.pointer()});
  const std::uint64_t good = translate(bench, kIova, false);
  if (response::fault.get(good) != 0 || response::s.get(good) != 0 || response::ppn.get(good) != page.page())
    verdict.fail(fmt::format("a debug translation of {:#x} answers page {:#x}", kIova, page.page()),
                 fmt::format("tr_response {:#x}", good));
  if (const auto faults = world.faults(); !faults.empty())
    verdict.fail("a translation that succeeds leaves no record", to_text(faults[0]));
  const std::uint64_t bad = translate(bench, kIova, true);
  if (response::fault.get(bad) == 0)
    verdict.fail("a debug translation for writing a read-only page faults", fmt::format("tr_response {:#x}", bad));
  const auto faults = world.faults();
  if (faults.size() != 1 || faults[0].cause != regs::Cause::kWritePageFault || faults[0].device_id != kDevice)
    verdict.fail(fmt::format("and leaves one record: write_page_fault of device {:#x}", kDevice),
                 faults.empty() ? "none" : to_text(faults[0]));
}

void test_qosid(Bench& bench, Verdict& verdict) {
  namespace qos = iommu::iommu_qosid_f;
  namespace ta = regs::dc::ta;
  World world(bench);
  bench.write(iommu::iommu_qosid, 0xffff'ffff);
  const std::uint64_t found = bench.read(iommu::iommu_qosid);
  const std::uint64_t rcid = qos::rcid.get(found);
  const std::uint64_t mcid = qos::mcid.get(found);
  verdict.fact("rcid_max", rcid);
  verdict.fact("mcid_max", mcid);
  const Words& page = world.words();
  world.context(kDevice, {.ta = ta::rcid.set(ta::mcid.set(0, mcid), rcid)});
  dma::Channel& channel = world.channel({.device_id = kDevice});
  (void)reaches(verdict, world, channel, page.address(), page.bytes().first(kLength),
                "a context with the largest RCID and MCID");
  bench.write(iommu::iommu_qosid, 0);
  if (rcid == qos::rcid.max()) return;
  world.context(kDevice, {.ta = ta::rcid.set(0, rcid + 1)});
  (void)refused(verdict, world, channel, record_of(channel, regs::Cause::kDdtMisconfigured, page.address(), false),
                "a context with an RCID that is too large");
}

void test_address_width(Bench& bench, Verdict& verdict) {
  constexpr unsigned kNamed = 56;  // bits of address that a page number in an entry names
  const unsigned width = bench.address_bits();
  verdict.fact("bits", width);
  if (width >= kNamed) return verdict.skip("every address that an entry can name is within the card's address width");
  const Format* format = first_stage(bench);
  if (format == nullptr) return verdict.skip("capabilities announce no first stage of 64 bits");
  World world(bench);
  Tree tree(world, *format);
  const Words& page = world.words();
  constexpr std::uint64_t kBeyond = kIova + (std::uint64_t{2} << 21);
  tree.map(kBeyond, page.address() | std::uint64_t{1} << width);
  tree.set_entry(kIova, 1, pte::to(std::uint64_t{1} << width) | pte::kV);
  world.context(kDevice, {.fsc = tree.pointer()});
  dma::Channel& channel = world.channel({.device_id = kDevice});
  (void)refused(verdict, world, channel, record_of(channel, regs::Cause::kReadAccessFault, kIova, false),
                fmt::format("a page table at 2^{}, beyond the address width", width));
  // A page that a card without these bits would reach.
  const std::uint32_t before = page.get_half(0);
  // Whether something else is there is the bus' affair.
  (void)must(channel.stray_write(Iova{kBeyond}, 0x5a5a));
  world.bench().settle();
  if (page.get_half(0) != before)
    verdict.fail(
        fmt::format("a write to a page at 2^{} and more does not reach the one with the same lower bits", width),
        "it has changed", "the upper address bits between the card and the PCIe core");
  (void)world.faults();
}

}  // namespace aperture::sw::selftest
