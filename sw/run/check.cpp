// SPDX-License-Identifier: Apache-2.0
#include "run/check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/expectation.hpp"
#include "tb/options.hpp"

namespace aperture::sw::run {

using formats::pointer;
using formats::to_bytes;
using formats::to_number;

namespace {

constexpr std::array<std::string_view, 8> kKinds{"",         "a device",     "an IOAS",  "a memory",
                                                 "a mirror", "a projection", "a window", "a nested domain"};

Complaint wrong(const std::string& at, std::string what) { return {at, std::move(what)}; }

bool is_pair(const Json& value) {
  return value.is_array() && value.size() == 2 && to_number(value[0]) && to_number(value[1]);
}

bool is_word(const Json& value, std::string_view words) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return text.find(' ') == std::string::npos && words.find(" " + text + " ") != std::string_view::npos;
}

std::optional<Complaint> expect_form(bool ok, const std::string& at, std::string_view what) {
  if (ok) return {};
  return Complaint{at, "expected " + std::string(what)};
}

std::optional<Complaint> check_straps(const Json& value, const std::string& at) {
  if (!value.is_object()) return wrong(at, "expected an object");
  const auto straps = tb::parse_iommu_straps(value.dump());
  if (!straps) return wrong(pointer(at, straps.error().key), straps.error().what);
  return {};
}

/// Apertures are geometry: they ascend and do not meet.
std::optional<Complaint> check_aperture(const Json& value, const std::string& at) {
  const bool one = is_pair(value);
  const bool list = value.is_array() && !value.empty() && std::ranges::all_of(value, is_pair);
  if (!one && !list) return wrong(at, "expected [first, last], or a list of such pairs");
  const Json pairs = one ? Json::array({value}) : value;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::string here = one ? at : pointer(at, i);
    const std::uint64_t first = *to_number(pairs[i][0]);
    if (first > *to_number(pairs[i][1])) return wrong(here, "first is above last");
    if (i > 0 && first <= *to_number(pairs[i - 1][1])) return wrong(here, "the pairs do not ascend");
  }
  return {};
}

}  // namespace

void Check::declare(const Json& object, std::span<const Field> fields) {
  if (!object.is_object()) return;
  for (const Field& field : fields) {
    const auto found = object.find(field.name);
    if (found == object.end()) continue;
    if (field.type == Type::kNewName && found->is_string()) {
      names_[static_cast<std::size_t>(field.named)].insert(found->get<std::string>());
    }
    if (field.type != Type::kObjects || !found->is_array()) continue;
    for (const Json& one : *found) declare(one, field.members);
  }
}

void Check::declare_steps(const Json& steps) {
  if (!steps.is_array()) return;
  for (const Json& step : steps) {
    if (!step.is_object()) continue;
    const auto name = step.find("step");
    if (name == step.end() || !name->is_string()) continue;
    const StepKind* kind = find_step(name->get_ref<const std::string&>());
    if (kind == nullptr) continue;
    declare(step, kind->fields);
    if (const auto nested = step.find("steps"); nested != step.end()) declare_steps(*nested);
  }
}

Check::Wrong Check::object(const Json& object, std::span<const Field> fields, std::span<const Field> common,
                           const std::string& at) {
  if (!object.is_object()) return wrong(at, "expected an object");
  for (const auto& [key, value] : object.items()) {
    const auto same = [&key = key](const Field& field) { return field.name == key; };
    auto field = std::ranges::find_if(fields, same);
    if (field == fields.end()) {
      field = std::ranges::find_if(common, same);
      if (field == common.end()) return wrong(pointer(at, key), "unknown key");
    }
    if (auto bad = this->value(value, *field, pointer(at, key))) return bad;
  }
  for (const Field& field : fields) {
    if (field.required && !object.contains(field.name)) return wrong(pointer(at, field.name), "is missing");
  }
  return {};
}

Check::Wrong Check::objects(const Json& list, const Field& field, const std::string& at) {
  if (!list.is_array()) return wrong(at, "expected a list of objects");
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (auto bad = object(list[i], field.members, {}, pointer(at, i))) return bad;
  }
  return {};
}

Check::Wrong Check::reference(const Json& value, Named named, const std::string& at) {
  if (!value.is_string()) return wrong(at, "expected a name");
  const auto& name = value.get_ref<const std::string&>();
  const auto kind = static_cast<std::size_t>(named);
  if (names_[kind].contains(name)) return {};
  return wrong(at, fmt::format("\"{}\" is declared nowhere as {}", name, kKinds[kind]));
}

