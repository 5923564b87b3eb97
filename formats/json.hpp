// SPDX-License-Identifier: Apache-2.0
#pragma once

// How the formats of files write values: numbers as JSON numbers or "0x...", bytes as hexadecimal digits in memory
// order.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aperture::formats {

using Json = nlohmann::ordered_json;

/// Where in a JSON document something is wrong, and what.
struct Complaint {
  std::string pointer;  ///< JSON pointer (RFC 6901)
  std::string what;
};

/// `at` with one more step, escaped as RFC 6901 wants it.
std::string pointer(std::string_view at, std::string_view key);
std::string pointer(std::string_view at, std::size_t index);

/// The document, which has to be one JSON object in which no key is there twice.
std::expected<Json, Complaint> parse_object(std::string_view text);

/// "0x1f000".
std::string hex(std::uint64_t value);
/// Two digits a byte, lower case.
std::string hex_bytes(std::span<const std::byte> bytes);

/// The value of a JSON number or a string "0x..." of any number of digits; nothing if it is neither, negative, not
/// whole or above 2^64-1.
std::optional<std::uint64_t> to_number(const Json& value);
/// The bytes of a string of hexadecimal digits, two a byte, in either case; nothing if it is none.
std::optional<std::vector<std::byte>> to_bytes(const Json& value);

}  // namespace aperture::formats
