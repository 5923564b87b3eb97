// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <random>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "base/error.hpp"
#include "card/card.hpp"
#include "card/identity.hpp"
#include "card/registers.hpp"
#include "riscv/iommu.hpp"

namespace aperture::sw::selftest {

/// The driver gave an error that the step has no use for: the step fails with it.
class Trouble : public std::runtime_error {
 public:
  explicit Trouble(const Error& error) : std::runtime_error(error.what), code_(error.code) {}
  Code code() const { return code_; }

 private:
  Code code_;
};

/// What a step is about cannot be tried on this card or machine: the step is skipped with this reason.
class CannotTry : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The value, or Trouble.
template <typename T, typename E>
T must(std::expected<T, E> result) {
  if (!result) throw Trouble(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The card under test, and what stands on it so far.
class Bench {
 public:
  static constexpr std::uint64_t kCycles = 2'000'000;  ///< that any one operation of the card may take

  Bench(card::Card& card, std::uint64_t seed) : card_(card), random_(seed) {}
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  card::Card& card() { return card_; }
  std::uint64_t read(const regs::Register& reg, std::uint64_t index = 0, std::uint64_t instance = 0) {
    return card::read(card_.mmio(), reg, index, instance);
  }
  void write(const regs::Register& reg, std::uint64_t value, std::uint64_t index = 0, std::uint64_t instance = 0) {
    card::write(card_.mmio(), reg, value, index, instance);
  }
  std::mt19937_64& random() { return random_; }

  /// Reads who the card is and what its IOMMU can. Throws Trouble.
  void identify();
  bool identified() const { return identity_.channels != 0; }
  const card::Identity& identity() const { return identity_; }
  std::uint64_t capabilities() const { return capabilities_; }
  bool has(const regs::Field& capability) const { return capability.get(capabilities_) != 0; }
  /// Physical address width in bits.
  unsigned address_bits() const { return static_cast<unsigned>(regs::iommu::capabilities_f::pas.get(capabilities_)); }

  /// The driver's IOMMU, brought up when it is first asked for, and again after reset() or when a fence has failed.
  /// Throws Trouble.
  riscv::Iommu& iommu();
  /// Resets the card; the IOMMU is off then. Throws Trouble.
  void reset();
  /// Lets the card finish what it is doing. Throws Trouble.
  void settle();
  /// Whether reads give all ones: the card is gone.
  bool gone();

 private:
  card::Card& card_;
  std::mt19937_64 random_;
  card::Identity identity_{};
  std::uint64_t capabilities_{};
  std::unique_ptr<riscv::Iommu> iommu_;
};

}  // namespace aperture::sw::selftest
