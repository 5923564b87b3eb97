// SPDX-License-Identifier: Apache-2.0
#pragma once

// Waiting for a card, in the card's own time: the same code for a simulated card and one on PCIe. A wait ends
//  - when its event has happened;
//  - with kCardIdle (EIO) when the card has nothing left to do and the event, looked at once more, has not happened;
//  - with kTimedOut (ETIMEDOUT) when more than the given cycles went by on the card's CYCLE register;
//  - with kCardDead (EIO) when CYCLE stands still for `wall_limit` of the host's time, or reads give all ones for 250
//  ms.
// The error says who waited for what, and since when.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/error.hpp"
#include "card/card.hpp"

namespace aperture::card {

struct WaitFor {
  std::string who;                               ///< "command queue"
  std::string what;                              ///< "IOFENCE.C number 12"
  std::uint64_t cycles{10'000'000};              ///< device cycles, by CYCLE
  std::uint64_t vectors{};                       ///< interrupt vectors that may announce the event; 0: none
  bool idle_ends{true};                          ///< false where STATUS.busy says nothing about the event
  std::chrono::milliseconds wall_limit{30'000};  ///< for kCardDead only
};

/// One wait, step by step, for callers that must not hold a lock all the time.
class Waiter {
 public:
  Waiter(Card& card, WaitFor wait_for);
  /// Looks for the event. If it has not happened, lets the card work for a slice of time (short at first, then longer)
  /// and returns false. `happened` must not wait itself.
  Result<bool> poll(const std::function<bool()>& happened);

 private:
  std::string story(std::string_view end) const;

  Card& card_;
  WaitFor wait_for_;
  bool started_{};
  std::uint64_t first_cycle_{};
  std::uint64_t last_cycle_{};
  std::uint64_t slice_;
  std::chrono::steady_clock::time_point last_progress_;
};

/// Blocks until the event has happened or the wait ends otherwise.
Result<> wait(Card& card, WaitFor wait_for, const std::function<bool()>& happened);

/// The card's clock cycles since power-on.
std::uint64_t cycles(Card& card);

/// Stops the channels, drains the buses, resets IOMMU and DMA block (card.reset), then resets the PCI function where
/// there is one. Blocks. Memory that the card used before is safe to free afterwards. Fails as a wait.
Result<> reset(Card& card);

}  // namespace aperture::card
