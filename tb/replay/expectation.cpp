// SPDX-License-Identifier: Apache-2.0
#include "tb/replay/expectation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <string_view>

namespace aperture::tb::replay {
namespace {

enum class Kind : std::uint8_t { kNumber, kFlag, kBytes, kWord, kMask, kList };

/// A key of a result.
struct Key {
  std::string_view name;
  Kind kind;
  std::string_view words{};        ///< kWord: those there are, each between spaces
  std::span<const Key> element{};  ///< kList: keys of an element
};

constexpr std::array kMemRead{Key{"data", Kind::kBytes}, Key{"mask", Kind::kMask}};
constexpr std::array kRegRead{Key{"value", Kind::kNumber}, Key{"mask", Kind::kMask}};
constexpr std::array kAccess{Key{"status", Kind::kWord, " ok abort "},
                             Key{"pa", Kind::kNumber},
                             Key{"pbmt", Kind::kNumber},
                             Key{"memory", Kind::kWord, " ok error "},
                             Key{"data", Kind::kBytes},
                             Key{"msi", Kind::kWord, " flat mrif "},
                             Key{"nid", Kind::kNumber},
                             Key{"notice", Kind::kNumber}};
constexpr std::array kAts{Key{"status", Kind::kWord, " ok ur ca "},
                          Key{"pa", Kind::kNumber},
                          Key{"size", Kind::kNumber},
                          Key{"r", Kind::kFlag},
                          Key{"w", Kind::kFlag},
                          Key{"x", Kind::kFlag},
                          Key{"global", Kind::kFlag},
                          Key{"priv", Kind::kFlag},
                          Key{"untranslated", Kind::kFlag},
                          Key{"pbmt", Kind::kNumber}};
constexpr std::array kPageRequest{Key{"response", Kind::kNumber}};
constexpr std::array kSettle{Key{"quiet", Kind::kFlag}, Key{"cycles", Kind::kNumber}};
constexpr std::array kMsi{Key{"addr", Kind::kNumber}, Key{"data", Kind::kBytes}};
constexpr std::array kInvalidation{Key{"device_id", Kind::kNumber}, Key{"process_id", Kind::kNumber},
                                   Key{"payload", Kind::kNumber}, Key{"itag", Kind::kNumber}};
constexpr std::array kGroupResponse{Key{"device_id", Kind::kNumber}, Key{"process_id", Kind::kNumber},
                                    Key{"payload", Kind::kNumber}};
constexpr std::array kMessages{Key{"msis", Kind::kList, {}, kMsi}, Key{"invalidations", Kind::kList, {}, kInvalidation},
                               Key{"group_responses", Kind::kList, {}, kGroupResponse}, Key{"wires", Kind::kNumber}};

struct KeysOf {
  using Keys = std::span<const Key>;
  Keys operator()(const MemRead&) const { return kMemRead; }
  Keys operator()(const RegRead&) const { return kRegRead; }
  Keys operator()(const Translate& t) const { return t.access.type == AccessType::kAts ? Keys(kAts) : Keys(kAccess); }
  Keys operator()(const RequestPage&) const { return kPageRequest; }
  Keys operator()(const Settle&) const { return kSettle; }
  Keys operator()(const TakeMessages&) const { return kMessages; }
  template <typename Other>
  Keys operator()(const Other&) const {
    return {};
  }
};

std::optional<Complaint> check_object(const Json& object, std::span<const Key> keys, const std::string& at);

std::string check_value(const Json& value, const Key& key, const Json& beside) {
  switch (key.kind) {
    case Kind::kNumber:
      return to_number(value) ? "" : "expected a number from 0 to 2^64-1, or a string \"0x...\" of one";
    case Kind::kFlag:
      return value.is_boolean() ? "" : "expected true or false";
    case Kind::kBytes:
      return to_bytes(value) ? "" : "expected a string of hexadecimal digits, two a byte";
    case Kind::kWord: {
      const bool known = value.is_string() &&
                         key.words.find(" " + value.get_ref<const std::string&>() + " ") != std::string_view::npos;
      return known ? "" : fmt::format("expected one of:{}", key.words.substr(0, key.words.size() - 1));
    }
    case Kind::kMask: {
      const auto number = beside.find("value");
      const auto data = beside.find("data");
      if (number != beside.end()) return to_number(value) ? "" : "expected a number";
      if (data == beside.end()) return "a mask without what it masks";
      const auto bytes = to_bytes(*data);
      const auto mask = to_bytes(value);
      return mask && bytes && mask->size() == bytes->size() ? "" : "expected as many bytes as data has";
    }
    case Kind::kList:
      return value.is_array() ? "" : "expected a list";
  }
  return {};
}

std::optional<Complaint> check_one(const Json& value, const Key& key, const Json& beside, const std::string& at) {
  if (value.is_null() && key.kind != Kind::kMask) return std::nullopt;
  if (std::string what = check_value(value, key, beside); !what.empty()) return Complaint{at, std::move(what)};
  if (key.kind != Kind::kList) return std::nullopt;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (auto wrong = check_object(value[i], key.element, pointer(at, i))) return wrong;
  }
  return std::nullopt;
}

std::optional<Complaint> check_object(const Json& object, std::span<const Key> keys, const std::string& at) {
  if (!object.is_object()) return Complaint{at, "expected an object"};
  for (const auto& [name, value] : object.items()) {
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == name; });
    const std::string here = pointer(at, name);
    if (key == keys.end()) return Complaint{here, "unknown key"};
    if (auto wrong = check_one(value, *key, object, here)) return wrong;
  }
  return std::nullopt;
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

