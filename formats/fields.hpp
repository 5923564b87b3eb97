// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/json.hpp"

namespace aperture::formats {

/// Takes a JSON object apart, key by key. The first complaint sticks; what is read after it, or was not there, is the
/// default.
class Fields {
 public:
  /// `object` outlives this.
  Fields(const Json& object, std::string at) : object_(object), at_(std::move(at)) {}

  bool has(std::string_view key) const { return object_.contains(key); }
  /// The value, nullptr if there is none; the key counts as known.
  const Json* find(std::string_view key);

  std::uint64_t number(std::string_view key);
  std::uint64_t number(std::string_view key, std::uint64_t otherwise) { return has(key) ? number(key) : otherwise; }
  /// A number that the wires for it can carry: `bits` of them. Larger ones are a matter of the step: out_of_range().
  template <typename T>
  T narrow(std::string_view key, unsigned bits) {
    const std::uint64_t value = number(key);
    if (bits < 64 && (value >> bits) != 0) too_wide(key, value, bits);
    return static_cast<T>(value);
  }
  bool flag(std::string_view key);
  std::vector<std::byte> bytes(std::string_view key);
  /// The second of the pair whose first is the value.
  template <typename T, std::size_t N>
  T word(std::string_view key, const std::pair<std::string_view, T> (&words)[N]) {
    const Json* value = required(key);
    std::string known;
    for (const auto& [name, meaning] : words) {
      if (value != nullptr && value->is_string() && value->template get_ref<const std::string&>() == name)
        return meaning;
      known += (known.empty() ? "" : ", ") + ("\"" + std::string(name) + "\"");
    }
    if (value != nullptr) complain(key, "expected " + (N > 1 ? "one of " + known : known));
    return words[0].second;
  }

  void complain(std::string_view key, std::string what) { complain_at(pointer_to(key), std::move(what)); }
  /// `pointer`: whole, into what lies deeper.
  void complain_at(std::string pointer, std::string what);
  /// Complains about a key that nobody asked for. Call it last.
  void finish();

  const std::optional<Complaint>& complaint() const { return complaint_; }
  /// The first number that is too wide.
  const std::optional<Complaint>& out_of_range() const { return out_of_range_; }
  void judge(std::string_view key, std::string what);

 private:
  std::string pointer_to(std::string_view key) const;
  const Json* required(std::string_view key);
  void too_wide(std::string_view key, std::uint64_t value, unsigned bits);

  const Json& object_;
  std::string at_;
  std::vector<std::string_view> known_;
  std::optional<Complaint> complaint_;
  std::optional<Complaint> out_of_range_;
};

}  // namespace aperture::formats
