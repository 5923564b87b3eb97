// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/types.hpp"

namespace aperture::ioas {

/// "0x1f000".
std::string hex(std::uint64_t value);
/// "[0x1000-0x1fff]".
std::string text(IovaRange range);
/// "16 GiB", "12 KiB", "100 bytes": exact, in the largest unit that divides it.
std::string size_text(IovaRange range);

}  // namespace aperture::ioas
