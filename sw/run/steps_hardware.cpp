// SPDX-License-Identifier: Apache-2.0
// What the hardware does beyond maps: handler, faults.
#include <array>

#include "riscv/demand_pages.hpp"
#include "run/dma.hpp"
#include "run/steps.hpp"

namespace aperture::sw::run {
namespace {

using ioas::Outcome;

Outcome<Json> handler(World& world, const Arguments& step) {
  auto space = world.ioas(step.text("ioas"));
  if (!space) return std::unexpected(std::move(space.error()));
  auto memory = world.memory(step.text("memory"));
  if (!memory) return std::unexpected(std::move(memory.error()));
  const auto pages = (*memory)->pages();
  if (!pages) return std::unexpected(refusal(pages.error()));
  const ioas::Prot prot = (*memory)->readonly() ? ioas::Prot::kRead : ioas::Prot::kReadWrite;
  auto done = world.set_handler(world.device(step.text("device")),
                                {step.text("ioas"), riscv::demand_pages(**space, *pages, {.prot = prot})});
  if (!done) return std::unexpected(std::move(done.error()));
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

constexpr std::array kSteps{PlainStep{"handler", handler}, PlainStep{"faults", faults}};

}  // namespace

std::span<const PlainStep> hardware_steps() { return kSteps; }

}  // namespace aperture::sw::run
