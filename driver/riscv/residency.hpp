// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "card/card.hpp"
#include "ioas/pages.hpp"
#include "riscv/extent_index.hpp"

namespace aperture::riscv {

/// User memory as the card sees it: bus extents.
class Residency final : public ioas::Residency {
 public:
  Residency(std::unique_ptr<card::PinnedMemory> memory, std::recursive_mutex& mutex)
      : memory_(std::move(memory)), index_(memory_->extents()), mutex_(mutex) {}
  ~Residency() override {
    const std::scoped_lock lock(mutex_);
    memory_.reset();
  }
  ExtentCursor at(std::uint64_t offset) const { return index_.at(offset); }

 private:
  std::unique_ptr<card::PinnedMemory> memory_;
  ExtentIndex index_;
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
