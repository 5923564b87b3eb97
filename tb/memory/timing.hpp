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

/// What a profile does at all; never changes.
struct Traits {
  bool in_order = true;   ///< answers come in the order of the requests, across ids too
  bool shuffles = false;  ///< among answers that are due, picks at random instead of the one that is due first
  bool stalls = false;    ///< channels stall now and then
  Interleave interleave = Interleave::kNone;  ///< whether R beats of several ids may alternate
  unsigned chunk_bytes = 0;                   ///< completions come in pieces that end at multiples of this; 0: in one
  unsigned chunk_gap = 0;                     ///< idle cycles before the next piece of the same burst
  unsigned packet_bytes = 0;                  ///< writes reach memory in pieces that end at multiples of this; 0: whole
};

class Timing {
 public:
  explicit Timing(const Traits& traits) : traits_(traits) {}
  virtual ~Timing() = default;
  const Traits& traits() const { return traits_; }
  virtual Plan read(Port port, const AddressChannel& burst, std::uint64_t now) = 0;
  /// At the handshake of WLAST or of AW, whichever is later.
  virtual Plan write(Port port, const AddressChannel& burst, std::uint64_t now) = 0;
  /// Whether a channel stalls in this cycle: READY low, or VALID not yet raised. Called once a channel and cycle.
  bool stalls() { return traits_.stalls && stalls_now(); }
  /// From this cycle on every write accepted so far can be seen, behind a bridge every write whose answer was due by
  /// `now`; register answers and interrupts wait for it.
  virtual std::uint64_t visible(std::uint64_t now) { return now; }

 private:
  virtual bool stalls_now() { return false; }

  Traits traits_;
};

std::unique_ptr<Timing> make_timing(Profile profile, unsigned latency, std::uint64_t seed);
/// As the profile pcie, seen through an AXI-PCIe bridge whose channels stall: writes leave in packets of up to
/// `payload` bytes (128, 256), each of which memory has before the next; completions come in pieces that end at
/// multiples of half of it, which is the read completion boundary (64, 128).
std::unique_ptr<Timing> make_bridge_timing(unsigned payload, unsigned latency, std::uint64_t seed);

}  // namespace aperture::tb
