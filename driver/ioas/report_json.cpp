// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <nlohmann/json.hpp>

#include "ioas/report.hpp"

namespace aperture::ioas {
namespace {

using nlohmann::json;

json pairs(const std::vector<IovaRange>& ranges) {
  json out = json::array();
  for (const IovaRange& range : ranges) out.push_back({range.first.value, range.last.value});
  return out;
}

json list(const std::vector<Blocker>& blockers) {
  json out = json::array();
  for (const Blocker& b : blockers) {
    json entry{
        {"first", b.range.first.value}, {"last", b.range.last.value}, {"cause", name(b.cause)}, {"since", b.since}};
    if (!b.device.empty()) entry["device"] = b.device;
    out.push_back(std::move(entry));
  }
  return out;
}

json one(const Alternative& a) {
  static constexpr std::array kKinds{"base", "size", "granule", "mode", "stage", "detach"};
  json out{
      {"kind", kKinds[static_cast<std::size_t>(a.kind)]}, {"first", a.range.first.value}, {"last", a.range.last.value}};
  if (a.kind == Alternative::Kind::kGranule) out["granule"] = a.granule;
  if (!a.format.empty()) out["format"] = a.format;
  if (!a.devices.empty()) out["devices"] = a.devices;
  return out;
}

json one(const WindowReport& window) {
  static constexpr std::array kVerdicts{"fits", "blocked", "provisional"};
  json out{{"name", window.name},
           {"verdict", kVerdicts[static_cast<std::size_t>(window.verdict)]},
           {"first", window.range.first.value},
           {"last", window.range.last.value},
           {"blockers", list(window.blockers)},
           {"alternatives", json::array()}};
  for (const Alternative& a : window.alternatives) out["alternatives"].push_back(one(a));
  return out;
}

}  // namespace

json to_json(const Report& report) {
  json out{{"ok", report.ok},
           {"generation", report.generation},
           {"ranges_before", pairs(report.ranges_before)},
           {"ranges_after", pairs(report.ranges_after)},
           {"alignment_before", report.alignment_before},
           {"alignment_after", report.alignment_after},
           {"windows", json::array()},
           {"maps_blocked", list(report.maps_blocked)},
           {"detach_set", report.detach_set}};
  for (const WindowReport& window : report.windows) out["windows"].push_back(one(window));
  if (!report.reason.empty()) out["reason"] = report.reason;
  if (!report.format.empty()) {
    out["format"] = report.format;
    out["levels"] = report.levels;
  }
  return out;
}

}  // namespace aperture::ioas
