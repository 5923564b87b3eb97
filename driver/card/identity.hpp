// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "card/card.hpp"

namespace aperture::card {

/// What the `card` register block says about itself; sizes are those the hardware was built with.
struct Identity {
  unsigned major{};
  unsigned minor{};
  std::uint64_t build{};  ///< hash over the RTL sources
  unsigned data_width{};  ///< bits
  unsigned channels{};
  unsigned tlb_ways{};
  unsigned tlb_sets{};
  unsigned tlb_large{};
  unsigned contexts{};
  unsigned slots{};
  unsigned pending{};
  unsigned vectors{};
  std::uint64_t clock_hz{};
};

/// Reads and checks the identity. kCardDead (EIO): reads give all ones; kEnvironment (ENODEV): all zeros, another id,
/// or a register layout that this driver does not know. The error says what such a board usually has.
Result<Identity> identify(Card& card);

}  // namespace aperture::card
