// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.hpp"
#include "formats/json.hpp"
#include "ioas/cause.hpp"
#include "ioas/prot.hpp"

namespace aperture::sw::run {

using formats::Json;

/// The values of an object whose form was checked. What is not there is empty or the default given.
class Arguments {
 public:
  /// `object` outlives this.
  explicit Arguments(const Json& object) : object_(object) {}

  const Json& json() const { return object_; }
  /// Null: not there.
  const Json* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  std::optional<std::uint64_t> optional(std::string_view key) const;
  std::uint64_t number(std::string_view key, std::uint64_t otherwise = 0) const;
  bool flag(std::string_view key, bool otherwise = false) const;
  std::string text(std::string_view key) const;
  std::vector<std::byte> bytes(std::string_view key) const;
  /// An empty list if there is none.
  const Json& list(std::string_view key) const;
  std::vector<IovaRange> ranges(std::string_view key) const;

  // Keys that mean the same everywhere.
  std::optional<Iova> iova() const;
  /// "rw" if there is none.
  ioas::Prot prot() const;
  ioas::Cause cause() const;
  /// All ones if it does not fit 32 bits: no process has that number.
  std::optional<std::uint32_t> process() const;

 private:
  const Json& object_;
};

/// Of a list of [first, last].
std::vector<IovaRange> ranges_of(const Json& pairs);

}  // namespace aperture::sw::run
