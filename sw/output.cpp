// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <fmt/core.h>

#include <cstdio>
#include <utility>

#include "cards.hpp"

namespace aperture::sw {

Json range_json(IovaRange range) { return {{"first", hex(range.first.value)}, {"last", hex(range.last.value)}}; }

std::string range_text(const Json& range) {
  return fmt::format("[{}-{}]", string_of(range, "first"), string_of(range, "last"));
}

std::string string_of(const Json& section, const char* key) { return section.at(key).get<std::string>(); }

std::uint64_t number_of(const Json& section, const char* key) { return section.at(key).get<std::uint64_t>(); }

bool check(Json& section, std::string what, bool ok) {
  section["checks"].push_back({{"what", std::move(what)}, {"ok", ok}});
  return ok;
}

void Output::section(const std::string& key, Json section, std::string (*text)(const Json& section)) {
  const Json checks = section.value("checks", Json::array());
  for (const Json& one : checks) {
    ok_ = ok_ && one.at("ok").get<bool>();
  }
  if (!json_) {
    fmt::print("{}", text(section));
    for (const Json& one : checks) {
      fmt::print("   {} {}\n", one.at("ok").get<bool>() ? "[ok]  " : "[FAIL]", one.at("what").get<std::string>());
    }
    std::fflush(stdout);
  }
  document_[key] = std::move(section);
}

Exit Output::finish() {
  if (const std::size_t failures = card_failures(); failures != 0) {
    Json section = {{"failures", failures}};
    check(section, "the card keeps the rules of its buses and of its own assertions", false);
    this->section("card_failures", std::move(section), [](const Json& found) {
      return fmt::format("\nThe card itself: {} failures, told on standard error\n", number_of(found, "failures"));
    });
  }
  if (json_) {
    document_["ok"] = ok_;
    fmt::print("{}\n", document_.dump(2));
  }
  return ok_ ? Exit::kOk : Exit::kCheckFailed;
}

}  // namespace aperture::sw
