// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <fmt/core.h>

#include <cstdio>
#include <utility>

namespace aperture::sw {

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

Json range_json(std::uint64_t first, std::uint64_t last) { return {{"first", hex(first)}, {"last", hex(last)}}; }

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
  if (json_) {
    document_["ok"] = ok_;
    fmt::print("{}\n", document_.dump(2));
  }
  return ok_ ? Exit::kOk : Exit::kCheckFailed;
}

}  // namespace aperture::sw
