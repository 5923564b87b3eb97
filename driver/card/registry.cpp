// SPDX-License-Identifier: Apache-2.0
#include "card/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace aperture::card {
namespace {

template <typename Items>
std::string list(const Items& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + item.name;
  return text.empty() ? "none" : text;
}

}  // namespace

bool Options::has(std::string_view key) const {
  return std::ranges::any_of(values, [key](const auto& value) { return value.first == key; });
}

std::string Options::text(std::string_view key, std::string_view otherwise) const {
  auto found = std::ranges::find_if(values, [key](const auto& value) { return value.first == key; });
  return found == values.end() ? std::string(otherwise) : found->second;
}

Result<std::uint64_t> Options::number(std::string_view key, std::uint64_t otherwise) const {
  if (!has(key)) return otherwise;
  const std::string value = text(key);
  const bool hex = value.starts_with("0x") || value.starts_with("0X");
  const char* first = value.data() + (hex ? 2 : 0);
  const char* last = value.data() + value.size();
  std::uint64_t result{};
  auto [end, error] = std::from_chars(first, last, result, hex ? 16 : 10);
  if (first == last || end != last || error != std::errc{})
    return fail(Code::kInvalid, EINVAL, fmt::format("option {}={} is not a number of at most 64 bits", key, value));
  return result;
}

void Options::set(std::string_view key, std::string_view value) {
  auto found = std::ranges::find_if(values, [key](const auto& v) { return v.first == key; });
  if (found == values.end())
    values.emplace_back(key, value);
  else
    found->second = value;
}

void Registry::add(Factory factory) {
  if (std::ranges::any_of(factories_, [&](const Factory& f) { return f.name == factory.name; }))
    throw std::logic_error("two kinds of card are called " + factory.name);
  factories_.push_back(std::move(factory));
}

Result<std::pair<const Factory*, Options>> Registry::parse(std::string_view specification) const {
  const std::size_t colon = specification.find(':');
  const std::string_view name = specification.substr(0, colon);
  auto factory = std::ranges::find_if(factories_, [name](const Factory& f) { return f.name == name; });
  if (factory == factories_.end())
    return fail(Code::kInvalid, EINVAL,
                fmt::format("no kind of card is called \"{}\"; this program has: {}", name, list(factories_)));

  Options options;
  std::string_view rest = colon == std::string_view::npos ? std::string_view{} : specification.substr(colon + 1);
  for (bool first = true; !rest.empty(); first = false) {
    const std::size_t comma = rest.find(',');
    const std::string_view piece = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    const std::size_t equals = piece.find('=');
    if (first && !factory->argument.empty() && (equals == std::string_view::npos || factory->keys.empty())) {
      options.argument = piece;
      continue;
    }
    const std::string_view key = piece.substr(0, equals);
    const bool known = std::ranges::any_of(factory->keys, [key](const Key& k) { return k.name == key; });
    if (!known || equals == std::string_view::npos)
      return fail(
          Code::kInvalid, EINVAL,
          fmt::format("card {} does not understand \"{}\"; it has KEY=VALUE of: {}", name, piece, list(factory->keys)));
    if (options.has(key)) return fail(Code::kInvalid, EINVAL, fmt::format("card {}: {} is given twice", name, key));
    options.values.emplace_back(key, piece.substr(equals + 1));
  }
  if (factory->argument_needed && options.argument.empty())
    return fail(Code::kInvalid, EINVAL, fmt::format("card {} needs its {}: {}:...", name, factory->argument, name));
  return std::pair{&*factory, std::move(options)};
}

Result<std::unique_ptr<Card>> Registry::open(std::string_view specification,
                                             const std::vector<std::pair<std::string, std::string>>& defaults) const {
  auto parsed = parse(specification);
  if (!parsed) return std::unexpected(parsed.error());
  auto& [factory, options] = *parsed;
  for (const auto& [key, value] : defaults) {
    const bool known = std::ranges::any_of(factory->keys, [&key = key](const Key& k) { return k.name == key; });
    if (known && !options.has(key)) options.values.emplace_back(key, value);
  }
  return factory->open(options);
}

Registry& registry() {
  static Registry instance;
  return instance;
}

Result<std::unique_ptr<Card>> open(std::string_view specification,
                                   const std::vector<std::pair<std::string, std::string>>& defaults) {
  return registry().open(specification, defaults);
}

}  // namespace aperture::card
