// SPDX-License-Identifier: Apache-2.0
// map, copy, unmap.
#include <array>
#include <limits>

#include "ioas/arguments.hpp"
#include "run/edits.hpp"

namespace aperture::sw::run {
namespace {

using ioas::Outcome;

/// Where a map or unmap goes: to an IOAS, or to what all members of a mirror have.
Outcome<ioas::Ioas*> space_of(World& world, const Arguments& step) {
  if (!step.has("mirror")) return world.ioas(step.text("ioas"));
  auto mirror = world.mirror(step.text("mirror"));
  if (!mirror) return std::unexpected(std::move(mirror.error()));
  return &(*mirror)->space();
}

/// An IOAS is missing; but the numbers of a map or copy are judged before it is looked for.
std::unexpected<ioas::Refusal> missing(const Arguments& step, ioas::Refusal& refused) {
  auto checked = ioas::check_arguments(step.iova(), step.number("length"), step.prot());
  return std::unexpected(checked ? std::move(refused) : refusal(std::move(checked.error())));
}

Outcome<> map_edit(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  auto to = space_of(world, step);
  if (!to) return missing(step, to.error());
  auto memory = world.memory(step.text("memory"));
  if (!memory) return std::unexpected(std::move(memory.error()));
  const std::uint64_t offset = step.number("offset");
  out.push_back(ioas::MapEdit{*to, (*memory)->at(offset), step.number("length"), step.iova(), step.prot(),
                              (*memory)->file(offset)});
  return {};
}

Outcome<> copy_edit(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  auto from = world.ioas(step.text("from"));
  if (!from) return missing(step, from.error());
  auto to = world.ioas(step.text("to"));
  if (!to) return missing(step, to.error());
  out.push_back(
      ioas::CopyEdit{*from, {step.number("from_iova")}, step.number("length"), *to, step.iova(), step.prot()});
  return {};
}

void show_iova(World&, const Arguments&, std::span<const ioas::Effect> effects, Json& result) {
  result["iova"] = effects.front().iova.value;
}

Outcome<> unmap_edit(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  auto from = space_of(world, step);
  if (!from) return std::unexpected(std::move(from.error()));
  constexpr std::uint64_t kEverything = std::numeric_limits<std::uint64_t>::max();
  const bool all = step.flag("all");
  out.push_back(ioas::UnmapEdit{*from, {step.number("iova")}, all ? kEverything : step.number("length")});
  return {};
}

void show_unmap(World&, const Arguments&, std::span<const ioas::Effect> effects, Json& result) {
  result["length"] = effects.front().length;
}

constexpr std::array kSteps{
    EditStep{"map", map_edit, show_iova, nullptr},
    EditStep{"copy", copy_edit, show_iova, nullptr},
    EditStep{"unmap", unmap_edit, show_unmap, nullptr},
};

}  // namespace

std::span<const EditStep> map_steps() { return kSteps; }

}  // namespace aperture::sw::run
