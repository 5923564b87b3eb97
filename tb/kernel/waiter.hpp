// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace aperture::tb {

enum class Outcome : std::uint8_t {
  kHappened,
  kIdle,     ///< card and bus have nothing left to do and it had not happened
  kTimedOut  ///< the cycles ran out
};

/// Lets simulated time pass.
class Waiter {
 public:
  virtual ~Waiter() = default;
  /// Until `happened()` holds, evaluated after each clock cycle; at most `cycles` of them. `who` waits for `what`: for
  /// people. Blocks; from the main stack or from an SC_THREAD, not from an SC_METHOD.
  virtual Outcome wait_until(const std::function<bool()>& happened, std::uint64_t cycles, std::string_view who,
                             std::string_view what) = 0;
  virtual std::uint64_t cycle() const = 0;
};

}  // namespace aperture::tb
