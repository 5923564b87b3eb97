// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <cstdint>
#include <vector>

#include "base/error.hpp"
#include "card/card.hpp"
#include "vfio/function.hpp"

namespace aperture::card {

/// MSI-X, or MSI, as eventfds, which latch a message until a wait takes it. Waits sleep in the kernel, for no longer
/// than the cycles take at the card's clock. Vectors that share an MSI are all taken for latched when it comes: a wait
/// may return one whose message was another's.
class VfioInterrupts final : public Interrupts {
 public:
  /// Gives every vector of the function, up to 64, an eventfd, as far as the machine has them. `clock_hz`: of CYCLE.
  static Result<std::unique_ptr<VfioInterrupts>> create(vfio::Function& function, std::uint64_t clock_hz);
  ~VfioInterrupts() override;

  unsigned vectors() const override { return vectors_; }
  std::uint64_t shared_with(unsigned vector) const override { return sharers(vector % polled_.size()); }
  std::uint64_t wait(std::uint64_t mask, std::uint64_t cycles) override;

 private:
  VfioInterrupts(vfio::Function& function, std::uint64_t clock_hz) : function_(function), clock_hz_(clock_hz) {}
  /// Below the number of eventfds: the vectors whose messages come to that eventfd.
  std::uint64_t sharers(std::size_t eventfd) const;

  vfio::Function& function_;
  std::uint64_t clock_hz_;
  std::vector<vfio::File> eventfds_;
  std::vector<pollfd> polled_;  ///< one for each eventfd; a negated fd is left out of a poll
  unsigned vectors_ = 0;        ///< of the card: vector v has eventfd v modulo their number
  std::uint64_t latched_ = 0;   ///< vectors whose eventfd was drained for another
};

}  // namespace aperture::card
