// SPDX-License-Identifier: Apache-2.0
// attach, replace, nest, detach.
#include <algorithm>
#include <array>
#include <optional>

#include "run/edits.hpp"

namespace aperture::sw::run {
namespace {

using ioas::Outcome;

Outcome<> attach_as(World& world, const Arguments& step, bool replace_only, std::vector<ioas::Edit>& out) {
  auto to = world.ioas(step.text("ioas"));
  if (!to) return std::unexpected(std::move(to.error()));
  ioas::Device& device = *world.device(step.text("device")).device;
  out.push_back(ioas::AttachEdit{*to, &device, step.process(), step.optional("generation"), replace_only, {}});
  return {};
}

Outcome<> attach(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return attach_as(world, step, false, out);
}

Outcome<> replace(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return attach_as(world, step, true, out);
}

/// Where the guest has the memory that its table lies in.
std::optional<GuestPhysical> guest_address(const ioas::Ioas& parent, const std::byte* memory) {
  for (const ioas::Ioas::MapInfo& map : parent.maps()) {
    const std::byte* const first = map.pages->data() + map.offset;
    if (memory < first || static_cast<std::uint64_t>(memory - first) > map.range.extent()) continue;
    return GuestPhysical{map.range.first.value + static_cast<std::uint64_t>(memory - first)};
  }
  return {};
}

Outcome<> nest(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  auto parent = world.ioas(step.text("parent"));
  if (!parent) return std::unexpected(std::move(parent.error()));
  const Arguments table(*step.find("table"));
  auto memory = world.memory(table.text("memory"));
  if (!memory) return std::unexpected(std::move(memory.error()));
  ioas::Device& device = *world.device(step.text("device")).device;
  const bool nests = std::ranges::find(device.formats({}), 2U, &ioas::Format::stage) != device.formats({}).end();
  const auto root = guest_address(**parent, (*memory)->at(table.number("offset")));
  if (nests && !root) {
    return std::unexpected(
        refusal(Code::kInvalid, EINVAL, "the guest's table is not in the memory that the parent has"));
  }
  const ioas::GuestTable guest{table.text("format"), root.value_or(GuestPhysical{})};
  out.push_back(ioas::AttachEdit{*parent, &device, {}, {}, false, guest});
  return {};
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
    EditStep{"nest", nest, show_attached, nullptr},
};

}  // namespace

std::span<const EditStep> device_steps() { return kSteps; }

}  // namespace aperture::sw::run
