// SPDX-License-Identifier: Apache-2.0
#include "registers.hpp"

namespace aperture::sw {

Json decode(const regs::Register& reg, std::uint64_t value) {
  Json fields = Json::object();
  for (const regs::Field& field : reg.fields) {
    const std::uint64_t content = field.get(value);
    fields[field.name] = field.width > 16 ? Json(hex(content)) : Json(content);
  }
  return fields;
}

}  // namespace aperture::sw
