// SPDX-License-Identifier: Apache-2.0
#pragma once

// How the parameters of tests are printed, in their names and failures.

#include <ostream>

#include "regs/registers.hpp"
#include "tb/options.hpp"

namespace aperture::tb {
inline void PrintTo(Profile profile, std::ostream* out) { *out << name(profile); }
}  // namespace aperture::tb

namespace aperture::regs {
inline void PrintTo(IommuMode mode, std::ostream* out) { *out << to_string(mode); }
inline void PrintTo(SatpMode mode, std::ostream* out) { *out << to_string(mode); }
}  // namespace aperture::regs
