// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace aperture::ioas {

/// Why addresses cannot be used.
enum class Cause : std::uint8_t {
  kAperture,     ///< beyond what the page-table format translates
  kSignGap,      ///< between the two halves of a sign-extended format
  kMsi,          ///< a write there is an interrupt, never translated
  kReserved,     ///< the device, its bus or its firmware keeps it
  kGuard,        ///< kept free beside a window
  kMapping,      ///< something is mapped there
  kGranule,      ///< the page size does not fit
  kDmaMask,      ///< the device cannot emit such an address
  kPageMode,     ///< the card lacks the page-table format
  kOutputWidth,  ///< beyond the physical address width
  kUser,         ///< the user said so
};

/// "aperture", "sign_gap", ...: the names that scenarios and reports use.
std::string_view name(Cause cause);
std::optional<Cause> cause_from(std::string_view text);

}  // namespace aperture::ioas
