// SPDX-License-Identifier: Apache-2.0
#include "tb/replay/trace.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

#include "tb/replay/parse.hpp"

namespace aperture::tb::replay {
namespace {

constexpr unsigned kChunk = 1U << 18;

std::unexpected<Error> unreadable(const std::string& name, std::string_view why) {
  return fail(Code::kEnvironment, EIO, fmt::format("{}: {}", name, why));
}

}  // namespace

Result<Trace> Trace::read(const std::filesystem::path& file) {
  Trace trace;
  trace.name_ = file.string();
  errno = 0;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(gzopen(file.c_str(), "rb"), gzclose);
  if (in == nullptr) return unreadable(trace.name_, std::strerror(errno != 0 ? errno : ENOMEM));
  for (int got = 1; got > 0;) {
    const std::size_t size = trace.text_.size();
    trace.text_.resize(size + kChunk);
    got = gzread(in.get(), trace.text_.data() + size, kChunk);
    trace.text_.resize(size + static_cast<std::size_t>(std::max(got, 0)));
  }
  int code = Z_OK;
  const char* why = gzerror(in.get(), &code);
  // A file that ends within its compressed data reads like one that ends there.
  if (code == Z_ERRNO) return unreadable(trace.name_, std::strerror(errno));
  if (code != Z_OK && code != Z_STREAM_END) return unreadable(trace.name_, why);
  if (auto ok = trace.check(); !ok) return std::unexpected(ok.error());
  return trace;
}

Result<Trace> Trace::of(std::string text, std::string name) {
  Trace trace;
  trace.name_ = std::move(name);
  trace.text_.assign(text.begin(), text.end());
  if (auto ok = trace.check(); !ok) return std::unexpected(ok.error());
  return trace;
}

Result<void> Trace::check() {
  const std::string_view text(text_.data(), text_.size());
  std::size_t number = 0;
  std::set<std::string> straps;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const Line line{++number, text.substr(at, end - at)};
    at = end + 1;
    if (line.text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Json document;
    const auto operation = parse(line.text, &document);
    if (!operation) {
      const Complaint& wrong = operation.error();
      return fail(Code::kInvalid, EINVAL,
                  fmt::format("{}: {}{}{}", place(line), wrong.pointer, wrong.pointer.empty() ? "" : ": ", wrong.what));
    }
    lines_.push_back(line);
    const auto* reset = std::get_if<Reset>(&operation->action);
    if (reset == nullptr) continue;
    if (!straps.insert(document.value("straps", Json::object()).dump()).second) continue;
    resets_.emplace_back(line, reset->straps);
  }
  return {};
}

std::string Trace::place(const Line& line) const { return fmt::format("{}:{}", name_, line.number); }

}  // namespace aperture::tb::replay
