// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "card/registers.hpp"
#include "demo/steps.hpp"

namespace aperture::sw::demo {

Json figures(Session& session, double seconds) {
  card::Mmio& mmio = session.card().mmio();
  const auto counter = [&](const regs::Register& reg) { return card::read(mmio, reg); };
  const std::uint64_t cycles = counter(regs::card::cycle);
  const std::uint64_t bytes = counter(regs::card::read_bytes) + counter(regs::card::write_bytes);
  const std::uint64_t translations = counter(regs::card::translations);
  const std::uint64_t hits = counter(regs::card::tlb_hits);
  const std::uint64_t misses = counter(regs::card::tlb_misses);
  Json section = {{"cycles", cycles},
                  {"translations", translations},
                  {"tlb_hits", hits},
                  {"tlb_misses", misses},
                  {"walk_reads", counter(regs::card::walk_reads)},
                  {"faults", counter(regs::card::faults)},
                  {"bytes", bytes},
                  {"bytes_per_cycle", static_cast<double>(bytes) / static_cast<double>(cycles)},
                  {"seconds", seconds},
                  {"kilohertz", static_cast<double>(cycles) / seconds / 1e3}};
  check(section, "every translation was a hit or a miss", hits + misses == translations);
  return section;
}

std::string figures_text(const Json& section) {
  return fmt::format(
      "\n5. Figures, all of it\n"
      "   {} cycles, {} translations: {} IOTLB hits, {} misses, {} walk reads, {} faults\n"
      "   {} bytes read and written, {:.2f} per cycle; {:.1f} s, {:.0f} kHz\n",
      number_of(section, "cycles"), number_of(section, "translations"), number_of(section, "tlb_hits"),
      number_of(section, "tlb_misses"), number_of(section, "walk_reads"), number_of(section, "faults"),
      number_of(section, "bytes"), section.at("bytes_per_cycle").get<double>(), section.at("seconds").get<double>(),
      section.at("kilohertz").get<double>());
}

}  // namespace aperture::sw::demo
