// SPDX-License-Identifier: Apache-2.0
// Step "faults": the causes that an access of a DMA channel can have, and every field of their records.
#include <fmt/format.h>

#include "selftest/checks.hpp"
#include "selftest/process_table.hpp"
#include "selftest/step.hpp"
#include "selftest/tree.hpp"

namespace aperture::sw::selftest {
namespace {

namespace tc = regs::dc::tc;
namespace caps = regs::iommu::capabilities_f;
using regs::Cause;
constexpr std::uint32_t kDevice = 0x1a;
constexpr std::uint64_t kIova = 0x5555'0000;
constexpr std::uint64_t kPage = 0x5555'1000;  ///< mapped read-only
constexpr std::uint64_t kDtf = tc::v.mask() | tc::dtf.mask();

class Faults {
 public:
  Faults(World& world, Verdict& verdict) : world_(world), verdict_(verdict) {}

  void expect(const dma::Identity& who, Cause cause, std::uint64_t iova, bool write, const char* what) {
    dma::Channel& channel = world_.channel(who);
    (void)refused(verdict_, world_, channel, record_of(channel, cause, iova, write), what);
    ++tried_;
  }
  /// Refused, and nothing is recorded.
  void silent(Cause cause, const char* what) {
    dma::Channel& channel = world_.channel({.device_id = kDevice});
    if (!stopped(verdict_, world_, channel, kIova, false, what)) return;
    if (const auto faults = world_.faults(); !faults.empty())
      verdict_.fail(fmt::format("{}: {} is not recorded where DC.tc.DTF is 1", what, regs::to_string(cause)),
                    to_text(faults[0]));
    ++tried_;
  }
  unsigned tried() const { return tried_; }

