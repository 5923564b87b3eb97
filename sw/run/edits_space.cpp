// SPDX-License-Identifier: Apache-2.0
// What IOASes have of each other: ioas (with clones), mirror, project.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "run/edits.hpp"

namespace aperture::sw::run {
namespace {

using ioas::Outcome;
using Effects = std::span<const ioas::Effect>;

Outcome<> make_ioas(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  ioas::Ioas* from = nullptr;
  bool huge_pages = true;
  bool eager = false;
  if (step.has("from")) {
    auto source = world.ioas(step.text("from"));
    if (!source) return std::unexpected(std::move(source.error()));
    from = *source;
    huge_pages = from->huge_pages();
    eager = world.eager(step.text("from"));
  }
  auto made = world.add_ioas(step.text("name"), step.flag("huge_pages", huge_pages), step.flag("eager_pin", eager));
  if (!made) return std::unexpected(std::move(made.error()));
  if (from == nullptr) return {};
  const auto prot = step.has("prot") ? std::optional(step.prot()) : std::nullopt;
  out.push_back(ioas::CloneEdit{from, *made, step.ranges("ranges"), step.number("rebase"), prot});
  return {};
}

void unmake_ioas(World& world, const Arguments& step) { world.drop_ioas(step.text("name")); }

Outcome<> make_mirror(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  std::vector<ioas::Ioas*> members;
  for (const Json& name : step.list("members")) {
    auto member = world.ioas(name.get<std::string>());
    if (!member) return std::unexpected(std::move(member.error()));
    members.push_back(*member);
  }
  auto mirror = world.add_mirror(step.text("name"));
  if (!mirror) return std::unexpected(std::move(mirror.error()));
  for (ioas::Ioas* member : members) out.push_back(ioas::ProjectEdit{&(*mirror)->space(), ioas::kAll, member, {0}});
  return {};
}

void unmake_mirror(World& world, const Arguments& step) { world.drop_mirror(step.text("name")); }

Outcome<> join(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  auto mirror = world.mirror(step.text("mirror"));
  if (!mirror) return std::unexpected(std::move(mirror.error()));
  auto member = world.ioas(step.text("ioas"));
  if (!member) return std::unexpected(std::move(member.error()));
  out.push_back(ioas::ProjectEdit{&(*mirror)->space(), ioas::kAll, *member, {0}});
  return {};
}

Outcome<> leave(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  auto mirror = world.mirror(step.text("mirror"));
  if (!mirror) return std::unexpected(std::move(mirror.error()));
  auto member = world.ioas(step.text("ioas"));
  if (!member) return std::unexpected(std::move(member.error()));
  const auto followers = world.platform().followers((*mirror)->space());
  const auto found = std::ranges::find(followers, *member, &ioas::Follower::ioas);
  out.push_back(ioas::UnprojectEdit{found == followers.end() ? 0 : found->projection, true});
  return {};
}

Outcome<> project(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  auto from = world.ioas(step.text("from"));
  if (!from) return std::unexpected(std::move(from.error()));
  auto to = world.ioas(step.text("to"));
  if (!to) return std::unexpected(std::move(to.error()));
  const std::string name = step.text("name");
  const Projected made{
      0, step.text("from"), step.text("to"), {{step.number("first")}, {step.number("last")}}, {step.number("at")}};
  if (!world.projections().emplace(name, made).second) {
    return std::unexpected(refusal(Code::kExists, EEXIST, fmt::format("projection \"{}\" exists", name)));
  }
  out.push_back(ioas::ProjectEdit{*from, made.range, *to, made.at});
  return {};
}

void show_project(World& world, const Arguments& step, Effects effects, Json&) {
  world.projections().at(step.text("name")).id = effects.front().projection;
}

void unproject_again(World& world, const Arguments& step) { world.projections().erase(step.text("name")); }

/// Whether what the step says beside the name is that projection.
bool same(const Projected& made, const Arguments& step) {
  return (!step.has("from") || step.text("from") == made.from) && (!step.has("to") || step.text("to") == made.to) &&
         step.number("first", made.range.first.value) == made.range.first.value &&
         step.number("last", made.range.last.value) == made.range.last.value &&
         step.number("at", made.at.value) == made.at.value;
}

Outcome<> unproject(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  const auto found = world.projections().find(step.text("name"));
  if (found == world.projections().end() || !same(found->second, step)) {
    return std::unexpected(
        refusal(Code::kNotFound, ENOENT, fmt::format("there is no projection \"{}\" now", step.text("name"))));
  }
  out.push_back(ioas::UnprojectEdit{found->second.id, true});
  return {};
}

void show_unproject(World& world, const Arguments& step, Effects, Json&) {
  world.projections().erase(step.text("name"));
}

constexpr std::array kSteps{
    EditStep{"ioas", make_ioas, nullptr, unmake_ioas},
    EditStep{"mirror", make_mirror, nullptr, unmake_mirror},
    EditStep{"mirror_join", join, nullptr, nullptr},
    EditStep{"mirror_leave", leave, nullptr, nullptr},
    EditStep{"project", project, show_project, unproject_again},
    EditStep{"unproject", unproject, show_unproject, nullptr},
};

}  // namespace

std::span<const EditStep> space_steps() { return kSteps; }

}  // namespace aperture::sw::run
