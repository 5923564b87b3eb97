// SPDX-License-Identifier: Apache-2.0
#include "tb/replay/trace.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <set>
#include <utility>

#include "tb/replay/parse.hpp"

namespace aperture::tb::replay {
Result<Trace> Trace::read(const std::filesystem::path& file) {
  Trace trace;
  trace.name_ = file.string();
  auto text = formats::read_text(file);
  if (!text) return std::unexpected(std::move(text.error()));
  trace.text_ = std::move(*text);
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
  std::set<std::string> straps;
  for (const Line& line : formats::lines_of({text_.data(), text_.size()})) {
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