Check::Wrong Check::value(const Json& value, const Field& field, const std::string& at) {
  switch (field.type) {
    case Type::kNumber:
      return expect_form(to_number(value).has_value(), at, "a number from 0 to 2^64-1, or a string \"0x...\" of one");
    case Type::kFlag:
      return expect_form(value.is_boolean(), at, "true or false");
    case Type::kText:
      return expect_form(value.is_string(), at, "a string");
    case Type::kTexts: {
      const bool texts = value.is_array() && std::ranges::all_of(value, [](const Json& v) { return v.is_string(); });
      return expect_form(texts, at, "a list of strings");
    }
    case Type::kWord:
      // `step` has been looked at already.
      return expect_form(field.words.empty() || is_word(value, field.words), at,
                         fmt::format("one of:{}", field.words.substr(0, field.words.size() - 1)));
    case Type::kProt:
      return expect_form(is_word(value, " r w rw ") || value == "", at, "one of: r w rw, or an empty string");
    case Type::kBytes: {
      const auto bytes = to_bytes(value);
      return expect_form(bytes.has_value(), at, "a string of hexadecimal digits, two a byte");
    }
    case Type::kRanges:
      return expect_form(value.is_array() && std::ranges::all_of(value, is_pair), at, "a list of [first, last]");
    case Type::kAperture:
      return check_aperture(value, at);
    case Type::kObject:
      return object(value, field.members, {}, at);
    case Type::kObjects:
      return objects(value, field, at);
    case Type::kDomain:
      if (value.is_object()) {
        if (auto bad = object(value, field.members, {}, at)) return bad;
        return expect_form(value.contains("kind"), pointer(at, "kind"), "\"memory\"");
      }
      return expect_form(is_word(value, field.words), at, "\"riscv\", \"host\" or an object");
    case Type::kStraps:
      return check_straps(value, at);
    case Type::kName:
      return reference(value, field.named, at);
    case Type::kNames:
      if (!value.is_array()) return wrong(at, "expected a list of names");
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (auto bad = reference(value[i], field.named, pointer(at, i))) return bad;
      }
      return {};
    case Type::kNewName:
      return expect_form(value.is_string() && value != "", at, "a name");
    case Type::kSteps:
    case Type::kExpect:
      return {};  // by step()
  }
  return {};
}

Check::Wrong Check::expectation(const Json& expect, const StepKind& kind, const std::string& at) {
  if (expect.is_string()) return formats::check_expectation({{"errno", expect}}, kind.results, at);
  if (!expect.is_object()) return wrong(at, "expected an errno or an object");
  return formats::check_expectation(expect, kind.results, at);
}

Check::Wrong Check::step(const Json& step, bool nested, const std::string& at) {
  if (!step.is_object()) return wrong(at, "expected an object");
  const auto name = step.find("step");
  if (name == step.end()) return wrong(pointer(at, "step"), "is missing");
  const StepKind* kind = name->is_string() ? find_step(name->get_ref<const std::string&>()) : nullptr;
  if (kind == nullptr) return wrong(pointer(at, "step"), fmt::format("there is no step {}", name->dump()));
  if (nested && !kind->in_transaction) {
    return wrong(pointer(at, "step"), fmt::format("\"{}\" cannot be part of a transaction", kind->name));
  }
  if (auto bad = object(step, kind->fields, common_fields(), at)) return bad;
  if (auto bad = check_combination(kind->name, step, at)) return bad;
  if (const auto expect = step.find("expect"); expect != step.end()) {
    auto bad = expectation(*expect, *kind, pointer(at, "expect"));
    // Of the short form the errno is the value itself.
    if (bad && expect->is_string()) bad->pointer = pointer(at, "expect");
    if (bad) return bad;
  }
  const auto inner = step.find("steps");
  return inner == step.end() ? Wrong{} : steps(*inner, true, pointer(at, "steps"));
}

Check::Wrong Check::steps(const Json& list, bool nested, const std::string& at) {
  if (!list.is_array()) return wrong(at, "expected a list of steps");
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (auto bad = step(list[i], nested, pointer(at, i))) return bad;
  }
  return {};
}

Check::Wrong Check::devices(const Json& list, const std::string& at) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& device = list[i];
    const std::string here = pointer(at, i);
    if (!seen.insert(device["name"].get<std::string>()).second) {
      return wrong(pointer(here, "name"), "another device has this name");
    }
    const auto domain = device.find("domain");
    const bool riscv = domain == device.end() || *domain == "riscv";
    if (riscv && !device.contains("device_id")) return wrong(pointer(here, "device_id"), "is missing");
    if (!riscv && device.contains("channel")) {
      return wrong(pointer(here, "channel"), "only a device behind the card's IOMMU has a channel");
    }
    const Json none = Json::array();
    const Json& reserved = device.contains("reserved") ? device["reserved"] : none;
    for (std::size_t j = 0; j < reserved.size(); ++j) {
      if (*to_number(reserved[j]["first"]) <= *to_number(reserved[j]["last"])) continue;
      return wrong(pointer(pointer(here, "reserved"), j), "first is above last");
    }
  }
  return {};
}

Check::Wrong Check::scenario(const Json& document) {
  declare(document, scenario_fields());
  if (const auto list = document.find("steps"); list != document.end()) declare_steps(*list);
  if (auto bad = object(document, scenario_fields(), {}, "")) return bad;
  if (const auto list = document.find("devices"); list != document.end()) {
    if (auto bad = devices(*list, "/devices")) return bad;
  }
  return steps(document["steps"], false, "/steps");
}

}  // namespace aperture::sw::run
