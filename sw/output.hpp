// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/types.hpp"
#include "command.hpp"
#include "ioas/text.hpp"

namespace aperture::sw {

using Json = nlohmann::ordered_json;

/// Addresses and masks are "0x..." strings in documents, since JSON numbers lose bits above 2^53 in many readers.
using ioas::hex;
/// {"first": "0x..", "last": "0x.."}
Json range_json(IovaRange range);
/// Its text: "[0x0-0xfff]".
std::string range_text(const Json& range);
/// A member of a section.
std::string string_of(const Json& section, const char* key);
std::uint64_t number_of(const Json& section, const char* key);

/// What a command found, as one document, from which its text is made too. Sections are JSON objects; a section's list
/// `checks` holds {"what": sentence, "ok": bool} of all that had to hold.
class Output {
 public:
  explicit Output(bool json) : json_(json) {}

  /// Adds a section; in text mode prints `text(section)` and the checks at once.
  void section(const std::string& key, Json section, std::string (*text)(const Json& section));

  /// Adds a failed check if the card itself reported failures; in JSON mode prints the document, with "ok" added.
  /// kCheckFailed if any check did not hold.
  Exit finish();

  bool json() const { return json_; }

 private:
  bool json_;
  bool ok_{true};
  Json document_ = Json::object();
};

/// Appends to a section's checks; returns `ok`.
bool check(Json& section, std::string what, bool ok);

}  // namespace aperture::sw
