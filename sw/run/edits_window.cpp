// SPDX-License-Identifier: Apache-2.0
// Windows, the allow list, reservations, options: what says which IOVAs there must or must not be.
#include <array>
#include <utility>

#include "run/edits.hpp"
#include "run/windows.hpp"

namespace aperture::sw::run {

std::vector<ioas::Window> windows_of(const Json& list) {
  std::vector<ioas::Window> out;
  for (const Json& json : list) {
    const Arguments one(json);
    ioas::Window window;
    window.name = one.text("name");
    if (const auto base = one.optional("base")) window.base = Iova{*base};
    window.size = one.number("size");
    window.align = one.number("align");
    window.granule = one.number("granule");
    window.guard = one.number("guard");
    const std::string place = one.text("place");
    window.place = place == "low32" ? ioas::Place::kLow32 : place == "high" ? ioas::Place::kHigh : ioas::Place::kAny;
    window.owner = one.text("owner") == "pool" ? ioas::Owner::kPool : ioas::Owner::kUser;
    out.push_back(std::move(window));
  }
  return out;
}

Json pairs_of(const std::vector<IovaRange>& ranges) {
  Json out = Json::array();
  for (const IovaRange& range : ranges) out.push_back({range.first.value, range.last.value});
  return out;
}

namespace {

using ioas::Outcome;
using Effects = std::span<const ioas::Effect>;

/// An edit of one IOAS, made of it.
template <typename Make>
Outcome<> in_ioas(World& world, const Arguments& step, std::vector<ioas::Edit>& out, Make&& make) {
  auto in = world.ioas(step.text("ioas"));
  if (!in) return std::unexpected(std::move(in.error()));
  out.push_back(make(*in));
  return {};
}

IovaRange range_of(const Arguments& step) { return {{step.number("first")}, {step.number("last")}}; }

Outcome<> require(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return in_ioas(world, step, out, [&](ioas::Ioas* in) -> ioas::Edit {
    return ioas::RequireEdit{in, windows_of(step.list("windows"))};
  });
}

void show_windows(World&, const Arguments&, Effects effects, Json& result) {
  result["windows"] = Json::array();
  for (const ioas::PlacedWindow& placed : effects.front().windows) {
    result["windows"].push_back({{"name", placed.window.name},
                                 {"first", placed.range.first.value},
                                 {"last", placed.range.last.value},
                                 {"provisional", placed.provisional}});
  }
}

void show_range(World&, const Arguments&, Effects effects, Json& result) {
  const ioas::PlacedWindow& placed = effects.front().windows.front();
  result["first"] = placed.range.first.value;
  result["last"] = placed.range.last.value;
  result["provisional"] = placed.provisional;
}

Outcome<> resize(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return in_ioas(world, step, out, [&](ioas::Ioas* in) -> ioas::Edit {
    return ioas::ResizeEdit{in, step.text("window"), step.number("size"), step.optional("granule")};
  });
}

Outcome<> bind(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return in_ioas(world, step, out, [&](ioas::Ioas* in) -> ioas::Edit {
    return ioas::BindEdit{in, step.text("window")};
  });
}

Outcome<> release(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return in_ioas(world, step, out, [&](ioas::Ioas* in) -> ioas::Edit {
    return ioas::ReleaseEdit{in, step.text("window"), step.flag("drop_maps")};
  });
}

void show_length(World&, const Arguments&, Effects effects, Json& result) { result["length"] = effects.front().length; }

Outcome<> allow(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return in_ioas(world, step, out, [&](ioas::Ioas* in) -> ioas::Edit {
    return ioas::AllowEdit{in, step.ranges("ranges")};
  });
}

void show_allowed(World& world, const Arguments& step, Effects, Json& result) {
  result["ranges"] = pairs_of((*world.ioas(step.text("ioas")))->allowed());
}

Outcome<> reserve(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return in_ioas(world, step, out, [&](ioas::Ioas* in) -> ioas::Edit {
    return ioas::ReserveEdit{in, range_of(step), step.cause()};
  });
}

Outcome<> unreserve(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return in_ioas(world, step, out, [&](ioas::Ioas* in) -> ioas::Edit {
    return ioas::UnreserveEdit{in, range_of(step), step.has("cause") ? std::optional(step.cause()) : std::nullopt};
  });
}

Outcome<> option(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return in_ioas(world, step, out, [&](ioas::Ioas* in) -> ioas::Edit {
    return ioas::HugePagesEdit{in, step.flag("huge_pages")};
  });
}

Outcome<> freeze(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return in_ioas(world, step, out, [](ioas::Ioas* in) -> ioas::Edit { return ioas::FreezeEdit{in}; });
}

Outcome<> dirty_tracking(World& world, const Arguments& step, std::vector<ioas::Edit>& out) {
  return in_ioas(world, step, out, [&](ioas::Ioas* in) -> ioas::Edit {
    return ioas::DirtyTrackingEdit{in, step.flag("enable")};
  });
}

constexpr std::array kSteps{
    EditStep{"require", require, show_windows, nullptr}, EditStep{"resize", resize, show_range, nullptr},
    EditStep{"bind", bind, show_range, nullptr},         EditStep{"release", release, show_length, nullptr},
    EditStep{"allow", allow, show_allowed, nullptr},     EditStep{"reserve", reserve, nullptr, nullptr},
    EditStep{"unreserve", unreserve, nullptr, nullptr},  EditStep{"option", option, nullptr, nullptr},
    EditStep{"freeze", freeze, nullptr, nullptr},        EditStep{"dirty_tracking", dirty_tracking, nullptr, nullptr},
};

}  // namespace

std::span<const EditStep> window_steps() { return kSteps; }

}  // namespace aperture::sw::run
