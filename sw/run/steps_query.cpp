// SPDX-License-Identifier: Apache-2.0
// What asks an address space, and its end: destroy, allowed, negotiate, probe_attach, events, dirty, ranges.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ioas/change.hpp"
#include "run/steps.hpp"
#include "run/windows.hpp"

namespace aperture::sw::run {
namespace {

using ioas::Outcome;

Outcome<Json> destroy(World& world, const Arguments& step) {
  const std::string name = step.text("ioas");
  auto space = world.ioas(name);
  if (!space) return std::unexpected(std::move(space.error()));
  if (const auto attached = (*space)->attached(); !attached.empty()) {
    return std::unexpected(refusal(Code::kInUse, EBUSY,
                                   fmt::format("IOAS \"{}\" is in use by device {}", name, attached.front()->name())));
  }
  std::erase_if(world.projections(), [&](const auto& one) { return one.second.from == name || one.second.to == name; });
  world.drop_ioas(name);
  return Json::object();
}

Outcome<Json> allowed(World& world, const Arguments& step) {
  auto space = world.ioas(step.text("ioas"));
  if (!space) return std::unexpected(std::move(space.error()));
  return Json{{"ranges", pairs_of((*space)->allowed())}};
}

Outcome<Json> validated(World& world, const std::vector<ioas::Edit>& edits) {
  auto report = ioas::Change::validate(world.platform(), edits);
  if (!report) return std::unexpected(std::move(report.error()));
  return Json{{"report", Json(ioas::to_json(*report))}};
}

Outcome<Json> negotiate(World& world, const Arguments& step) {
  auto space = world.ioas(step.text("ioas"));
  if (!space) return std::unexpected(std::move(space.error()));
  std::vector<ioas::Edit> edits{ioas::RequireEdit{*space, windows_of(step.list("windows"))}};
  for (const Json& name : step.list("devices")) {
    ioas::Device& device = *world.device(name.get<std::string>()).device;
    edits.push_back(ioas::AttachEdit{*space, &device, {}, {}, false, {}});
  }
  return validated(world, edits);
}

Outcome<Json> probe_attach(World& world, const Arguments& step) {
  auto space = world.ioas(step.text("ioas"));
  if (!space) return std::unexpected(std::move(space.error()));
  ioas::Device& device = *world.device(step.text("device")).device;
  return validated(world, {ioas::AttachEdit{*space, &device, step.process(), step.optional("generation"), false, {}}});
}

Json json_of(const ioas::Event& event) {
  using Kind = ioas::Event::Kind;
  Json out{{"generation", event.generation}, {"kind", ioas::name(event.kind)}};
  const bool moves = event.kind == Kind::kAttached || event.kind == Kind::kDetached;
  if (!moves && event.kind != Kind::kFrozen) {
    out["first"] = event.range.first.value;
    out["last"] = event.range.last.value;
  }
  if (event.kind == Kind::kReserved || event.kind == Kind::kUnreserved) out["cause"] = ioas::name(event.cause);
  if (!event.device.empty()) out["device"] = event.device;
  if (!event.name.empty()) out["name"] = event.name;
  return out;
}

Outcome<Json> events(World& world, const Arguments& step) {
  auto space = world.ioas(step.text("ioas"));
  if (!space) return std::unexpected(std::move(space.error()));
  Json list = Json::array();
  for (const ioas::Event& event : (*space)->events(step.number("since"))) list.push_back(json_of(event));
  return Json{{"events", std::move(list)}};
}

Outcome<Json> dirty(World& world, const Arguments& step) {
  auto space = world.ioas(step.text("ioas"));
  if (!space) return std::unexpected(std::move(space.error()));
  const std::uint64_t first = step.number("first");
  const std::uint64_t last = step.number("last");
  if (first > last) return std::unexpected(refusal(Code::kInvalid, EINVAL, "a range needs first <= last"));
  auto pages = (*space)->dirty({first}, last - first + 1, step.number("page_size"), step.flag("clear"));
  if (!pages) return std::unexpected(std::move(pages.error()));
  return Json{{"pages", pairs_of(*pages)}};
}

/// As IOAS_IOVA_RANGES: what does not fit is left out, the total is told.
Outcome<Json> ranges(World& world, const Arguments& step) {
  auto space = world.ioas(step.text("ioas"));
  if (!space) return std::unexpected(std::move(space.error()));
  const ioas::Ranges found = (*space)->ranges();
  const std::uint64_t capacity = step.number("capacity", found.ranges.size());
  Json result = Json::object();
  if (capacity < found.ranges.size()) {
    result = refused(refusal(Code::kNoSpace, EMSGSIZE,
                             fmt::format("there are {} ranges, room for {}", found.ranges.size(), capacity)));
  }
  const auto end =
      found.ranges.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(capacity, found.ranges.size()));
  result["ranges"] = pairs_of({found.ranges.begin(), end});
  result["alignment"] = found.alignment;
  result["generation"] = found.generation;
  result["total"] = found.ranges.size();
  return result;
}

constexpr std::array kSteps{
    PlainStep{"destroy", destroy},     PlainStep{"allowed", allowed},
    PlainStep{"negotiate", negotiate}, PlainStep{"probe_attach", probe_attach},
    PlainStep{"events", events},       PlainStep{"dirty", dirty},
    PlainStep{"ranges", ranges},
};

}  // namespace

std::span<const PlainStep> query_steps() { return kSteps; }

}  // namespace aperture::sw::run
