// SPDX-License-Identifier: Apache-2.0
#include "run/json_schema.hpp"

#include <string>

#include "run/table.hpp"

namespace aperture::sw::run {
namespace {

using formats::Json;
using formats::Key;
using formats::Kind;

Json type(std::string_view name) { return {{"type", name}}; }
Json ref(std::string_view name) { return {{"$ref", "#/$defs/" + std::string(name)}}; }
Json list(Json items) { return {{"type", "array"}, {"items", std::move(items)}}; }

/// " a b " as an enumeration.
Json words(std::string_view text) {
  Json out{{"enum", Json::array()}};
  for (std::size_t at = 1; at < text.size();) {
    const std::size_t end = text.find(' ', at);
    out["enum"].push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Json object(Json properties, Json required) {
  Json out{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) out["required"] = std::move(required);
  out["additionalProperties"] = false;
  return out;
}

Json of_fields(std::span<const Field> fields);

Json of(const Field& field) {
  switch (field.type) {
    case Type::kNumber:
      return ref("number");
    case Type::kFlag:
      return type("boolean");
    case Type::kText:
      return type("string");
    case Type::kTexts:
      return list(type("string"));
    case Type::kWord:
      return words(field.words);
    case Type::kProt:
      return {{"enum", {"r", "w", "rw", ""}}};
    case Type::kBytes:
      return ref("bytes");
    case Type::kRanges:
      return ref("ranges");
    case Type::kAperture:
      return {{"anyOf", {ref("range"), {{"allOf", {ref("ranges"), {{"minItems", 1}}}}}}}};
    case Type::kObject:
      return of_fields(field.members);
    case Type::kObjects:
      return list(of_fields(field.members));
    case Type::kDomain: {
      Json domain = of_fields(field.members);
      domain["required"] = {"kind"};
      return {{"anyOf", {words(field.words), std::move(domain)}}};
    }
    case Type::kStraps:
      return {{"$ref", "trace.schema.json#/oneOf/0/properties/straps"}};
    case Type::kName:
    case Type::kNewName:
      return ref("name");
    case Type::kNames:
      return list(ref("name"));
    case Type::kSteps:
      return list(ref("step"));
    case Type::kExpect:
      return {};
  }
  return {};
}

void add_fields(std::span<const Field> fields, Json& properties, Json& required) {
  for (const Field& field : fields) {
    properties[std::string(field.name)] = of(field);
    if (field.required) required.push_back(field.name);
  }
}

Json of_fields(std::span<const Field> fields) {
  Json properties = Json::object();
  Json required = Json::array();
  add_fields(fields, properties, required);
  return object(std::move(properties), std::move(required));
}

Json of_keys(std::span<const Key> keys);

Json of(const Key& key) {
  switch (key.kind) {
    case Kind::kNumber:
      return ref("number");
    case Kind::kFlag:
      return type("boolean");
    case Kind::kBytes:
    case Kind::kMask:
      return ref("bytes");
    case Kind::kText:
      return type("string");
    case Kind::kWord:
      return words(key.words);
    case Kind::kErrno:
      return ref("errno");
    case Kind::kObject:
      return key.name == "report" ? ref("report") : of_keys(key.element);
    case Kind::kList:
      return list(of_keys(key.element));
    case Kind::kTexts:
      return list(type("string"));
    case Kind::kPairs:
      return ref("ranges");
  }
  return {};
}

/// An expectation: any part of a result; null where a key must not be.
Json of_keys(std::span<const Key> keys) {
  Json properties = Json::object();
  for (const Key& key : keys) properties[std::string(key.name)] = {{"anyOf", {of(key), type("null")}}};
  return object(std::move(properties), Json::array());
}

Json of_step(const StepKind& kind) {
  Json properties{{"step", {{"const", kind.name}}}};
  Json required{"step"};
  add_fields(kind.fields, properties, required);
  properties["expect"] = {{"anyOf", {ref("errno"), of_keys(kind.results)}}};
  properties["comment"] = type("string");
  properties["tags"] = list(type("string"));
  return object(std::move(properties), std::move(required));
}

std::span<const Key> report_keys() {
  for (const Key& key : step_kinds().front().results) {
    if (key.name == "report") return key.element;
  }
  return {};
}

}  // namespace

formats::Json scenario_schema() {
  Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"$id", "scenario.schema.json"},
              {"title", "A scenario of Aperture"},
              {"description",
               "docs/scenarios.md says what each step does. Made by `aperture run --schema`. What this schema cannot "
               "say: that names are declared, which keys exclude each other, and which steps a transaction takes."}};
  schema["$defs"] = {
      {"number",
       {{"description", "0 to 2^64-1"},
        {"anyOf",
         {{{"type", "integer"}, {"minimum", 0}, {"maximum", 18446744073709551615U}},
          {{"type", "string"}, {"pattern", "^0x[0-9a-fA-F]+$"}}}}}},
      {"bytes",
       {{"description", "two digits a byte, in memory order"}, {"type", "string"}, {"pattern", "^([0-9a-fA-F]{2})*$"}}},
      {"name", {{"type", "string"}, {"minLength", 1}}},
      {"errno", {{"description", "ok, or the name of an errno"}, {"type", "string"}, {"pattern", "^(ok|E[A-Z0-9]+)$"}}},
      {"range",
       {{"description", "[first, last]"},
        {"type", "array"},
        {"items", ref("number")},
        {"minItems", 2},
        {"maxItems", 2}}},
      {"ranges", list(ref("range"))},
      {"report", of_keys(report_keys())}};
  Json steps = Json::array();
  for (const StepKind& kind : step_kinds()) steps.push_back(of_step(kind));
  schema["$defs"]["step"] = {{"oneOf", std::move(steps)}};
  schema.update(of_fields(scenario_fields()));
  return schema;
}

}  // namespace aperture::sw::run
