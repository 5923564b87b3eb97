// SPDX-License-Identifier: Apache-2.0
#include "ioas/cause.hpp"

#include <array>
#include <cstddef>

namespace aperture::ioas {
namespace {

constexpr std::array<std::string_view, 11> kNames{"aperture",  "sign_gap",     "msi",     "reserved",
                                                  "guard",     "mapping",      "granule", "dma_mask",
                                                  "page_mode", "output_width", "user"};

}  // namespace

std::string_view name(Cause cause) { return kNames[static_cast<std::size_t>(cause)]; }

std::optional<Cause> cause_from(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == text) return static_cast<Cause>(i);
  }
  return {};
}

}  // namespace aperture::ioas
