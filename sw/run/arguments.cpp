// SPDX-License-Identifier: Apache-2.0
#include "run/arguments.hpp"

#include <limits>

namespace aperture::sw::run {

const Json* Arguments::find(std::string_view key) const {
  const auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> Arguments::optional(std::string_view key) const {
  const Json* value = find(key);
  return value == nullptr ? std::nullopt : formats::to_number(*value);
}

std::uint64_t Arguments::number(std::string_view key, std::uint64_t otherwise) const {
  return optional(key).value_or(otherwise);
}

bool Arguments::flag(std::string_view key, bool otherwise) const {
  const Json* value = find(key);
  return value == nullptr ? otherwise : value->get<bool>();
}

std::string Arguments::text(std::string_view key) const {
  const Json* value = find(key);
  return value == nullptr ? std::string() : value->get<std::string>();
}

std::vector<std::byte> Arguments::bytes(std::string_view key) const {
  const Json* value = find(key);
  return value == nullptr ? std::vector<std::byte>() : formats::to_bytes(*value).value_or(std::vector<std::byte>());
}

const Json& Arguments::list(std::string_view key) const {
  static const Json kNone = Json::array();
  const Json* value = find(key);
  return value == nullptr ? kNone : *value;
}

std::vector<IovaRange> Arguments::ranges(std::string_view key) const { return ranges_of(list(key)); }

std::optional<Iova> Arguments::iova() const {
  const auto value = optional("iova");
  return value ? std::optional(Iova{*value}) : std::nullopt;
}

ioas::Prot Arguments::prot() const {
  if (!has("prot")) return ioas::Prot::kReadWrite;
  unsigned bits = 0;
  for (const char c : text("prot")) bits |= c == 'r' ? 1U : 2U;
  return static_cast<ioas::Prot>(bits);
}

ioas::Cause Arguments::cause() const { return ioas::cause_from(text("cause")).value_or(ioas::Cause::kUser); }

std::optional<std::uint32_t> Arguments::process() const {
  const auto value = optional("process_id");
  if (!value) return {};
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  return *value > kMost ? kMost : static_cast<std::uint32_t>(*value);
}

std::vector<IovaRange> ranges_of(const Json& pairs) {
  std::vector<IovaRange> out;
  for (const Json& pair : pairs) {
    out.push_back({{formats::to_number(pair[0]).value_or(0)}, {formats::to_number(pair[1]).value_or(0)}});
  }
  return out;
}

}  // namespace aperture::sw::run
