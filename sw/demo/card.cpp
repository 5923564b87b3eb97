// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "card/registers.hpp"
#include "demo/steps.hpp"
#include "registers.hpp"

namespace aperture::sw::demo {

Json show_card(Session& session) {
  card::Mmio& mmio = session.card().mmio();
  const card::Identity& identity = session.identity();
  const std::uint64_t capabilities = card::read(mmio, regs::iommu::capabilities);
  Json section = {
      {"layout", fmt::format("{}.{}", identity.major, identity.minor)},
      {"build", fmt::format("{:016x}", identity.build)},
      {"clock_hz", identity.clock_hz},
      {"parameters", decode(regs::card::parameters, card::read(mmio, regs::card::parameters))},
      {"capabilities", {{"value", hex(capabilities)}, {"fields", decode(regs::iommu::capabilities, capabilities)}}}};
  check(section, "the IOMMU follows version 1.0 of the specification",
        regs::iommu::capabilities_f::version.get(capabilities) == 0x10);
  return section;
}

namespace {

/// "sv39 sv48 igs=1 pas=56": what is there, numbers where a field is one.
std::string present(const Json& fields) {
  std::string text;
  for (const auto& [name, value] : fields.items()) {
    const auto number = value.get<std::uint64_t>();
    if (number == 1 && name != "igs") {
      text += " " + name;
    } else if (number != 0 && name != "version") {
      text += fmt::format(" {}={}", name, number);
    }
  }
  return text;
}

}  // namespace

std::string card_text(const Json& section) {
  const Json& sizes = section.at("parameters");
  const Json& capabilities = section.at("capabilities");
  return fmt::format(
      "\n1. The card\n"
      "   build {}, register layout {}, {} MHz; {} bits wide, {} DMA channels\n"
      "   IOTLB {} ways x {} sets and {} large entries, {} contexts, {} walk slots\n"
      "   capabilities {}:{}\n",
      string_of(section, "build"), string_of(section, "layout"), number_of(section, "clock_hz") / 1'000'000,
      number_of(sizes, "data_width"), number_of(sizes, "channels"), number_of(sizes, "tlb_ways"),
      number_of(sizes, "tlb_sets"), number_of(sizes, "tlb_large"), number_of(sizes, "contexts"),
      number_of(sizes, "slots"), string_of(capabilities, "value"), present(capabilities.at("fields")));
}

}  // namespace aperture::sw::demo
