// SPDX-License-Identifier: Apache-2.0
#include "run/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/text_file.hpp"
#include "run/arguments.hpp"
#include "run/check.hpp"

namespace aperture::sw::run {
namespace {

DeviceSpec device_of(const Json& json, std::uint64_t place) {
  const Arguments device(json);
  DeviceSpec spec;
  spec.name = device.text("name");
  spec.device_id = device.number("device_id", place);
  spec.channel = device.optional("channel");
  spec.dma_bits = device.number("dma_bits", 64);
  spec.page_sizes = device.optional("page_sizes");
  for (const Json& one : device.list("reserved")) {
    const Arguments reserved(one);
    spec.reserved.push_back({{{reserved.number("first")}, {reserved.number("last")}}, reserved.cause()});
  }
  const Json* domain = device.find("domain");
  if (domain == nullptr || *domain == "riscv") return spec;
  spec.home = *domain == "host" ? Home::kHost : Home::kMemory;
  if (spec.home == Home::kHost) return spec;
  const Arguments memory(*domain);
  spec.domain_page_sizes = memory.optional("page_sizes");
  if (const Json* aperture = memory.find("aperture")) {
    spec.apertures = ranges_of((*aperture)[0].is_array() ? *aperture : Json::array({*aperture}));
  }
  return spec;
}

std::string message(const std::string& place, const Complaint& wrong) {
  return fmt::format("{}: {}{}{}", place, wrong.pointer, wrong.pointer.empty() ? "" : ": ", wrong.what);
}

}  // namespace

bool Scenario::needs_card() const {
  return std::ranges::any_of(devices, [](const DeviceSpec& device) { return device.home == Home::kRiscv; });
}

std::expected<Scenario, Complaint> parse_scenario(const Json& document) {
  if (auto wrong = Check().scenario(document)) return std::unexpected(std::move(*wrong));
  const Arguments top(document);
  Scenario out;
  out.name = top.text("name");
  out.description = top.text("description");
  out.seed = top.optional("seed");
  if (const Json* card = top.find("card")) {
    const Arguments keys(*card);
    if (const Json* straps = keys.find("straps")) out.straps = straps->dump();
    out.profile = keys.text("profile");
  }
  for (const Json& device : top.list("devices")) out.devices.push_back(device_of(device, out.devices.size() + 1));
  out.steps = document["steps"];
  return out;
}

Result<std::vector<Scenario>> read_scenarios(const std::filesystem::path& file) {
  const auto content = formats::read_text(file);
  if (!content) return std::unexpected(content.error());
  const std::string_view text(content->data(), content->size());
  const std::filesystem::path plain = file.extension() == ".gz" ? file.stem() : file.filename();
  const bool lines = plain.extension() == ".jsonl";
  std::vector<formats::TextLine> pieces;
  if (lines) {
    pieces = formats::lines_of(text);
  } else {
    pieces.push_back({0, text});
  }
  std::vector<Scenario> out;
  for (const formats::TextLine& piece : pieces) {
    const std::string place = lines ? fmt::format("{}:{}", file.string(), piece.number) : file.string();
    const auto document = formats::parse_object(piece.text);
    if (!document) return fail(Code::kInvalid, EINVAL, message(place, document.error()));
    auto scenario = parse_scenario(*document);
    if (!scenario) return fail(Code::kInvalid, EINVAL, message(place, scenario.error()));
    scenario->place = place;
    scenario->folder = file.parent_path();
    if (scenario->name.empty()) {
      scenario->name = plain.stem().string() + (lines ? fmt::format(":{}", piece.number) : "");
    }
    out.push_back(std::move(*scenario));
  }
  if (out.empty()) return fail(Code::kInvalid, EINVAL, fmt::format("{}: there is no scenario in it", file.string()));
  return out;
}

}  // namespace aperture::sw::run
