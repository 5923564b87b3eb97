// SPDX-License-Identifier: Apache-2.0
// Steps "invalidation", "nl" and "s": behind a command and its fence nothing stale is used.
#include <fmt/format.h>

#include "riscv/command.hpp"
#include "selftest/checks.hpp"
#include "selftest/process_table.hpp"
#include "selftest/step.hpp"
#include "selftest/tree.hpp"

namespace aperture::sw::selftest {
namespace {

namespace tc = regs::dc::tc;
namespace caps = regs::iommu::capabilities_f;
using namespace riscv::command;
constexpr std::uint32_t kDevice = 0x19;
constexpr std::uint32_t kPscid = 0x77;
constexpr std::uint32_t kGscid = 0x31;
constexpr std::uint64_t kIova = 0x3333'0000;
constexpr std::uint64_t kLength = 128;

/// Two pages, of which an address leads to the one, and after a change to the other.
struct Move {
  explicit Move(World& world) : one(world.words()), other(world.words()) {}
  Words& one;
  Words& other;
};

bool sees(Verdict& verdict, World& world, dma::Channel& channel, const Words& page, const std::string& when,
          std::uint64_t iova = kIova) {
  return reaches(verdict, world, channel, iova, page.bytes().first(kLength), when);
}

void first_stage_leaf(World& world, Verdict& verdict, const Format& format) {
  Move move(world);
  Tree tree(world, format);
  tree.map(kIova, move.one.address());
  world.context(kDevice, {.ta = regs::dc::ta::pscid.set(0, kPscid), .fsc = tree.pointer()});
  dma::Channel& channel = world.channel({.device_id = kDevice});
  if (!sees(verdict, world, channel, move.one, "before any change")) return;
  tree.map(kIova, move.other.address());
  world.command(iotinval_vma(kPscid, Iova{kIova}));
  sees(verdict, world, channel, move.other, "a leaf that moved, after IOTINVAL.VMA with PSCID and address");
  tree.map(kIova, move.one.address());
  world.command(iotinval_vma(kPscid, {}));
  sees(verdict, world, channel, move.one, "a leaf that moved, after IOTINVAL.VMA with PSCID");
  tree.map(kIova, move.other.address());
  world.command(iotinval_vma({}, {}));
  sees(verdict, world, channel, move.other, "a leaf that moved, after IOTINVAL.VMA of all");
  tree.set_entry(kIova, 0, 0);
  world.command(iotinval_vma(kPscid, Iova{kIova}));
  (void)refused(verdict, world, channel, record_of(channel, regs::Cause::kWritePageFault, kIova, true),
                "a leaf that is gone, after IOTINVAL.VMA");
}

void device_context(World& world, Verdict& verdict, const Format& format) {
  Move move(world);
  Tree one(world, format);
  Tree other(world, format);
  one.map(kIova, move.one.address());
  other.map(kIova, move.other.address());
  world.context(kDevice, {.ta = regs::dc::ta::pscid.set(0, kPscid), .fsc = one.pointer()});
  dma::Channel& channel = world.channel({.device_id = kDevice});
  sees(verdict, world, channel, move.one, "a context");
  world.change_first_stage(kDevice, other.pointer());
  world.command(iodir_inval_ddt(kDevice));
  world.command(iotinval_vma(kPscid, {}));
  sees(verdict, world, channel, move.other, "another first stage in the context, after IODIR.INVAL_DDT");
}

void process_context(World& world, Verdict& verdict, const Format& format) {
  constexpr std::uint32_t kProcess = 0x21;
  Move move(world);
  Tree one(world, format);
  Tree other(world, format);
  one.map(kIova, move.one.address());
  other.map(kIova, move.other.address());
  ProcessTable processes(world, regs::PdtpMode::kPd8);
  processes.set(kProcess, one.pointer(), 1, false);
  world.context(kDevice, {.tc = tc::v.mask() | tc::pdtv.mask(), .fsc = processes.pointer()});
  dma::Channel& channel = world.channel({.device_id = kDevice, .process_id = kProcess});
  sees(verdict, world, channel, move.one, "a process");
  processes.set(kProcess, other.pointer(), 2, false);
  world.command(iodir_inval_pdt(kDevice, kProcess));
  sees(verdict, world, channel, move.other, "another first stage of the process, after IODIR.INVAL_PDT");
}

void second_stage_leaf(World& world, Verdict& verdict, const Format& format) {
  Move move(world);
  Tree guest(world, format);
  guest.map(kIova, move.one.address());
  world.context(kDevice, {.iohgatp = guest.pointer() | regs::dc::iohgatp::gscid.set(0, kGscid)});
  dma::Channel& channel = world.channel({.device_id = kDevice});
  sees(verdict, world, channel, move.one, "a second stage");
  guest.map(kIova, move.other.address());
  world.command(iotinval_gvma(kGscid, GuestPhysical{kIova}));
  sees(verdict, world, channel, move.other, "a leaf of a second stage that moved, after IOTINVAL.GVMA with address");
  guest.map(kIova, move.one.address());
  world.command(iotinval_gvma(kGscid, {}));
  sees(verdict, world, channel, move.one, "a leaf of a second stage that moved, after IOTINVAL.GVMA with GSCID");
}

}  // namespace

void test_invalidation(Bench& bench, Verdict& verdict) {
  const Format* format = first_stage(bench);
  const Format* second = second_stage(bench);
  if (format == nullptr && second == nullptr) return verdict.skip("capabilities announce no format of 64 bits");
  World world(bench);
  if (format != nullptr) {
    first_stage_leaf(world, verdict, *format);
    device_context(world, verdict, *format);
    if (bench.has(caps::pd8)) process_context(world, verdict, *format);
  }
  if (second != nullptr) second_stage_leaf(world, verdict, *second);
}

void test_nonleaf_invalidation(Bench& bench, Verdict& verdict) {
  const Format* format = first_stage(bench);
  if (format == nullptr) return verdict.skip("capabilities announce no first stage of 64 bits");
  World world(bench);
  Move move(world);
  Tree tree(world, *format);
  Tree spare(world, *format);
  tree.map(kIova, move.one.address());
  spare.map(kIova, move.other.address());
  world.context(kDevice, {.ta = regs::dc::ta::pscid.set(0, kPscid), .fsc = tree.pointer()});
  dma::Channel& channel = world.channel({.device_id = kDevice});
  if (!sees(verdict, world, channel, move.one, "before any change")) return;
  // The same leaf table is reached through another entry.
  tree.set_entry(kIova, 1, spare.entry(kIova, 1));
  riscv::Command command = iotinval_vma(kPscid, Iova{kIova});
  command.w0 |= regs::cmd::w0::iotinval_nl.mask();
  world.command(command);
  sees(verdict, world, channel, move.other, "a table that was replaced, after IOTINVAL.VMA with NL");
}

void test_range_invalidation(Bench& bench, Verdict& verdict) {
  constexpr unsigned kPages = 8;
  const Format* format = first_stage(bench);
  if (format == nullptr) return verdict.skip("capabilities announce no first stage of 64 bits");
  World world(bench);
  Move move(world);
  Tree tree(world, *format);
  for (unsigned i = 0; i < kPages; ++i) tree.map(kIova + i * kPageSize, move.one.address());
  world.context(kDevice, {.ta = regs::dc::ta::pscid.set(0, kPscid), .fsc = tree.pointer()});
  dma::Channel& channel = world.channel({.device_id = kDevice});
  for (unsigned i = 0; i < kPages; ++i)
    if (!sees(verdict, world, channel, move.one, "before any change", kIova + i * kPageSize)) return;
  for (unsigned i = 0; i < kPages; ++i) tree.map(kIova + i * kPageSize, move.other.address());
  // Eight pages as one range: the lowest zero of the page number is bit 2.
  riscv::Command command = iotinval_vma(kPscid, Iova{kIova | (kPages / 2 - 1) << 12});
  command.w1 |= regs::cmd::w1::iotinval_s.mask();
  world.command(command);
  for (unsigned i = 0; i < kPages; ++i)
    sees(verdict, world, channel, move.other,
         fmt::format("page {} of a range of {}, after IOTINVAL.VMA with S", i, kPages), kIova + i * kPageSize);
}

}  // namespace aperture::sw::selftest