 private:
  World& world_;
  Verdict& verdict_;
  unsigned tried_{};
};

void directory(World& world, Faults& faults) {
  const dma::Identity who{.device_id = kDevice};
  faults.expect(who, Cause::kDdtNotValid, kIova, false, "a device without a context");
  faults.expect(who, Cause::kDdtNotValid, kIova, true, "a device without a context");
  faults.expect({.device_id = 0x1000}, Cause::kTypeDisallowed, kIova, false,
                "a device id that is too wide for a directory of one level");
  world.context(kDevice, {.tc = tc::v.mask() | std::uint64_t{1} << 12});
  faults.expect(who, Cause::kDdtMisconfigured, kIova, false, "a context with a reserved bit");
  world.context(kDevice, {.fsc = std::uint64_t{3} << 60});
  faults.expect(who, Cause::kDdtMisconfigured, kIova, true, "a context with a reserved mode of the first stage");
  world.context(kDevice, {});
  faults.expect({.device_id = kDevice, .process_id = 4}, Cause::kTypeDisallowed, kIova, false,
                "a process id of a device without processes");
  faults.expect({.device_id = kDevice, .translated = true}, Cause::kTypeDisallowed, kIova, false,
                "a translated access of a device without EN_ATS");
  faults.expect({.device_id = kDevice, .translated = true}, Cause::kTypeDisallowed, kIova, true,
                "a translated access of a device without EN_ATS");
}

void first_stage_faults(World& world, Faults& faults, const Format& format) {
  const Words& page = world.words();
  Tree tree(world, format);
  tree.map(kPage, page.address(), pte::kReadOnly);
  const std::uint64_t reserved = kIova + 2 * kPageSize;
  tree.set_entry(reserved, 0, pte::to(page.address()) | pte::kV | pte::kW | pte::kU | pte::kA | pte::kD);
  const std::uint64_t misaligned = kIova + (std::uint64_t{4} << 21);
  tree.set_entry(misaligned, 1, pte::to(std::uint64_t{5} << 12) | pte::kReadWrite);
  world.context(kDevice, {.fsc = tree.pointer()});
  const dma::Identity who{.device_id = kDevice};
  const dma::Identity executing{.device_id = kDevice, .execute = true};
  faults.expect(who, Cause::kReadPageFault, kIova, false, "an address that is not mapped");
  faults.expect(who, Cause::kWritePageFault, kIova, true, "an address that is not mapped");
  faults.expect(who, Cause::kWritePageFault, kPage, true, "a page without W");
  faults.expect(executing, Cause::kInstructionPageFault, kPage, false, "an instruction read of a page without X");
  faults.expect(who, Cause::kReadPageFault, reserved, false, "an entry with W and without R");
  faults.expect(who, Cause::kReadPageFault, misaligned, false, "a leaf of 2 MiB that is not aligned");
  world.context(kDevice, {.tc = kDtf, .fsc = tree.pointer()});
  faults.silent(Cause::kReadPageFault, "an address that is not mapped");
}

void process_faults(World& world, Faults& faults) {
  ProcessTable processes(world, regs::PdtpMode::kPd8);
  processes.set_words(1, regs::pc::ta::v.mask() | std::uint64_t{1} << 3, 0);
  processes.set_words(2, regs::pc::ta::v.mask(), std::uint64_t{3} << 60);
  world.context(kDevice, {.tc = tc::v.mask() | tc::pdtv.mask(), .fsc = processes.pointer()});
  faults.expect({.device_id = kDevice, .process_id = 3}, Cause::kPdtNotValid, kIova, false,
                "a process without a context");
  faults.expect({.device_id = kDevice, .process_id = 3, .privileged = true}, Cause::kPdtNotValid, kIova, true,
                "a privileged access of a process without a context");
  faults.expect({.device_id = kDevice, .process_id = 1}, Cause::kPdtMisconfigured, kIova, true,
                "a process context with a reserved bit");
  faults.expect({.device_id = kDevice, .process_id = 2}, Cause::kPdtMisconfigured, kIova, false,
                "a process context with a reserved mode");
}

/// More records than the queue holds: the first ones stay, and afterwards it records again.
void overflow(World& world, Verdict& verdict) {
  const unsigned entries = world.iommu().faults().entries();
  world.context(kDevice, {});
  dma::Channel& channel = world.channel({.device_id = kDevice, .translated = true});
  for (unsigned i = 0; i < entries + 2; ++i) (void)must(channel.stray_read(Iova{kIova + i * kPageSize}));
  world.bench().settle();
  const riscv::Drained drained = world.iommu().faults().drain();
  if (drained.faults.size() != entries - 1 || !drained.overflow)
    verdict.fail(fmt::format("{} refused accesses leave {} records and set fqcsr.fqof", entries + 2, entries - 1),
                 fmt::format("{} records, fqof {}", drained.faults.size(), drained.overflow));
  for (std::size_t i = 0; i < drained.faults.size(); ++i)
    if (drained.faults[i].iotval != kIova + i * kPageSize) {
      verdict.fail("records are in the order of the accesses", to_text(drained.faults[i]));
      break;
    }
  (void)refused(verdict, world, channel, record_of(channel, Cause::kTypeDisallowed, kIova, false),
                "after an overflow that was cleared");
}

/// Bare moves bytes, Off refuses all that devices want, the rings of the channels first of all.
void without_directory(World& world, Verdict& verdict) {
  const Words& page = world.words();
  dma::Channel& channel = world.channel({.device_id = kDevice});
  world.mode(regs::IommuMode::kBare);
  (void)reaches(verdict, world, channel, page.address(), page.bytes().first(256), "with ddtp Bare, a bus address");
  page.bytes()[0] = std::byte{0x5a};
  world.mode(regs::IommuMode::kOff);
  const auto ticket = channel.submit({.op = regs::DmaOp::kFill, .destination = Iova{page.address()}, .length = 64});
  const auto done = ticket ? channel.wait(*ticket, Bench::kCycles) : std::unexpected(ticket.error());
  const auto faults = world.faults();
  const bool recorded = !faults.empty() && faults[0].cause == Cause::kAllInboundDisallowed;
  if (done || page.bytes()[0] != std::byte{0x5a})
    verdict.fail("with ddtp Off, a channel reads and writes nothing",
                 done ? outcome(world, *done) : "memory has changed");
  else if (!recorded)
    verdict.fail(fmt::format("with ddtp Off, the record says {}", regs::to_string(Cause::kAllInboundDisallowed)),
                 faults.empty() ? "no record" : to_text(faults[0]));
  world.stop_channels();
  world.mode(regs::IommuMode::k1lvl);
}

}  // namespace

void test_faults(Bench& bench, Verdict& verdict) {
  World world(bench);
  Faults faults(world, verdict);
  directory(world, faults);
  if (const Format* format = first_stage(bench); format != nullptr) first_stage_faults(world, faults, *format);
  if (bench.has(caps::pd8)) process_faults(world, faults);
  verdict.fact("tried", faults.tried());
  overflow(world, verdict);
  without_directory(world, verdict);
}

}  // namespace aperture::sw::selftest
