// SPDX-License-Identifier: Apache-2.0
#include "formats/expectation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace aperture::formats {
namespace {

constexpr int kLastErrno = 133;
constexpr const char* kNumberWanted = "expected a number from 0 to 2^64-1, or a string \"0x...\" of one";

bool is_errno(const Json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  if (text == "ok") return true;
  for (int number = 1; number <= kLastErrno; ++number) {
    const char* name = ::strerrorname_np(number);
    if (name != nullptr && text == name) return true;
  }
  return false;
}

bool is_pair(const Json& value) {
  return value.is_array() && value.size() == 2 && to_number(value[0]) && to_number(value[1]);
}

std::string check_mask(const Json& value, const Json& beside) {
  const auto number = beside.find("value");
  const auto data = beside.find("data");
  if (number != beside.end()) return to_number(value) ? "" : "expected a number";
  if (data == beside.end()) return "a mask without what it masks";
  const auto bytes = to_bytes(*data);
  const auto mask = to_bytes(value);
  return mask && bytes && mask->size() == bytes->size() ? "" : "expected as many bytes as data has";
}

std::string check_value(const Json& value, const Key& key, const Json& beside) {
  switch (key.kind) {
    case Kind::kNumber:
      return to_number(value) ? "" : kNumberWanted;
    case Kind::kFlag:
      return value.is_boolean() ? "" : "expected true or false";
    case Kind::kBytes:
      return to_bytes(value) ? "" : "expected a string of hexadecimal digits, two a byte";
    case Kind::kText:
      return value.is_string() ? "" : "expected a string";
    case Kind::kWord: {
      const bool known = value.is_string() &&
                         key.words.find(" " + value.get_ref<const std::string&>() + " ") != std::string_view::npos;
      return known ? "" : fmt::format("expected one of:{}", key.words.substr(0, key.words.size() - 1));
    }
    case Kind::kErrno:
      return is_errno(value) ? "" : "expected \"ok\" or the name of an errno, such as \"EADDRINUSE\"";
    case Kind::kMask:
      return check_mask(value, beside);
    case Kind::kObject:
      return value.is_object() ? "" : "expected an object";
    case Kind::kList:
      return value.is_array() ? "" : "expected a list";
    case Kind::kTexts: {
      const bool texts = value.is_array() && std::ranges::all_of(value, [](const Json& v) { return v.is_string(); });
      return texts ? "" : "expected a list of strings";
    }
    case Kind::kPairs:
      return value.is_array() && std::ranges::all_of(value, is_pair) ? "" : "expected a list of [number, number]";
  }
  return {};
}

std::optional<Complaint> check_one(const Json& value, const Key& key, const Json& beside, const std::string& at) {
  if (value.is_null() && key.kind != Kind::kMask) return std::nullopt;
  if (std::string what = check_value(value, key, beside); !what.empty()) return Complaint{at, std::move(what)};
  if (key.kind == Kind::kObject) return check_expectation(value, key.element, at);
  if (key.kind != Kind::kList) return std::nullopt;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (auto wrong = check_expectation(value[i], key.element, pointer(at, i))) return wrong;
  }
  return std::nullopt;
}

bool same_number(const Json& expected, const Json& actual, std::uint64_t mask = ~std::uint64_t{0}) {
  const auto want = to_number(expected);
  const auto got = to_number(actual);
  return want && got && ((*want ^ *got) & mask) == 0;
}

bool same_bytes(const Json& expected, const Json& actual, const Json* mask) {
  const auto want = to_bytes(expected);
  const auto got = to_bytes(actual);
  if (!want || !got || want->size() != got->size()) return false;
  const auto bits = mask == nullptr ? std::optional(std::vector(want->size(), std::byte{0xff})) : to_bytes(*mask);
  for (std::size_t i = 0; i < want->size(); ++i) {
    if ((((*want)[i] ^ (*got)[i]) & (*bits)[i]) != std::byte{0}) return false;
  }
  return true;
}

bool same_pairs(const Json& expected, const Json& actual) {
  return std::ranges::equal(expected, actual, [](const Json& want, const Json& got) {
    return same_number(want[0], got[0]) && same_number(want[1], got[1]);
  });
}

bool same(const Key& key, const Json& expected, const Json& actual, const Json* mask) {
  switch (key.kind) {
    case Kind::kNumber:
      return mask == nullptr ? same_number(expected, actual)
                             : same_number(expected, actual, to_number(*mask).value_or(~std::uint64_t{0}));
    case Kind::kBytes:
      return same_bytes(expected, actual, mask);
    case Kind::kPairs:
      return same_pairs(expected, actual);
    default:
      return expected == actual;
  }
}

void compare_object(std::span<const Key> keys, const Json& expect, const Json& result, const std::string& at,
                    std::vector<Mismatch>& found);

void compare_list(const Key& key, const Json& expect, const Json& result, const std::string& at,
                  std::vector<Mismatch>& found) {
  if (expect.size() != result.size()) {
    found.push_back({at, expect, result});
    return;
  }
  for (std::size_t i = 0; i < expect.size(); ++i) {
    compare_object(key.element, expect[i], result[i], pointer(at, i), found);
  }
}

void compare_object(std::span<const Key> keys, const Json& expect, const Json& result, const std::string& at,
                    std::vector<Mismatch>& found) {
  const auto mask = expect.find("mask");
  for (const Key& key : keys) {
    const auto expected = expect.find(key.name);
    if (expected == expect.end() || key.kind == Kind::kMask) continue;
    const auto actual = result.find(key.name);
    const std::string here = pointer(at, key.name);
    if (actual == result.end() || expected->is_null()) {
      if (actual == result.end() && expected->is_null()) continue;
      found.push_back({here, *expected, actual == result.end() ? Json(nullptr) : *actual});
    } else if (key.kind == Kind::kList) {
      compare_list(key, *expected, *actual, here, found);
    } else if (key.kind == Kind::kObject) {
      compare_object(key.element, *expected, *actual, here, found);
    } else if (!same(key, *expected, *actual, mask == expect.end() ? nullptr : &*mask)) {
      found.push_back({here, *expected, *actual});
    }
  }
}

}  // namespace

std::optional<Complaint> check_expectation(const Json& expect, std::span<const Key> keys, const std::string& at) {
  if (!expect.is_object()) return Complaint{at, "expected an object"};
  for (const auto& [name, value] : expect.items()) {
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == name; });
    const std::string here = pointer(at, name);
    if (key == keys.end()) return Complaint{here, "unknown key"};
    if (auto wrong = check_one(value, *key, expect, here)) return wrong;
  }
  return std::nullopt;
}

std::vector<Mismatch> compare(std::span<const Key> keys, const Json& expect, const Json& result) {
  std::vector<Mismatch> found;
  compare_object(keys, expect, result, "", found);
  return found;
}

}  // namespace aperture::formats
