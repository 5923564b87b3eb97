// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "card/card.hpp"
#include "ioas/pages.hpp"

namespace aperture::riscv {

/// User memory as the card sees it: bus extents.
class Residency final : public ioas::Residency {
 public:
  Residency(std::unique_ptr<card::PinnedMemory> memory, std::recursive_mutex& mutex)
      : memory_(std::move(memory)), mutex_(mutex) {}
  ~Residency() override {
    const std::scoped_lock lock(mutex_);
    memory_.reset();
  }
  const std::vector<card::BusExtent>& extents() const { return memory_->extents(); }

 private:
  std::unique_ptr<card::PinnedMemory> memory_;
  std::recursive_mutex& mutex_;
};

/// Pins through the card's transport.
class PinProvider final : public ioas::PinProvider {
 public:
  PinProvider(card::Card& card, std::recursive_mutex& mutex) : card_(card), mutex_(mutex) {}
  Result<std::unique_ptr<ioas::Residency>> pin(const ioas::Pages& pages) override {
    const std::scoped_lock lock(mutex_);
    auto pinned = card_.memory().pin(pages.data(), pages.size(), pages.writable());
    if (!pinned) return std::unexpected(std::move(pinned.error()));
    return std::make_unique<Residency>(std::move(*pinned), mutex_);
  }

 private:
  card::Card& card_;
  std::recursive_mutex& mutex_;
};

}  // namespace aperture::riscv
