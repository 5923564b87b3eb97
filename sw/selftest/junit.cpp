// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "selftest/report.hpp"

namespace aperture::sw::selftest {
namespace {

/// Text as XML 1.0 takes it, in attributes too. Bytes that are no UTF-8 are replaced.
std::string xml(const std::string& text) {
  const std::string valid = Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
  std::string result;
  for (const char c : valid) switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\n':
        result += "&#10;";
        break;
      default:
        result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  return result;
}

std::string testcase(const char* name, double seconds, const std::string& content) {
  return fmt::format("  <testcase classname=\"aperture.selftest\" name=\"{}\" time=\"{:.6f}\">{}</testcase>\n", name,
                     seconds, content);
}

std::string content(const Done& done) {
  const Verdict& verdict = done.verdict;
  std::string text;
  if (verdict.failed()) {
    std::string all;
    for (const Finding& finding : verdict.findings())
      all += fmt::format("expected: {}\nfound: {}\ncheck: {}\n\n", finding.expected, finding.found, finding.check);
    if (verdict.found() > verdict.findings().size())
      all += fmt::format("and {} more\n", verdict.found() - verdict.findings().size());
    text += fmt::format("<failure message=\"{}\">{}</failure>", xml(verdict.findings().front().expected), xml(all));
  } else if (verdict.skipped()) {
    text += fmt::format("<skipped message=\"{}\"/>", xml(verdict.reason()));
  }
  return text + fmt::format("<system-out>{}</system-out>",
                            xml(fmt::format("{}\ncycles: {}\n{}", done.step->proves, done.cycles,
                                            facts_json(verdict).dump(-1, ' ', false, Json::error_handler_t::replace))));
}

}  // namespace

std::string junit_document(const std::vector<const Step*>& plan, const std::vector<Done>& done,
                           const std::string& bail_out) {
  double seconds = 0;
  for (const Done& one : done) seconds += one.seconds;
  const auto failures = std::ranges::count_if(done, [](const Done& one) { return one.verdict.failed(); });
  const auto skipped = std::ranges::count_if(done, [](const Done& one) { return one.verdict.skipped(); });
  const std::size_t left = plan.size() - done.size();
  // A run that was given up is an error of its own: CI must not take the skipped rest for a pass.
  const unsigned errors = bail_out.empty() ? 0 : 1;
  const std::string counts = fmt::format(
      "name=\"aperture selftest\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.6f}\"",
      plan.size() + errors, failures, errors, static_cast<std::size_t>(skipped) + left, seconds);
  std::string text =
      fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {}>\n <testsuite {}>\n", counts, counts);
  for (const Done& one : done) text += testcase(one.step->name, one.seconds, content(one));
  for (std::size_t i = done.size(); i < plan.size(); ++i)
    text += testcase(plan[i]->name, 0, fmt::format("<skipped message=\"{}\"/>", xml(bail_out)));
  if (errors != 0) text += testcase("bail-out", 0, fmt::format("<error message=\"{}\"/>", xml(bail_out)));
  return text + " </testsuite>\n</testsuites>\n";
}

}  // namespace aperture::sw::selftest
