// SPDX-License-Identifier: Apache-2.0
#include "formats/fields.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace aperture::formats {

const Json* Fields::find(std::string_view key) {
  known_.push_back(key);
  const auto it = object_.find(key);
  return it == object_.end() ? nullptr : &*it;
}

const Json* Fields::required(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) complain(key, "is missing");
  return value;
}

std::uint64_t Fields::number(std::string_view key) {
  const Json* value = required(key);
  if (value == nullptr) return 0;
  const auto number = to_number(*value);
  if (!number) complain(key, "expected a number from 0 to 2^64-1, or a string \"0x...\" of one");
  return number.value_or(0);
}

bool Fields::flag(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) complain(key, "expected true or false");
  return value->is_boolean() && value->get<bool>();
}

std::vector<std::byte> Fields::bytes(std::string_view key) {
  const Json* value = required(key);
  if (value == nullptr) return {};
  auto bytes = to_bytes(*value);
  if (!bytes) complain(key, "expected a string of hexadecimal digits, two a byte");
  return bytes ? std::move(*bytes) : std::vector<std::byte>{};
}

std::string Fields::pointer_to(std::string_view key) const { return pointer(at_, key); }

void Fields::complain_at(std::string pointer, std::string what) {
  if (!complaint_) complaint_ = {std::move(pointer), std::move(what)};
}

void Fields::judge(std::string_view key, std::string what) {
  if (!out_of_range_) out_of_range_ = {pointer_to(key), std::move(what)};
}

void Fields::too_wide(std::string_view key, std::uint64_t value, unsigned bits) {
  judge(key, fmt::format("{:#x} has more than {} bits", value, bits));
}

void Fields::finish() {
  for (const auto& [key, value] : object_.items()) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) complain(key, "unknown key");
  }
}

}  // namespace aperture::formats
