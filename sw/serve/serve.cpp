// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <memory>
#include <string>
#include <utility>

#include "card/registry.hpp"
#include "command.hpp"
#include "options.hpp"
#include "output.hpp"
#include "registers.hpp"
#include "regs/registers.hpp"
#include "serve/iommu_function.hpp"
#include "serve/server.hpp"
#include "serve/sim_function.hpp"
#include "session.hpp"
#include "tb/card/dut.hpp"
#include "tb/sim_factory.hpp"

namespace aperture::sw {

namespace {

namespace po = boost::program_options;

/// What `--card sim:...` says. Throws UsageError or Failure.
tb::Options simulated(const CommonOptions& common) {
  auto parsed = card::registry().parse(common.card);
  if (!parsed) throw UsageError("option '--card': " + parsed.error().what);
  auto& [factory, keys] = *parsed;
  if (factory->name != "sim") throw UsageError("option '--card': only a simulated card, sim, can be served");
  if (!keys.has("seed")) keys.set("seed", std::to_string(common.seed));
  const auto options = tb::parse_options(keys);
  if (!options) {
    if (options.error().code == Code::kInvalid) throw UsageError("option '--card': " + options.error().what);
    throw Failure(options.error());
  }
  if (!tb::has_width(options->width))
    throw Failure(Exit::kEnvironment, fmt::format("sim: this build has no card of {} bits", options->width));
  return *options;
}

std::unique_ptr<serve::Function> served(const std::string& which, const tb::Options& card, serve::BusMemory& memory) {
  if (which == "iommu") return std::make_unique<serve::IommuFunction>(card, memory);
  return std::make_unique<serve::SimFunction>(card, memory);
}

/// What the IOMMU is left with: its registers by name, those of performance counters and messages aside.
Json registers_json() {
  Json registers = Json::object();
  card::Mmio& mmio = tb::Bench::instance()->card().mmio();
  for (const regs::Register& reg : regs::iommu::kAll) {
    if (reg.count != 1) continue;
    const std::uint64_t value =
        reg.size == 8 ? mmio.read64(card::Bar::kIommu, reg.offset) : mmio.read32(card::Bar::kIommu, reg.offset);
    registers[reg.name] = decode(reg, value);
  }
  return registers;
}

Json summary_json(const serve::Summary& summary) {
  const serve::Traffic& traffic = summary.traffic;
  return {{"end", summary.end},
          {"received", summary.received},
          {"sent", summary.sent},
          {"error_replies", summary.error_replies},
          {"device_resets", summary.device_resets},
          {"function_level_resets", summary.function_level_resets},
          {"interrupts", summary.interrupts},
          {"dma",
           {{"file_read", traffic.file_read},
            {"file_written", traffic.file_written},
            {"message_read", traffic.message_read},
            {"message_written", traffic.message_written},
            {"unsupported", traffic.unsupported}}},
          {"registers", registers_json()}};
}

std::string counts(const Json& section) {
  std::string text;
  for (const auto& [name, count] : section.items()) text += fmt::format(" {} {}", name, count.get<std::uint64_t>());
  return text.empty() ? " none" : text;
}

std::string client_text(const Json& section) {
  const Json& registers = section.at("registers");
  const auto field = [&](const char* reg, const char* name) {
    const Json& value = registers.at(reg).at(name);
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  return fmt::format(
      "client ended: {}\n   received:{}\n   sent:{}\n   {} error replies, {} device resets, {} function level resets, "
      "{} interrupts\n   DMA bytes:{}\n   IOMMU: iommu_mode {}, cqh {}, cqt {}, cqon {}, fqon {}\n",
      string_of(section, "end"), counts(section.at("received")), counts(section.at("sent")),
      number_of(section, "error_replies"), number_of(section, "device_resets"),
      number_of(section, "function_level_resets"), number_of(section, "interrupts"), counts(section.at("dma")),
      field("ddtp", "iommu_mode"), field("cqh", "index"), field("cqt", "index"), field("cqcsr", "cqon"),
      field("fqcsr", "fqon"));
}

std::string listening_text(const Json& section) { return fmt::format("listening on {}\n", string_of(section, "path")); }

}  // namespace

Exit run_serve(const Arguments& arguments) {
  serve::Server::Options options;
  std::string which = "card";
  po::options_description own("Options");
  auto add = own.add_options();
  add("socket", po::value(&options.path)->value_name("PATH"), "where to listen (or the first argument)");
  add("function", po::value(&which)->value_name("NAME"),
      "card, or iommu: its IOMMU alone, as Linux's riscv-iommu binds it");
  add("once", po::bool_switch(&options.once), "end with the first client");
  po::variables_map values;
  const CommonOptions common =
      parse("serve", arguments, own, po::positional_options_description().add("socket", 1), values);
  if (options.path.empty()) throw UsageError("where? --socket PATH is missing");
  if (which != "card" && which != "iommu")
    throw UsageError(fmt::format("option '--function': there are card and iommu, not '{}'", which));
  const tb::Options card = simulated(common);

  const serve::EndSignals signals;
  serve::Server server = take(serve::Server::listen(options));
  serve::ClientMemory memory;
  const auto function = served(which, card, memory);
  Output output(common.json);
  unsigned clients = 0;
  output.section(
      "run",
      {{"command", "serve"}, {"function", which}, {"card", common.card}, {"seed", card.seed}, {"path", options.path}},
      listening_text);
  if (common.json) fmt::print(stderr, "listening on {}\n", options.path);
  server.run(*function, memory, signals.fd(),
             {.client_ended =
                  [&](const serve::Summary& summary) {
                    output.section(fmt::format("client{}", clients++), summary_json(summary), client_text);
                  },
              .log = [](const std::string& line) { fmt::print(stderr, "aperture serve: {}\n", line); }});
  return output.finish();
}

}  // namespace aperture::sw
