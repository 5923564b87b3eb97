// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Memory-mapped register interface", sections "Performance-monitoring cycles counter",
// "Performance-monitoring event counters" and "Performance-monitoring event selectors".
//
// Decided here: without caches each request that needs a page table misses, and each directory or table is walked for
// each request; each entry that is read counts as a walk. A request counts when it arrives, also if the mode is Off.
// With IDT = 1 an event that knows IDT = 0 only does not count, filtered or not.
#include "tb/model/model.hpp"

namespace aperture::tb::model {

Model::Subject Model::subject(const Context& context) {
  return {context.request.device_id, context.request.process_id, context.gscid, context.pscid};
}

/// "filtering options"
bool Model::selected(std::uint64_t selector, Event event, const Subject& subject) {
  if (bits(selector, 14, 0) != static_cast<std::uint64_t>(event)) return false;
  const bool idt = bit(selector, 62);
  const bool knows_idt_1 =
      event == Event::kTlbMiss || event == Event::kFirstStageWalk || event == Event::kSecondStageWalk;
  if (idt && !knows_idt_1) return false;
  if (bit(selector, 60)) {
    const auto id = idt ? subject.pscid : subject.process_id;
    if (!id || *id != bits(selector, 35, 16)) return false;
  }
  if (bit(selector, 61)) {
    const auto id = idt ? subject.gscid : std::optional(subject.device_id);
    const std::uint64_t wanted = bits(selector, 59, 36);
    // DMASK: the low bits up to and with the first 0 are not compared.
    const std::uint64_t masked = bit(selector, 15) ? wanted ^ (wanted + 1) : 0;
    if (!id || ((*id ^ wanted) & ~masked) != 0) return false;
  }
  return true;
}

void Model::count(Event event, const Subject& subject) {
  if (!cap_.hpm()) return;
  for (unsigned i = 1; i <= straps_.hpm_counters; ++i) {
    if (bit(reg_.iocountinh, i) || !selected(reg_.iohpmevt[i], event, subject)) continue;
    reg_.iohpmctr[i] = (reg_.iohpmctr[i] + 1) & ones(straps_.hpm_counter_bits);
    if (reg_.iohpmctr[i] != 0 || bit(reg_.iohpmevt[i], 63)) continue;
    reg_.iohpmevt[i] |= field_mask(63, 63);
    raise(Interrupt::kPerformance);
  }
}

void Model::count_cycles(std::uint64_t cycles) {
  if (!cap_.hpm() || bit(reg_.iocountinh, 0)) return;
  const std::uint64_t before = bits(reg_.iohpmcycles, 62, 0);
  const bool overflows = cycles > ones(63) - before;
  const bool of = bit(reg_.iohpmcycles, 63);
  reg_.iohpmcycles = bits(before + cycles, 62, 0) | (of || overflows ? field_mask(63, 63) : 0);
  if (overflows && !of) raise(Interrupt::kPerformance);
}

}  // namespace aperture::tb::model
