// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.hpp"

namespace aperture::riscv {

/// Numbers of address spaces, 20 bits, 0 left to contexts without translation. Given out round-robin, so that a number
/// returns as late as possible. Not thread-safe.
class Pscids {
 public:
  static constexpr std::uint32_t kLast = 0xf'ffff;

  /// ENOSPC when every number is in use.
  Result<std::uint32_t> take() {
    for (std::uint32_t tried = 0; tried < kLast; ++tried) {
      next_ = next_ == kLast ? 1 : next_ + 1;
      if (!used_[next_]) {
        used_[next_] = true;
        return next_;
      }
    }
    return fail(Code::kNoSpace, ENOSPC, "every address space number (PSCID) of the card is in use");
  }
  void give_back(std::uint32_t pscid) noexcept { used_[pscid] = false; }

 private:
  std::vector<bool> used_ = std::vector<bool>(kLast + 1);
  std::uint32_t next_{0};
};

}  // namespace aperture::riscv
