// SPDX-License-Identifier: Apache-2.0
// Step "reset": what registers hold after RESET. Source: specification, "Reset behavior", and docs/registers.md.
#include <fmt/format.h>

#include <vector>

#include "card/wait.hpp"
#include "ioas/text.hpp"
#include "selftest/step.hpp"

namespace aperture::sw::selftest {
namespace {

namespace iommu = regs::iommu;
namespace dma = regs::dma;

/// Bits of a register that have a value after a reset.
struct ResetValue {
  regs::Register reg;
  std::uint64_t bits;
  std::uint64_t value;
};

const ResetValue kIommu[] = {
    {iommu::ddtp, iommu::ddtp_f::busy.mask(), 0},
    {iommu::cqcsr,
     iommu::cqcsr_f::cqen.mask() | iommu::cqcsr_f::cie.mask() | iommu::cqcsr_f::cqon.mask() |
         iommu::cqcsr_f::busy.mask(),
     0},
    {iommu::fqcsr,
     iommu::fqcsr_f::fqen.mask() | iommu::fqcsr_f::fie.mask() | iommu::fqcsr_f::fqon.mask() |
         iommu::fqcsr_f::busy.mask(),
     0},
    {iommu::pqcsr,
     iommu::pqcsr_f::pqen.mask() | iommu::pqcsr_f::pie.mask() | iommu::pqcsr_f::pqon.mask() |
         iommu::pqcsr_f::busy.mask(),
     0},
    {iommu::ipsr, 0xf, 0},
    {iommu::tr_req_ctl, iommu::tr_req_ctl_f::go_busy.mask(), 0},
};
const ResetValue kCard[] = {
    {regs::card::status, regs::card::status_f::busy.mask() | regs::card::status_f::resetting.mask(), 0},
    {regs::card::translations, ~std::uint64_t{0}, 0},
    {regs::card::tlb_hits, ~std::uint64_t{0}, 0},
    {regs::card::tlb_misses, ~std::uint64_t{0}, 0},
    {regs::card::walk_reads, ~std::uint64_t{0}, 0},
    {regs::card::faults, ~std::uint64_t{0}, 0},
    {regs::card::read_bytes, ~std::uint64_t{0}, 0},
    {regs::card::write_bytes, ~std::uint64_t{0}, 0},
    {regs::card::irq_pending, 0xffff'ffff, 0},
};
const ResetValue kChannel[] = {
    {dma::ctrl, 0xffff'ffff, 0},
    {dma::status, 0xffff'ffff, 0},
    {dma::head, 0xffff'ffff, 0},
    {dma::address_mask, ~std::uint64_t{0}, ~std::uint64_t{0}},
};

void expect(Bench& bench, Verdict& verdict, const ResetValue& wanted, unsigned instance = 0) {
  const std::uint64_t found = bench.read(wanted.reg, 0, instance);
  if ((found & wanted.bits) == wanted.value) return;
  verdict.fail(fmt::format("after RESET, {} (BAR {}, offset {:#x}) reads {} in the bits {}", wanted.reg.name,
                           wanted.reg.bar, wanted.reg.offset + instance * dma::kBlock.instance_stride,
                           ioas::hex(wanted.value), ioas::hex(wanted.bits)),
               ioas::hex(found));
}

/// Makes registers differ from what they have to be after a reset, so that a reset that does nothing is seen.
void disturb(Bench& bench) {
  if (bench.has(iommu::capabilities_f::hpm)) bench.write(iommu::iocountinh, 0);
  bench.write(iommu::cqcsr, iommu::cqcsr_f::cie.mask());
  bench.write(iommu::fqcsr, iommu::fqcsr_f::fie.mask());
  // No device can do anything yet, so that where the directory should be does not matter.
  bench.write(iommu::ddtp, static_cast<std::uint64_t>(regs::IommuMode::k1lvl));
  for (unsigned channel = 0; channel < bench.identity().channels; ++channel) {
    bench.write(dma::ctrl, dma::ctrl_f::irq_enable.mask() | dma::ctrl_f::privileged.mask(), 0, channel);
    bench.write(dma::address_mask, 0xfff, 0, channel);
  }
}

}  // namespace

void test_reset(Bench& bench, Verdict& verdict) {
  bench.reset();
  disturb(bench);
  const std::uint64_t before = card::cycles(bench.card());
  bench.reset();
  const std::uint64_t after = card::cycles(bench.card());
  // RESET leaves CYCLE alone; the function-level reset behind it, where there is one, may begin it anew.
  if (after > before) verdict.fact("reset_cycles", after - before);

  const std::uint64_t mode = iommu::ddtp_f::iommu_mode.get(bench.read(iommu::ddtp));
  if (mode > static_cast<std::uint64_t>(regs::IommuMode::kBare))
    verdict.fail("after RESET, ddtp.iommu_mode is Off (0) or Bare (1)", fmt::format("{}", mode));
  for (const ResetValue& wanted : kIommu) expect(bench, verdict, wanted);
  if (bench.has(iommu::capabilities_f::hpm)) {
    const std::uint64_t found = bench.read(iommu::iocountinh);
    bench.write(iommu::iocountinh, 0xffff'ffff);
    if (const std::uint64_t all = bench.read(iommu::iocountinh); found != all)
      verdict.fail("after RESET, every counter stands: iocountinh reads " + ioas::hex(all), ioas::hex(found));
  }
  for (const ResetValue& wanted : kCard) expect(bench, verdict, wanted);
  for (unsigned channel = 0; channel < bench.identity().channels; ++channel)
    for (const ResetValue& wanted : kChannel) expect(bench, verdict, wanted, channel);
}

}  // namespace aperture::sw::selftest
