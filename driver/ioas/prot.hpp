// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace aperture::ioas {

/// What a device may do with a mapping.
enum class Prot : std::uint8_t { kNone = 0, kRead = 1, kWrite = 2, kReadWrite = 3 };

constexpr bool readable(Prot prot) { return (static_cast<unsigned>(prot) & 1U) != 0; }
constexpr bool writable(Prot prot) { return (static_cast<unsigned>(prot) & 2U) != 0; }

}  // namespace aperture::ioas
