// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.hpp"
#include "base/types.hpp"
#include "ioas/prot.hpp"

namespace aperture::ioas {

/// What a map or copy checks before it looks at any object, as Linux does. EOVERFLOW: `iova` or `length` is 2^64 - 1;
/// EINVAL: no access is wanted.
Result<> check_arguments(std::optional<Iova> iova, std::uint64_t length, Prot prot);

}  // namespace aperture::ioas
