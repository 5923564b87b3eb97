// SPDX-License-Identifier: Apache-2.0
#include "run/html.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ioas/text.hpp"
#include "windows/clean.hpp"
#include "windows/svg.hpp"

namespace aperture::sw::run {
namespace {

using windows::escaped;

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>aperture run</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 84em; padding: 0 1em; color: #222; }
table { border-collapse: collapse; width: 100%; margin: .5em 0 1em; }
th, td { border-bottom: 1px solid #ddd; padding: .25em .5em; text-align: left; vertical-align: top; }
td.number { text-align: right; color: #888; }
code, pre { font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
summary { cursor: pointer; }
.ok { color: #1a7f37; } .bad { color: #b42318; font-weight: 600; }
.mismatch { background: #fff1f0; }
.note { color: #666; }
.drawing { overflow-x: auto; margin: .5em 0 1em; }
.drawing svg { display: block; }
@media (prefers-color-scheme: dark) {
body { background: #0d1117; color: #e6edf3; } a { color: #4493f8; } th, td { border-color: #30363d; }
.ok { color: #3fb950; } .bad { color: #ff7b72; } .mismatch { background: #4c1518; } .note { color: #9aa5b1; }
}
</style>
</head>
<body>
)";

/// Of texts that may have several lines.
std::string escaped_lines(const std::string& text) {
  std::string out;
  for (std::size_t first = 0; first <= text.size();) {
    const std::size_t end = std::min(text.find('\n', first), text.size());
    out += (first == 0 ? "" : "\n") + escaped(text.substr(first, end - first));
    first = end + 1;
  }
  return out;
}

std::string code(const std::string& text) { return "<code>" + escaped(text) + "</code>"; }

std::string verdict(bool ok) {
  return ok ? "<span class=\"ok\">ok</span>" : "<span class=\"bad\">not as expected</span>";
}

/// Results and expectations can be as long as a memory.
std::string shortened(const Json& json) {
  constexpr std::size_t kMost = 2000;
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kMost) text = text.substr(0, kMost) + fmt::format(" ... ({} characters)", text.size());
  return text;
}

std::string step_row(std::size_t index, const StepEnd& step) {
  Json result = step.result;
  result.erase("report");
  std::string cell = code(shortened(result));
  if (!step.comment.empty()) cell += "<div class=\"note\">" + escaped_lines(step.comment) + "</div>";
  if (!step.report.empty()) {
    cell += "<details><summary>report</summary><pre>" + escaped_lines(step.report) + "</pre></details>";
  }
  for (const formats::Mismatch& m : step.mismatches) {
    cell += fmt::format("<div class=\"mismatch\">{}: expected {}, actual {}</div>", code(m.place),
                        code(shortened(m.expected)), code(shortened(m.actual)));
  }
  return fmt::format("<tr><td class=\"number\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n", index,
                     escaped(step.name), verdict(step.ok()), cell);
}

/// Every window and map, as the drawing folds them where they are many.
std::string space_table(const windows::Space& space) {
  constexpr std::size_t kMost = 100;
  std::string out = fmt::format("<details><summary>{}: {} windows, {} maps</summary>\n<table>\n", escaped(space.name),
                                space.windows.size(), space.maps.size());
  const auto row = [&](std::string_view what, IovaRange range, const std::string& more) {
    out += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n", what, code(ioas::text(range)),
                       windows::size_text(range), escaped(more));
  };
  for (const ioas::PlacedWindow& placed : space.windows) {
    row("window", placed.range, placed.window.name + (placed.provisional ? ", provisional" : ""));
  }
  for (std::size_t i = 0; i < std::min(space.maps.size(), kMost); ++i) {
    const windows::Map& map = space.maps[i];
    row("map", map.range, std::string(ioas::readable(map.prot) ? "r" : "") + (ioas::writable(map.prot) ? "w" : ""));
  }
  out += "</table>\n";
  if (space.maps.size() > kMost)
    out += fmt::format("<p class=\"note\">and {} maps more</p>\n", space.maps.size() - kMost);
  return out + "</details>\n";
}

std::string section(const ScenarioEnd& end, std::size_t index) {
  std::string out = fmt::format("<section id=\"s{}\">\n<h2>{} {}</h2>\n<p>{}</p>\n<p class=\"note\">{}{}</p>\n", index,
                                escaped(end.name), verdict(end.exit == Exit::kOk), escaped_lines(end.description),
                                escaped(end.place), end.card.empty() ? "" : ", " + escaped(end.card));
  if (!end.failure.empty()) out += "<p class=\"bad\">" + escaped_lines(end.failure) + "</p>\n";
  out += "<table>\n<tr><th></th><th>step</th><th></th><th>result</th></tr>\n";
  for (std::size_t i = 0; i < end.steps.size(); ++i) out += step_row(i, end.steps[i]);
  out += "</table>\n";
  if (!end.spaces.empty()) {
    out +=
        "<h3>Address spaces at the end</h3>\n<div class=\"drawing\">\n" + windows::svg_in_page(end.spaces) + "</div>\n";
  }
  for (const windows::Space& space : end.spaces) out += space_table(space);
  return out + "</section>\n";
}

}  // namespace

std::string html_report(std::span<const ScenarioEnd> scenarios, const std::string& card) {
  const auto good = std::ranges::count(scenarios, Exit::kOk, &ScenarioEnd::exit);
  std::string out(kHead);
  out += windows::svg_definitions();
  out += fmt::format("<h1>aperture run</h1>\n<p>{} of {} scenarios as expected; card {}</p>\n<table>\n", good,
                     scenarios.size(), code(card));
  for (std::size_t i = 0; i < scenarios.size(); ++i) {
    const ScenarioEnd& end = scenarios[i];
    out += fmt::format("<tr><td><a href=\"#s{}\">{}</a></td><td>{}</td><td>{} steps</td></tr>\n", i, escaped(end.name),
                       verdict(end.exit == Exit::kOk), end.steps.size());
  }
  out += "</table>\n";
  for (std::size_t i = 0; i < scenarios.size(); ++i) out += section(scenarios[i], i);
  return out + "</body>\n</html>\n";
}

}  // namespace aperture::sw::run
