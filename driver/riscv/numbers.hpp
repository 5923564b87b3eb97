// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace aperture::riscv {

/// Numbers of address spaces, 1 to 2^bits - 1; 0 is left to contexts without translation. Given out round-robin, so
/// that a number returns as late as possible. Not thread-safe.
class Numbers {
 public:
  /// `name`: "PSCID".
  Numbers(unsigned bits, const char* name) : name_(name), used_(std::size_t{1} << bits) {}

  /// ENOSPC when every number is in use.
  Result<std::uint32_t> take() {
    for (std::size_t tried = 1; tried < used_.size(); ++tried) {
      next_ = next_ + 1 == used_.size() ? 1 : next_ + 1;
      if (!used_[next_]) {
        used_[next_] = true;
        return static_cast<std::uint32_t>(next_);
      }
    }
    return fail(Code::kNoSpace, ENOSPC,
                std::string("every address space number (") + name_ + ") of the card is in use");
  }
  void give_back(std::uint32_t number) noexcept { used_[number] = false; }

 private:
  const char* name_;
  std::vector<bool> used_;
  std::size_t next_{0};
};

}  // namespace aperture::riscv
