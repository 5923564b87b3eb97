// SPDX-License-Identifier: Apache-2.0
#pragma once

// Cards by name. What the user writes after --card is `NAME`, `NAME:ARGUMENT`, `NAME:KEY=VALUE,...` or
// `NAME:ARGUMENT,KEY=VALUE,...`. Programs and tests add the kinds of card that they link; this folder knows none.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "card/card.hpp"

namespace aperture::card {

/// The part of a specification after the name.
class Options {
 public:
  std::string argument;                                     ///< empty if none
  std::vector<std::pair<std::string, std::string>> values;  ///< in the order given, each key once

  bool has(std::string_view key) const;
  /// The value of `key`, or `otherwise` if it was not given.
  std::string text(std::string_view key, std::string_view otherwise = {}) const;
  /// Decimal or 0x hexadecimal; EINVAL naming the key if it is not a number.
  Result<std::uint64_t> number(std::string_view key, std::uint64_t otherwise) const;
  /// Replaces or adds.
  void set(std::string_view key, std::string_view value);
};

/// One key that a kind of card understands, for checks and help texts.
struct Key {
  std::string name;
  std::string help;
};

/// A kind of card.
struct Factory {
  std::string name;        ///< "sim", "vfio"
  std::string help;        ///< one line
  std::string argument;    ///< what the argument is, "" when it takes none; then `NAME:x` is an error
  bool argument_needed{};  ///< `NAME` alone is an error
  std::vector<Key> keys;   ///< anything else is an error that lists these
  std::function<Result<std::unique_ptr<Card>>(const Options&)> open;
};

class Registry {
 public:
  /// A second factory of one name: programmer error (throws std::logic_error).
  void add(Factory factory);
  const std::vector<Factory>& factories() const { return factories_; }
  /// Opens the card that `specification` names. `defaults` are used for the keys that it does not give and that this
  /// kind of card knows (a program's --seed, for instance). EINVAL with a list of what there is: unknown name, unknown
  /// key, missing or unexpected argument, key given twice. Otherwise as the factory fails.
  Result<std::unique_ptr<Card>> open(std::string_view specification,
                                     const std::vector<std::pair<std::string, std::string>>& defaults = {}) const;
  /// Checks and splits a specification without opening anything. Same errors.
  Result<std::pair<const Factory*, Options>> parse(std::string_view specification) const;

 private:
  std::vector<Factory> factories_;
};

/// The registry of this program, filled at link time by Registration objects.
Registry& registry();

/// Define one at namespace scope, in a source file of the program itself: `const card::Registration
/// sim{tb::factory()};`
struct Registration {
  explicit Registration(Factory factory) { registry().add(std::move(factory)); }
};

/// registry().open(...).
Result<std::unique_ptr<Card>> open(std::string_view specification,
                                   const std::vector<std::pair<std::string, std::string>>& defaults = {});

}  // namespace aperture::card
