// SPDX-License-Identifier: Apache-2.0
#include "ioas/report.hpp"

#include <algorithm>

#include "ioas/text.hpp"

namespace aperture::ioas {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kLines = 6;

/// Breaks at blanks; what does not fit into `lines` ends in "...".
std::string wrap(const std::string& text, std::size_t lines) {
  std::string out;
  std::size_t at = 0;
  for (std::size_t line = 1; at < text.size(); ++line) {
    std::size_t length = text.size() - at;
    if (length > kColumns) {
      const std::size_t blank = text.rfind(' ', at + kColumns);
      length = blank == std::string::npos || blank <= at ? kColumns : blank - at;
    }
    if (line == lines && at + length < text.size()) {
      return out + text.substr(at, std::min(length, kColumns - 4)) + " ...\n";
    }
    out += text.substr(at, length) + "\n";
    at += length;
    while (at < text.size() && text[at] == ' ') ++at;
  }
  return out;
}

std::string list(const std::vector<IovaRange>& ranges) {
  std::string out;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (i == 4) return out + " and " + std::to_string(ranges.size() - i) + " more";
    out += (i == 0 ? "" : " ") + text(ranges[i]);
  }
  return out.empty() ? "none" : out;
}

std::string one(const Alternative& a) {
  using Kind = Alternative::Kind;
  switch (a.kind) {
    case Kind::kBase:
      return "base " + hex(a.range.first.value) + " " + text(a.range);
    case Kind::kSize:
      return "size " + size_text(a.range) + " " + text(a.range);
    case Kind::kGranule:
      return "granule " + hex(a.granule);
    case Kind::kMode:
      return "mode " + a.format;
    case Kind::kStage:
      return "the other stage, " + a.format;
    case Kind::kDetach: {
      std::string out = "detach";
      for (const std::string& device : a.devices) out += " " + device;
      return out;
    }
  }
  return {};
}

}  // namespace

std::string to_text(const Report& report) {
  std::string head = report.subject + (report.ok ? " accepted" : " refused: " + report.reason);
  if (!report.format.empty()) {
    head += " (" + report.format + (report.levels == 0 ? "" : ", " + std::to_string(report.levels) + " levels") + ")";
  }
  std::string out = wrap(head, 3);
  std::string ranges = "ranges " + list(report.ranges_after);
  if (report.alignment_after != report.alignment_before) ranges += ", alignment " + hex(report.alignment_after);
  out += wrap(ranges, kLines - 4);
  const auto blocked = std::ranges::count(report.windows, Verdict::kBlocked, &WindowReport::verdict);
  out += wrap("windows " + std::to_string(report.windows.size()) + ", blocked " + std::to_string(blocked) +
                  "; maps blocked " + std::to_string(report.maps_blocked.size()) + "; generation " +
                  std::to_string(report.generation),
              1);
  for (const WindowReport& window : report.windows) {
    for (const Alternative& alternative : window.alternatives) {
      out += "  instead, for \"" + window.name + "\": " + one(alternative) + "\n";
    }
  }
  return out;
}

}  // namespace aperture::ioas
