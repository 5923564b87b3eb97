// SPDX-License-Identifier: Apache-2.0
// What the hardware does beyond maps: nest, handler, faults.
#include <fmt/format.h>

#include <array>

#include "run/dma.hpp"
#include "run/steps.hpp"

namespace aperture::sw::run {
namespace {

using ioas::Outcome;

Outcome<Json> nest(World& world, const Arguments& step) {
  auto parent = world.ioas(step.text("parent"));
  if (!parent) return std::unexpected(std::move(parent.error()));
  const Arguments table(*step.find("table"));
  if (auto memory = world.memory(table.text("memory")); !memory) return std::unexpected(std::move(memory.error()));
  return std::unexpected(refusal(Code::kUnsupported, EOPNOTSUPP,
                                 fmt::format("device {} has no domains of two stages", step.text("device"))));
}

Outcome<Json> handler(World& world, const Arguments& step) {
  if (auto space = world.ioas(step.text("ioas")); !space) return std::unexpected(std::move(space.error()));
  if (auto memory = world.memory(step.text("memory")); !memory) return std::unexpected(std::move(memory.error()));
  DeviceEntry& device = world.device(step.text("device"));
  if (device.memory == nullptr) {
    return std::unexpected(
        refusal(Code::kUnsupported, EOPNOTSUPP, fmt::format("device {} sends no page requests", step.text("device"))));
  }
  device.handler = Handler{step.text("memory"), step.text("ioas")};
  return Json::object();
}

Outcome<Json> faults(World& world, const Arguments&) {
  collect_faults(world);
  Json list = Json::array();
  for (const FaultRecord& fault : world.faults()) {
    Json one{{"cause", fault.cause}, {"device_id", fault.device_id}};
    if (fault.process_id) one["process_id"] = *fault.process_id;
    one["iova"] = fault.iova;
    one["iotval2"] = fault.iotval2;
    one["ttyp"] = fault.ttyp;
    list.push_back(std::move(one));
  }
  world.faults().clear();
  return Json{{"faults", std::move(list)}};
}

constexpr std::array kSteps{PlainStep{"nest", nest}, PlainStep{"handler", handler}, PlainStep{"faults", faults}};

}  // namespace

std::span<const PlainStep> hardware_steps() { return kSteps; }

}  // namespace aperture::sw::run
