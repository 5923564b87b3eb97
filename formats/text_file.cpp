// SPDX-License-Identifier: Apache-2.0
#include "formats/text_file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace aperture::formats {
namespace {

constexpr unsigned kChunk = 1U << 18;
constexpr std::size_t kMost = std::size_t{1} << 30;

std::unexpected<Error> unreadable(const std::filesystem::path& file, std::string_view why) {
  return fail(Code::kEnvironment, EIO, fmt::format("{}: {}", file.string(), why));
}

}  // namespace

Result<std::vector<char>> read_text(const std::filesystem::path& file) {
  std::vector<char> text;
  errno = 0;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(gzopen(file.c_str(), "rb"), gzclose);
  if (in == nullptr) return unreadable(file, std::strerror(errno != 0 ? errno : ENOMEM));
  for (int got = 1; got > 0;) {
    const std::size_t size = text.size();
    text.resize(size + kChunk);
    got = gzread(in.get(), text.data() + size, kChunk);
    text.resize(size + static_cast<std::size_t>(std::max(got, 0)));
    if (text.size() > kMost) return unreadable(file, "there is more than 1 GiB of text in it");
  }
  int code = Z_OK;
  const char* why = gzerror(in.get(), &code);
  // A file that ends within its compressed data reads like one that ends there.
  if (code == Z_ERRNO) return unreadable(file, std::strerror(errno));
  if (code != Z_OK && code != Z_STREAM_END) return unreadable(file, why);
  return text;
}

std::vector<TextLine> lines_of(std::string_view text) {
  std::vector<TextLine> lines;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const TextLine line{++number, text.substr(at, end - at)};
    at = end + 1;
    if (line.text.find_first_not_of(" \t\r") != std::string_view::npos) lines.push_back(line);
  }
  return lines;
}

}  // namespace aperture::formats
