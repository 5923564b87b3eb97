// SPDX-License-Identifier: Apache-2.0
#include "selftest/report.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

namespace aperture::sw::selftest {
namespace {

const char* result(const Verdict& verdict) {
  return verdict.failed() ? "failed" : verdict.skipped() ? "skipped" : "passed";
}

Json step_json(const Done& done) {
  Json json = {{"name", done.step->name}, {"proves", done.step->proves}, {"result", result(done.verdict)},
               {"seconds", done.seconds}, {"cycles", done.cycles},       {"facts", facts_json(done.verdict)}};
  if (done.verdict.skipped()) json["reason"] = done.verdict.reason();
  if (!done.verdict.failed()) return json;
  json["found"] = done.verdict.found();
  json["findings"] = Json::array();
  for (const Finding& finding : done.verdict.findings())
    json["findings"].push_back({{"expected", finding.expected}, {"found", finding.found}, {"check", finding.check}});
  return json;
}

/// As Output has them.
void add_check(Json& section, const std::string& what, bool ok) {
  section["checks"].push_back({{"what", what}, {"ok", ok}});
}

}  // namespace

Json facts_json(const Verdict& verdict) {
  Json json = Json::object();
  for (const Fact& fact : verdict.facts()) std::visit([&](const auto& value) { json[fact.name] = value; }, fact.value);
  return json;
}

void Report::plan(const std::vector<const Step*>& steps) {
  const std::scoped_lock lock(mutex_);
  plan_ = steps;
  if (!tap_) return;
  fmt::print("TAP version 14\n1..{}\n", steps.size());
  std::fflush(stdout);
}

void Report::begin(const Step& step) {
  const std::scoped_lock lock(mutex_);
  running_ = &step;
}

void Report::done(const Done& done) {
  const std::scoped_lock lock(mutex_);
  done_.push_back(done);
  running_ = nullptr;
  if (!tap_) return;
  fmt::print("{}", tap_line(done_.size(), done));
  std::fflush(stdout);
}

void Report::bail_out(const std::string& reason) {
  const std::scoped_lock lock(mutex_);
  bail_out_ = running_ == nullptr ? reason : fmt::format("step {}: {}", running_->name, reason);
  if (!tap_) return;
  fmt::print("{}", bail_out_line(*bail_out_));
  std::fflush(stdout);
}

bool Report::ok() const {
  const std::scoped_lock lock(mutex_);
  return !bail_out_ && std::ranges::none_of(done_, [](const Done& one) { return one.verdict.failed(); });
}

Json Report::json() const {
  const std::scoped_lock lock(mutex_);
  Json section = {{"steps", Json::array()}};
  double seconds = 0;
  std::uint64_t cycles = 0;
  for (const Done& one : done_) {
    section["steps"].push_back(step_json(one));
    seconds += one.seconds;
    cycles += one.cycles;
    add_check(section, one.step->proves, !one.verdict.failed());
  }
  section["seconds"] = seconds;
  section["cycles"] = cycles;
  if (bail_out_) {
    section["bail_out"] = *bail_out_;
    add_check(section, "every step was run", false);
  }
  return section;
}

std::string Report::junit() const {
  const std::scoped_lock lock(mutex_);
  return junit_document(plan_, done_, bail_out_.value_or(""));
}

}  // namespace aperture::sw::selftest
