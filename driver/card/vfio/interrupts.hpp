// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <cstdint>
#include <vector>

#include "base/error.hpp"
#include "card/card.hpp"
#include "vfio/function.hpp"

namespace aperture::card {

/// MSI-X as eventfds, which latch a message until a wait takes it. Waits sleep in the kernel, for no longer than the
/// cycles take at the card's clock.
class VfioInterrupts final : public Interrupts {
 public:
  /// Gives every vector of the function, up to 64, an eventfd, as far as the machine has them. `clock_hz`: of CYCLE.
  static Result<std::unique_ptr<VfioInterrupts>> create(vfio::Function& function, std::uint64_t clock_hz);
  ~VfioInterrupts() override;

  unsigned vectors() const override { return static_cast<unsigned>(polled_.size()); }
  std::uint64_t wait(std::uint64_t mask, std::uint64_t cycles) override;

 private:
  VfioInterrupts(vfio::Function& function, std::uint64_t clock_hz) : function_(function), clock_hz_(clock_hz) {}

  vfio::Function& function_;
  std::uint64_t clock_hz_;
  std::vector<vfio::File> eventfds_;
  std::vector<pollfd> polled_;  ///< one for each vector; a negated fd is left out of a poll
};

}  // namespace aperture::card
