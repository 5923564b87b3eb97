// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "output.hpp"
#include "regs/registers.hpp"

namespace aperture::sw {

/// {"field": value, ...} in the order of the register description; fields of more than 16 bits as hexadecimal strings.
Json decode(const regs::Register& reg, std::uint64_t value);

}  // namespace aperture::sw
