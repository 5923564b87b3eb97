// SPDX-License-Identifier: Apache-2.0
// The Test Anything Protocol, version 14: testanything.org.
#include <fmt/format.h>

#include "selftest/report.hpp"

namespace aperture::sw::selftest {
namespace {

/// JSON's strings are YAML's too.
std::string quoted(const std::string& text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

/// What a line of TAP must not hold as it is.
std::string plain(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '#' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

}  // namespace

std::string bail_out_line(const std::string& reason) { return fmt::format("Bail out! {}\n", plain(reason)); }

std::string tap_line(std::size_t number, const Done& done) {
  const Verdict& verdict = done.verdict;
  std::string text = fmt::format("{}ok {} - {}{}\n", verdict.failed() ? "not " : "", number, done.step->name,
                                 verdict.skipped() ? " # SKIP " + plain(verdict.reason()) : "");
  text +=
      fmt::format("  ---\n  message: {}\n  severity: {}\n  duration_ms: {:.3f}\n  cycles: {}\n",
                  quoted(done.step->proves), verdict.failed() ? "fail" : "comment", done.seconds * 1e3, done.cycles);
  if (!verdict.facts().empty())
    text += fmt::format("  facts: {}\n", facts_json(verdict).dump(-1, ' ', false, Json::error_handler_t::replace));
  if (verdict.failed()) {
    text += fmt::format("  found: {}\n  findings:\n", verdict.found());
    for (const Finding& finding : verdict.findings())
      text += fmt::format("    - expected: {}\n      found: {}\n      check: {}\n", quoted(finding.expected),
                          quoted(finding.found), quoted(finding.check));
  }
  return text + "  ...\n";
}

}  // namespace aperture::sw::selftest
