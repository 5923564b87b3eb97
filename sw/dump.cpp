// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "card/dump.hpp"
#include "command.hpp"
#include "options.hpp"
#include "output.hpp"
#include "registers.hpp"
#include "session.hpp"

namespace aperture::sw {

namespace {

/// Registers of one instance of a block, in the order of the description.
struct Group {
  std::string name;
  std::vector<card::RegisterValue> values;
};

std::vector<Group> grouped(const std::vector<card::RegisterValue>& values) {
  std::vector<Group> groups;
  for (const card::RegisterValue& value : values) {
    const bool many = value.block->instance_stride != 0;
    const std::string name = many ? fmt::format("{}{}", value.block->name, value.instance) : value.block->name;
    if (groups.empty() || groups.back().name != name) {
      groups.push_back({name, {}});
    }
    groups.back().values.push_back(value);
  }
  return groups;
}

Json group_json(const Group& group) {
  const regs::Block& block = *group.values.front().block;
  const std::uint64_t shift = group.values.front().instance * block.instance_stride;
  Json result = {
      {"name", group.name}, {"bar", block.bar}, {"base", hex(block.base + shift)}, {"registers", Json::array()}};
  for (const card::RegisterValue& value : group.values) {
    const regs::Register& reg = *value.reg;
    result["registers"].push_back({{"name", reg.count == 1 ? reg.name : fmt::format("{}[{}]", reg.name, value.index)},
                                   {"offset", hex(reg.offset + shift + std::uint64_t{value.index} * reg.stride)},
                                   {"size", reg.size},
                                   {"value", hex(value.value)},
                                   {"fields", decode(reg, value.value)}});
  }
  return result;
}

std::string field_text(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// The fields behind a register's value, wrapped to the width of a page.
std::string fields_text(const Json& fields) {
  constexpr std::size_t kIndent = 41;
  constexpr std::size_t kWidth = 120;
  std::string text;
  std::size_t column = kIndent;
  for (const auto& [name, value] : fields.items()) {
    const std::string one = name + "=" + field_text(value);
    if (column + one.size() + 1 > kWidth && column > kIndent) {
      text += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    }
    text += " " + one;
    column += one.size() + 1;
  }
  return text;
}

std::string block_text(const Json& block) {
  std::string text =
      fmt::format("{}: BAR {} + {}\n", string_of(block, "name"), block.at("bar").get<int>(), string_of(block, "base"));
  for (const Json& reg : block.at("registers")) {
    text += fmt::format("  {:<18} {:>20}{}\n", string_of(reg, "name"), string_of(reg, "value"),
                        fields_text(reg.at("fields")));
  }
  return text;
}

}  // namespace

Exit run_dump(const Arguments& arguments) {
  boost::program_options::variables_map values;
  const CommonOptions common = parse("dump", arguments, {}, {}, values);
  const Session session(common);
  Output output(common.json);
  session.announce(output, "dump");
  for (const Group& group : grouped(card::read_all(session.card(), session.identity().channels))) {
    output.section(group.name, group_json(group), block_text);
  }
  return output.finish();
}

}  // namespace aperture::sw
