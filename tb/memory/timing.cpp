// SPDX-License-Identifier: Apache-2.0
#include "tb/memory/timing.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <vector>

namespace aperture::tb {
namespace {

class Ideal final : public Timing {
 public:
  explicit Ideal(unsigned latency) : Timing({}), latency_(latency) {}
  Plan read(Port, const AddressChannel&, std::uint64_t now) override { return {now, now + latency_}; }
  Plan write(Port, const AddressChannel&, std::uint64_t now) override { return {now, now + latency_}; }

 private:
  unsigned latency_;
};

/// 16 banks, one open row of 8 KiB each, shared by both masters; a refresh now and then. `latency` is that of an open
/// row.
class Ddr final : public Timing {
 public:
  Ddr(unsigned latency, std::uint64_t seed) : Timing({.in_order = false}), latency_(latency), random_(seed) {}
  Plan read(Port, const AddressChannel& burst, std::uint64_t now) override {
    const std::uint64_t at = access(burst, now);
    return {at, at + 1};
  }
  Plan write(Port, const AddressChannel& burst, std::uint64_t now) override {
    const std::uint64_t at = access(burst, now);
    return {at, at + 1};
  }

 private:
  static constexpr std::uint64_t kRow = 8192;
  static constexpr std::uint64_t kRefreshEvery = 780;
  static constexpr std::uint64_t kRefresh = 26;
  struct Bank {
    std::uint64_t row = ~std::uint64_t{0};
    std::uint64_t free_at = 0;
  };

  std::uint64_t access(const AddressChannel& burst, std::uint64_t now) {
    Bank& bank = banks_[burst.addr / kRow % banks_.size()];
    const std::uint64_t row = burst.addr / kRow / banks_.size();
    std::uint64_t start = std::max(now, bank.free_at);
    if (!first_) first_ = now;
    const std::uint64_t phase = (start - *first_ + kRefresh) % kRefreshEvery;
    if (phase < kRefresh) start += kRefresh - phase;
    // Closing a row and opening another takes as long again as reading from an open one.
    const std::uint64_t open = bank.row == row ? 0 : bank.row == ~std::uint64_t{0} ? latency_ / 2 : latency_;
    bank.row = row;
    bank.free_at = start + open + burst.len + 1;
    return start + open + std::max(latency_ - 1, 0U) + random_() % 3;
  }

  unsigned latency_;
  std::mt19937_64 random_;
  std::array<Bank, 16> banks_{};
  std::optional<std::uint64_t> first_{};  ///< first access; refreshes count from there, so that runs repeat
};

/// Alternates between calm and congested stretches, so that both full rate and long stalls occur.
class Congestion {
 public:
  bool stalls(std::mt19937_64& random) {
    if (left_ == 0) {
      left_ = 16 + static_cast<unsigned>(random() % 256);
      const std::array<unsigned, 4> kWeights{0, 32, 128, 224};
      weight_ = kWeights[random() % kWeights.size()];
    }
    --left_;
    return weight_ != 0 && (random() & 0xff) < weight_;
  }

 private:
  unsigned left_ = 0;
  unsigned weight_ = 0;
};

/// One link for both masters. Writes are posted: B comes early, memory changes later and in order, and what comes after
/// them on the link (reads, register answers, interrupts) finds them done. Completions of different ids pass each
/// other.
class Pcie : public Timing {
 public:
  static constexpr Traits kTraits{
      .in_order = false, .shuffles = true, .interleave = Interleave::kChunk, .chunk_bytes = 128, .chunk_gap = 3};
  Pcie(const Traits& traits, unsigned latency, std::uint64_t seed) : Timing(traits), latency_(latency), random_(seed) {}
  Plan read(Port, const AddressChannel&, std::uint64_t now) override {
    const std::uint64_t arrives = std::max(now + latency_ / 2 + random_() % 4, last_write_);
    return {arrives, arrives + std::max(latency_ / 2, 1U) + random_() % (latency_ + 1)};
  }
  Plan write(Port, const AddressChannel&, std::uint64_t now) override {
    last_write_ = std::max(now + latency_ / 2 + random_() % (latency_ + 1), last_write_ + 1);
    return {last_write_, now + 2 + random_() % 8};
  }
  std::uint64_t visible(std::uint64_t now) override { return std::max(now, last_write_ + 1); }

 private:
  bool stalls_now() override { return congestion_.stalls(random_); }

  unsigned latency_;
  std::mt19937_64 random_;
  Congestion congestion_{};
  std::uint64_t last_write_ = 0;
};

/// The link behind an AXI-PCIe bridge. Register answers and interrupts are promised to come behind the writes whose B
/// was given; any other may still wait in the bridge.
class Bridge final : public Pcie {
 public:
  using Pcie::Pcie;
  Plan write(Port port, const AddressChannel& burst, std::uint64_t now) override {
    take_answered(now);
    return writes_.emplace_back(Pcie::write(port, burst, now));
  }
  std::uint64_t visible(std::uint64_t now) override {
    take_answered(now);
    return std::max(now, answered_);
  }

 private:
  void take_answered(std::uint64_t now) {
    std::erase_if(writes_, [&](const Plan& plan) {
      if (plan.answer <= now) answered_ = std::max(answered_, plan.perform + 1);
      return plan.answer <= now;
    });
  }

  std::vector<Plan> writes_;    ///< without B so far
  std::uint64_t answered_ = 0;  ///< all others can be seen from then on
};

class Hostile final : public Timing {
 public:
  Hostile(unsigned latency, std::uint64_t seed)
      : Timing({.in_order = false, .shuffles = true, .stalls = true, .interleave = Interleave::kBeat}),
        latency_(latency),
        random_(seed) {}
  Plan read(Port, const AddressChannel&, std::uint64_t now) override { return plan(now); }
  Plan write(Port, const AddressChannel&, std::uint64_t now) override { return plan(now); }

 private:
  bool stalls_now() override { return congestion_.stalls(random_); }

  Plan plan(std::uint64_t now) {
    const std::uint64_t spread = random_() % 16 == 0 ? 10 * latency_ : 2 * latency_;
    const std::uint64_t total = 1 + random_() % (spread + 1);
    // Early, late or anywhere between: each shows other mistakes.
    const std::uint64_t part = random_() % 3;
    const std::uint64_t perform = part == 0 ? 0 : part == 1 ? total - 1 : random_() % total;
    return {now + perform, now + total};
  }

  unsigned latency_;
  std::mt19937_64 random_;
  Congestion congestion_{};
};

}  // namespace

std::unique_ptr<Timing> make_timing(Profile profile, unsigned latency, std::uint64_t seed) {
  latency = std::max(latency, 1U);
  switch (profile) {
    case Profile::kIdeal:
      return std::make_unique<Ideal>(latency);
    case Profile::kDdr:
      return std::make_unique<Ddr>(latency, seed);
    case Profile::kPcie:
      return std::make_unique<Pcie>(Pcie::kTraits, latency, seed);
    case Profile::kHostile:
      return std::make_unique<Hostile>(latency, seed);
  }
  return nullptr;
}

std::unique_ptr<Timing> make_bridge_timing(unsigned payload, unsigned latency, std::uint64_t seed) {
  Traits traits = Pcie::kTraits;
  traits.stalls = true;
  traits.chunk_bytes = payload / 2;
  traits.packet_bytes = payload;
  return std::make_unique<Bridge>(traits, std::max(latency, 1U), seed);
}

}  // namespace aperture::tb
