// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "card/card.hpp"
#include "selftest/step.hpp"
#include "selftest/verdict.hpp"

namespace aperture::sw::selftest {

/// A step that is over.
struct Done {
  const Step* step{};
  Verdict verdict;
  double seconds{};        ///< of the host
  std::uint64_t cycles{};  ///< of the card
};

struct Options {
  std::uint64_t seed{1};
  /// How many failures the card itself has told so far, where it does.
  std::function<std::size_t()> card_failures = [] { return std::size_t{0}; };
};

/// Where results go while the self-test runs.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void plan(const std::vector<const Step*>& steps) = 0;
  virtual void begin(const Step& step) = 0;
  virtual void done(const Done& done) = 0;
  /// Nothing comes behind it.
  virtual void bail_out(const std::string& reason) = 0;
};

/// The steps to run: all, or one and those that it needs. Empty: no such step.
std::vector<const Step*> chosen(std::string_view name);

/// Runs them on an open card, and leaves the card reset. Waits end by the card's cycles; a card that dies is noticed
/// after the step, and ends the run.
void run(card::Card& card, const std::vector<const Step*>& steps, const Options& options, Listener& listener);

}  // namespace aperture::sw::selftest
