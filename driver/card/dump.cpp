// SPDX-License-Identifier: Apache-2.0
#include "card/dump.hpp"

#include <fmt/format.h>

#include <iterator>

#include "card/registers.hpp"

namespace aperture::card {

std::vector<RegisterValue> read_all(Card& card, unsigned channels) {
  std::vector<RegisterValue> values;
  for (const regs::Block& block : regs::all_blocks()) {
    const unsigned instances = block.instance_stride == 0 ? 1 : channels;
    for (unsigned instance = 0; instance < instances; ++instance)
      for (const regs::Register& reg : block.registers)
        for (unsigned index = 0; index < reg.count; ++index)
          values.push_back(
              {&block, &reg, instance, index, read(card.mmio(), reg, index, instance, block.instance_stride)});
  }
  return values;
}

std::string to_text(const RegisterValue& value) {
  std::string text = value.block->name;
  auto out = std::back_inserter(text);
  if (value.block->instance_stride != 0) fmt::format_to(out, "[{}]", value.instance);
  fmt::format_to(out, ".{}", value.reg->name);
  if (value.reg->count > 1) fmt::format_to(out, "[{}]", value.index);
  fmt::format_to(out, " = {:#0{}x}", value.value, 2 + 2 * value.reg->size);
  for (const regs::Field& field : value.reg->fields)
    fmt::format_to(out, " {}={:#x}", field.name, field.get(value.value));
  return text;
}

}  // namespace aperture::card
