// SPDX-License-Identifier: Apache-2.0
#include "formats/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>
#include <string_view>

namespace aperture::formats {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// What is nested deeper than anything that this project reads would be is not looked into: who reads it may recur.
constexpr std::size_t kDeepest = 64;

/// Keeps the place of the first key that an object has twice (a parser silently takes one of them), and of what is too
/// deep.
class FormCheck {
 public:
  bool operator()(int, Json::parse_event_t event, Json& parsed) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (levels_.size() == kDeepest && !wrong) wrong = Complaint{place(), "nested too deeply"};
      levels_.push_back({event == Event::array_start, 0, {}, {}});
    } else if (event == Event::key) {
      Level& level = levels_.back();
      level.key = parsed.get_ref<const std::string&>();
      const bool again = !level.keys.insert(level.key).second;
      if (!wrong && again) wrong = Complaint{place(), "the key is there twice"};
    } else {
      if (event != Event::value) levels_.pop_back();
      if (!levels_.empty() && levels_.back().list) ++levels_.back().index;
    }
    return true;
  }
  std::optional<Complaint> wrong{};

 private:
  struct Level {
    bool list;
    std::size_t index;
    std::string key;
    std::set<std::string, std::less<>> keys;
  };
  std::string place() const {
    std::string at;
    for (const Level& level : levels_) at = level.list ? pointer(at, level.index) : pointer(at, level.key);
    return at;
  }
  std::vector<Level> levels_;
};

}  // namespace

std::string pointer(std::string_view at, std::string_view key) {
  std::string text(at);
  text += '/';
  for (const char c : key) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

std::string pointer(std::string_view at, std::size_t index) { return fmt::format("{}/{}", at, index); }

std::expected<Json, Complaint> parse_object(std::string_view text) {
  FormCheck check;
  Json json;
  try {
    json = Json::parse(text, std::ref(check));
  } catch (const Json::parse_error& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error ..."
    const std::string what = error.what();
    const std::size_t from = what.find("parse error at ");
    return std::unexpected(Complaint{"", from == std::string::npos ? what : what.substr(from)});
  }
  if (check.wrong) return std::unexpected(std::move(*check.wrong));
  if (!json.is_object()) return std::unexpected(Complaint{"", "expected an object"});
  return json;
}

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

std::string hex_bytes(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::byte b : bytes) {
    text += kDigits[std::to_integer<unsigned>(b) >> 4];
    text += kDigits[std::to_integer<unsigned>(b) & 0xf];
  }
  return text;
}

std::optional<std::uint64_t> to_number(const Json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (!value.is_string()) return std::nullopt;
  const std::string_view text = value.get_ref<const std::string&>();
  if (!text.starts_with("0x") || text.size() == 2) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), number, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::vector<std::byte>> to_bytes(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const std::string_view text = value.get_ref<const std::string&>();
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::byte> bytes(text.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<std::byte>(high << 4 | low);
  }
  return bytes;
}

}  // namespace aperture::formats
