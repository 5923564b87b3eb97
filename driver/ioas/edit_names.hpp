// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <list>
#include <string>

#include "ioas/edit.hpp"
#include "ioas/platform.hpp"

namespace aperture::ioas {

/// What was asked for, for reports: "attach nic1".
std::string subject_of(const Edit& edit);
/// The IOASes that an edit names: the one it changes first; null where there is none.
std::array<Ioas*, 2> named(const Platform& platform, const std::list<Link>& links, const Edit& edit);

}  // namespace aperture::ioas
