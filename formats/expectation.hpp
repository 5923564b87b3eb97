// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/json.hpp"

namespace aperture::formats {

enum class Kind : std::uint8_t {
  kNumber,
  kFlag,
  kBytes,
  kText,
  kWord,    ///< one of `words`
  kErrno,   ///< "ok" or the name of an errno
  kMask,    ///< which bits of `value` or `data` beside it are compared
  kObject,  ///< of `element`
  kList,    ///< of objects of `element`
  kTexts,   ///< list of strings
  kPairs    ///< list of [number, number]
};

/// A key of a result.
struct Key {
  std::string_view name;
  Kind kind;
  std::string_view words{};        ///< kWord: those there are, each between spaces
  std::span<const Key> element{};  ///< kObject, kList: keys of an element
};

struct Mismatch {
  std::string place;  ///< JSON pointer into the expectation
  Json expected;
  Json actual;  ///< null: not there
};

/// What is wrong with the form of `expect` as the expectation of a result with these keys: another key, a value of
/// another type than there. null is of every type.
std::optional<Complaint> check_expectation(const Json& expect, std::span<const Key> keys, const std::string& at);

/// Where `result` is not as expected. An expectation is a part of the result: of an object some keys, of a list all
/// elements. Numbers count by value, bytes without regard to case; null: the key is not there. Both have their form.
std::vector<Mismatch> compare(std::span<const Key> keys, const Json& expect, const Json& result);

}  // namespace aperture::formats
