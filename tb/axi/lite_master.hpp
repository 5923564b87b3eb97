// SPDX-License-Identifier: Apache-2.0
#pragma once

// The host's side of the register port: AXI4-Lite accesses, one at a time, in order.

#include <cstdint>
#include <deque>

#include "tb/card/pins.hpp"
#include "tb/memory/timing.hpp"

namespace aperture::tb {

struct LiteAccess {
  bool write{};
  std::uint32_t address{};  ///< 17 bits
  std::uint64_t data{};     ///< all 8 lanes; of a read when it is done
  std::uint8_t strobes{};
  Resp resp{};
  bool done{};
};

class LiteMaster {
 public:
  explicit LiteMaster(Timing& timing) : timing_(timing) {}

  /// `access` stays where it is until it is done or abandoned.
  void submit(LiteAccess& access) { queue_.push_back(&access); }
  /// Nobody waits for it any more; an access already on the bus ends by itself.
  void abandon(LiteAccess& access);
  bool idle() const { return queue_.empty(); }

  void observe(const AxiPins& pins, std::uint64_t now);
  void drive(AxiPins& pins);

 private:
  enum class Step : std::uint8_t { kIdle, kRequest, kAnswer, kArrived };

  Timing& timing_;
  std::deque<LiteAccess*> queue_;  ///< the front one is on the bus unless kIdle; nullptr: abandoned there
  LiteAccess current_{};           ///< what is on the bus
  Step step_ = Step::kIdle;
  bool address_taken_ = false;
  bool data_taken_ = false;
  std::uint64_t arrives_ = 0;  ///< when the answer reaches the host
};

}  // namespace aperture::tb
