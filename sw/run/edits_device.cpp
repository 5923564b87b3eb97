// SPDX-License-Identifier: Apache-2.0
// attach, replace, detach.
#include <array>

#include "run/edits.hpp"

namespace aperture::sw::run {
namespace {

using ioas::Outcome;

Outcome<> attach_as(World& world, const Arguments& step, bool replace_only, std::vector<ioas::Edit>& out) {
  auto to = world.ioas(step.text("ioas"));
  if (!to) return std::unexpected(std::move(to.error()));
  ioas::Device& device = *world.device(step.text("device")).device;
  out.push_back(ioas::AttachEdit{*to, &device, step.process(), step.optional("generation"), replace_only});
  return {};
}

Outcome<> attach(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return attach_as(world, step, false, out);
}

Outcome<> replace(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return attach_as(world, step, true, out);
}

void show_attached(World&, const Arguments&, std::span<const ioas::Effect> effects, Json& result) {
  const ioas::Effect& effect = effects.front();
  result["hitless"] = effect.hitless;
  result["format"] = effect.format;
  if (effect.levels != 0) result["levels"] = effect.levels;
}

Outcome<> detach(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  ioas::Device& device = *world.device(step.text("device")).device;
  if (step.has("ioas")) {
    auto from = world.ioas(step.text("ioas"));
    if (!from) return std::unexpected(std::move(from.error()));
    const ioas::ProcessId process = step.process();
    // Of another IOAS it is unattached, and stays where it is.
    if (process != 0U && world.platform().attached_to(device, process) != *from) return {};
  }
  out.push_back(ioas::DetachEdit{&device, step.process()});
  return {};
}

constexpr std::array kSteps{
    EditStep{"attach", attach, show_attached, nullptr},
    EditStep{"replace", replace, show_attached, nullptr},
    EditStep{"detach", detach, nullptr, nullptr},
};

}  // namespace

std::span<const EditStep> device_steps() { return kSteps; }

}  // namespace aperture::sw::run
