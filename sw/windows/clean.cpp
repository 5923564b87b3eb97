// SPDX-License-Identifier: Apache-2.0
#include "windows/clean.hpp"

#include <algorithm>
#include <bit>
#include <sstream>
#include <utility>

namespace aperture::sw::windows {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

/// Bytes of the character that begins there: 0 if that is none, of UTF-8 and for people to read.
std::size_t character(const std::string& text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return lead < 0x20 || lead == 0x7f ? 0 : 1;
  const auto length = static_cast<std::size_t>(std::countl_one(lead));
  if (length < 2 || length > 4 || lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(text[at + i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[at + 1]);
  const auto third = static_cast<unsigned char>(length > 2 ? text[at + 2] : 0);
  const bool wrong = (lead == 0xc2 && second < 0xa0) || (lead == 0xef && second == 0xbf && third > 0xbd) ||
                     (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
                     (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
  return wrong ? 0 : length;
}

}  // namespace

std::string clean(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character(text, at);
    out += length == 0 ? "?" : text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : clean(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::size_t columns(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return !continues(c); }));
}

std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines;
  std::istringstream words(text);
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) lines.push_back(std::exchange(line, {}));
  };
  for (std::string word; words >> word;) {
    if (!line.empty() && columns(line) + 1 + columns(word) > width) flush();
    while (columns(word) > width) {
      flush();
      std::size_t end = 0;
      for (std::size_t seen = 0; seen < width || continues(word[end]); ++end) seen += continues(word[end]) ? 0 : 1;
      lines.push_back(word.substr(0, end));
      word.erase(0, end);
    }
    line += (line.empty() ? "" : " ") + word;
  }
  flush();
  return lines;
}

}  // namespace aperture::sw::windows
