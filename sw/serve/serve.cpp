// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "card/registers.hpp"
#include "card/registry.hpp"
#include "command.hpp"
#include "options.hpp"
#include "output.hpp"
#include "registers.hpp"
#include "regs/registers.hpp"
#include "serve/dma_function.hpp"
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

/// What the IOMMU is left with: its registers by name, those of performance counters and messages aside, and the card's
/// counters of what went through it.
Json registers_json() {
  Json registers = Json::object();
  card::Mmio& mmio = tb::Bench::instance()->card().mmio();
  namespace c = regs::card;
  for (const regs::Register* reg : {&c::translations, &c::tlb_hits, &c::tlb_misses, &c::walk_reads, &c::faults})
    registers[reg->name] = decode(*reg, card::read(mmio, *reg));
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
            {"unsupported", traffic.unsupported}}}};
}

std::string counts(const Json& section) {
  std::string text;
  for (const auto& [name, count] : section.items()) text += fmt::format(" {} {}", name, count.get<std::uint64_t>());
  return text.empty() ? " none" : text;
}

std::string traffic_text(const Json& section) {
  return fmt::format(
      "client ended: {}\n   received:{}\n   sent:{}\n   {} error replies, {} device resets, {} function level resets, "
      "{} interrupts\n   DMA bytes:{}\n",
      string_of(section, "end"), counts(section.at("received")), counts(section.at("sent")),
      number_of(section, "error_replies"), number_of(section, "device_resets"),
      number_of(section, "function_level_resets"), number_of(section, "interrupts"), counts(section.at("dma")));
}

std::string dma_client_text(const Json& section) { return "DMA function: " + traffic_text(section); }

std::string client_text(const Json& section) {
  const Json& registers = section.at("registers");
  const auto field = [&](const char* reg, const char* name) {
    const Json& value = registers.at(reg).at(name);
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  return traffic_text(section) + fmt::format("   IOMMU: iommu_mode {}, cqh {}, cqt {}, cqon {}, fqon {}\n",
                                             field("ddtp", "iommu_mode"), field("cqh", "index"), field("cqt", "index"),
                                             field("cqcsr", "cqon"), field("fqcsr", "fqon"));
}

std::string listening_text(const Json& section) {
  const std::string dma = string_of(section, "dma_path");
  return fmt::format("listening on {}\n", string_of(section, "path")) +
         (dma.empty() ? "" : fmt::format("listening on {}\n", dma));
}

void log(const std::string& line) { fmt::print(stderr, "aperture serve: {}\n", line); }

}  // namespace

Exit run_serve(const Arguments& arguments) {
  std::string path;
  std::string dma_path;
  std::string which = "card";
  bool once = false;
  po::options_description own("Options");
  auto add = own.add_options();
  add("socket", po::value(&path)->value_name("PATH"), "where to listen (or the first argument)");
  add("function", po::value(&which)->value_name("NAME"),
      "card, or iommu: its IOMMU alone, as Linux's riscv-iommu binds it");
  add("dma-socket", po::value(&dma_path)->value_name("PATH"),
      "with the function iommu: where to listen for who drives the card's DMA channels, a function behind it");
  add("once", po::bool_switch(&once), "end with the first client");
  po::variables_map values;
  const CommonOptions common =
      parse("serve", arguments, own, po::positional_options_description().add("socket", 1), values);
  if (path.empty()) throw UsageError("where? --socket PATH is missing");
  if (which != "card" && which != "iommu")
    throw UsageError(fmt::format("option '--function': there are card and iommu, not '{}'", which));
  if (!dma_path.empty() && which != "iommu")
    throw UsageError("option '--dma-socket': the function card has the channels itself; it goes with --function iommu");
  const tb::Options card = simulated(common);

  const serve::EndSignals signals;
  serve::Server server = take(serve::Server::listen(path));
  std::optional<serve::Server> dma_server;
  if (!dma_path.empty()) dma_server.emplace(take(serve::Server::listen(dma_path)));
  serve::ClientMemory memory;
  serve::ClientMemory dma_memory;
  std::unique_ptr<serve::Function> function;
  std::optional<serve::DmaFunction> dma;
  if (which == "iommu") {
    auto iommu = std::make_unique<serve::IommuFunction>(card, dma_server ? dma_memory : memory, memory);
    if (dma_server) dma.emplace(iommu->card());
    function = std::move(iommu);
  } else {
    function = std::make_unique<serve::SimFunction>(card, memory, memory);
  }
  Output output(common.json);
  output.section("run",
                 {{"command", "serve"},
                  {"function", which},
                  {"card", common.card},
                  {"seed", card.seed},
                  {"path", path},
                  {"dma_path", dma_path}},
                 listening_text);
  if (common.json) fmt::print(stderr, "listening on {}\n", path);
  std::vector<serve::Server*> servers{&server};
  server.offer(*function, memory,
               {.client_ended =
                    [&, clients = 0](const serve::Summary& summary) mutable {
                      Json section = summary_json(summary);
                      section["registers"] = registers_json();
                      output.section(fmt::format("client{}", clients++), std::move(section), client_text);
                    },
                .log = log});
  if (dma_server) {
    servers.push_back(&*dma_server);
    dma_server->offer(*dma, dma_memory,
                      {.client_ended =
                           [&, clients = 0](const serve::Summary& summary) mutable {
                             output.section(fmt::format("dma_client{}", clients++), summary_json(summary),
                                            dma_client_text);
                           },
                       .log = log});
  }
  serve::Server::run(servers, signals.fd(), once);
  return output.finish();
}

}  // namespace aperture::sw