bool same(const Key& key, const Json& expected, const Json& actual, const Json* mask) {
  switch (key.kind) {
    case Kind::kNumber: {
      const auto want = to_number(expected);
      const auto got = to_number(actual);
      const std::uint64_t bits = mask == nullptr ? ~std::uint64_t{0} : to_number(*mask).value_or(~std::uint64_t{0});
      return want && got && ((*want ^ *got) & bits) == 0;
    }
    case Kind::kBytes:
      return same_bytes(expected, actual, mask);
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
    } else if (!same(key, *expected, *actual, mask == expect.end() ? nullptr : &*mask)) {
      found.push_back({here, *expected, *actual});
    }
  }
}

/// An ATS answer may be smaller than the leaf: an expected `size` holds when the granted block lies inside the expected
/// one, and then `pa` when both send the IOVA to one address.
bool inside(const DeviceAccess& access, const Json& expect, const Json& result) {
  const auto number = [](const Json& in, const char* key) {
    const auto it = in.find(key);
    return it == in.end() ? std::nullopt : to_number(*it);
  };
  const auto size = number(result, "size");
  const auto pa = number(result, "pa");
  const auto block = number(expect, "size");
  if (!size || !pa || !block || *size > *block || *size == 0) return false;
  const auto base = number(expect, "pa");
  if (!base) return true;
  const std::uint64_t target = (*base & ~(*block - 1)) | (access.iova & (*block - 1));
  return (target & ~(*size - 1)) == (*pa & ~(*size - 1));
}

}  // namespace

std::optional<Complaint> check_expectation(const Action& action, const Json& expect) {
  return check_object(expect, std::visit(KeysOf{}, action), "/expect");
}

std::vector<Mismatch> compare(const Action& action, const Json& expect, const Json& result) {
  std::vector<Mismatch> found;
  compare_object(std::visit(KeysOf{}, action), expect, result, "", found);
  const auto* translate = std::get_if<Translate>(&action);
  if (translate != nullptr && translate->access.type == AccessType::kAts && inside(translate->access, expect, result)) {
    std::erase_if(found, [](const Mismatch& m) { return m.place == "/pa" || m.place == "/size"; });
  }
  return found;
}

}  // namespace aperture::tb::replay
