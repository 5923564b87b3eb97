// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace aperture::test {

/// The seed of everything random in this test program: APERTURE_SEED, or 1. Printed first and with every failure.
std::uint64_t seed();

}  // namespace aperture::test
