// SPDX-License-Identifier: Apache-2.0
#pragma once

// When memory does what the card asks, and when it says so. A profile is deterministic by its seed.

#include <cstdint>
#include <memory>

#include "tb/card/pins.hpp"
#include "tb/options.hpp"

namespace aperture::tb {

/// Cycles are absolute. An access that was accepted in cycle `now` may be performed in `now` and answered from `now` +
/// 1 on.
struct Plan {
  std::uint64_t perform;  ///< memory is read or written
  std::uint64_t answer;   ///< first cycle in which R or B may be VALID
};

enum class Interleave : std::uint8_t { kNone, kChunk, kBeat };

class Timing {
 public:
  virtual ~Timing() = default;
  virtual Plan read(Port port, const AddressChannel& burst, std::uint64_t now) = 0;
  /// At the handshake of WLAST or of AW, whichever is later.
  virtual Plan write(Port port, const AddressChannel& burst, std::uint64_t now) = 0;

  /// Answers come in the order of the requests, across ids too.
  virtual bool in_order() const { return true; }
  /// Among answers that are due, picks at random instead of the one that is due first.
  virtual bool shuffles() const { return false; }
  /// Whether R beats of several ids may alternate.
  virtual Interleave interleave() const { return Interleave::kNone; }
  /// Completions come in pieces that end at multiples of this; 0: in one.
  virtual unsigned chunk_bytes() const { return 0; }
  /// Idle cycles before the next piece of the same burst.
  virtual unsigned chunk_gap() const { return 0; }
  /// Whether a channel stalls in this cycle: READY low, or VALID not yet raised. Called once a channel and cycle.
  virtual bool stalls() { return false; }
  /// From this cycle on every write accepted so far can be seen; register answers and interrupts wait for it.
  virtual std::uint64_t visible(std::uint64_t now) const { return now; }
};

std::unique_ptr<Timing> make_timing(Profile profile, unsigned latency, std::uint64_t seed);

}  // namespace aperture::tb
