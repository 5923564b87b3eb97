// SPDX-License-Identifier: Apache-2.0
// Devices behind a card's IOMMU, each a DMA channel with an identity of its own: what a test reads and writes crosses
// the card's bus. APERTURE_CARD says which card, as --card does.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <utility>

#include "card/identity.hpp"
#include "card/registry.hpp"
#include "dma/channel.hpp"
#include "riscv/iommu.hpp"
#include "support/seed.hpp"
#include "world.hpp"

namespace aperture::ioas::test {
namespace {

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  return std::move(*result);
}

/// A card that counts the bytes it has pinned.
class CountingCard final : public card::Card, private card::DmaMemory {
 public:
  explicit CountingCard(std::unique_ptr<card::Card> card) : card_(std::move(card)) {}
  std::uint64_t pinned_bytes() const { return pinned_; }

  card::Mmio& mmio() override { return card_->mmio(); }
  card::DmaMemory& memory() override { return *this; }
  card::Interrupts& interrupts() override { return card_->interrupts(); }
  Result<> function_reset() override { return card_->function_reset(); }
  std::string description() const override { return card_->description(); }

 private:
  class Pinned final : public card::PinnedMemory {
   public:
    Pinned(std::unique_ptr<card::PinnedMemory> pinned, std::uint64_t size, std::uint64_t& count)
        : pinned_(std::move(pinned)), size_(size), count_(count) {
      count_ += size_;
    }
    ~Pinned() override { count_ -= size_; }
    Pinned(const Pinned&) = delete;
    Pinned& operator=(const Pinned&) = delete;
    const std::vector<card::BusExtent>& extents() const override { return pinned_->extents(); }

   private:
    std::unique_ptr<card::PinnedMemory> pinned_;
    std::uint64_t size_;
    std::uint64_t& count_;
  };

  Result<std::unique_ptr<card::DmaBuffer>> allocate(std::uint64_t size, std::uint64_t alignment) override {
    return card_->memory().allocate(size, alignment);
  }
  Result<std::unique_ptr<card::PinnedMemory>> pin(std::byte* first, std::uint64_t size, bool writable) override {
    auto pinned = card_->memory().pin(first, size, writable);
    if (!pinned) return pinned;
    return std::make_unique<Pinned>(std::move(*pinned), size, pinned_);
  }
  std::vector<BusRange> outer_ranges() const override { return card_->memory().outer_ranges(); }

  std::unique_ptr<card::Card> card_;
  std::uint64_t pinned_ = 0;
};

std::unique_ptr<card::Card> open_card() {
  const char* chosen = std::getenv("APERTURE_CARD");
  return must(card::open(chosen != nullptr ? chosen : "sim", {{"seed", std::to_string(aperture::test::seed())}}));
}

/// The byte whose CRC-32 this is: there is exactly one.
std::byte byte_of(std::uint32_t crc) {
  static const std::map<std::uint32_t, std::byte> kBytes = [] {
    std::map<std::uint32_t, std::byte> bytes;
    for (unsigned i = 0; i < 256; ++i) {
      const auto byte = static_cast<Bytef>(i);
      bytes[static_cast<std::uint32_t>(crc32(0, &byte, 1))] = static_cast<std::byte>(i);
    }
    return bytes;
  }();
  return kBytes.at(crc);
}

class CardWorld final : public World {
 public:
  CardWorld() : identity_(must(card::identify(card_))), iommu_(must(riscv::Iommu::bring_up(card_))) {}

  std::string lacks() const override {
    return identity_.channels < kDevices ? card_.description() + " has too few DMA channels" : "";
  }
  Device& add_device(const DeviceSpec& spec) override {
    const auto index = static_cast<unsigned>(devices_.size());
    const std::uint32_t id = kFirstDevice + index;
    devices_.push_back(must(iommu_->make_device({.name = spec.name,
                                                 .device_id = id,
                                                 .dma_mask = ~std::uint64_t{0} >> (64 - spec.dma_bits),
                                                 .reservations = spec.reservations})));
    channels_[devices_.back().get()] = must(dma::Channel::open(*iommu_, index, {.device_id = id}));
    return *devices_.back();
  }
  /// A channel moves bytes between IOVAs only, so each byte comes as its CRC.
  bool read(Device& device, Iova from, std::span<std::byte> to) override {
    for (std::size_t i = 0; i < to.size(); ++i) {
      const dma::Completion done = must(channels_.at(&device)->crc(from + i, 1));
      if (!done.ok()) return false;
      to[i] = byte_of(done.crc);
    }
    return true;
  }
  bool write(Device& device, Iova to, std::span<const std::byte> from) override {
    constexpr std::size_t kPiece = 8;  // bytes of a fill's pattern
    for (std::size_t at = 0; at < from.size(); at += kPiece) {
      const auto piece = from.subspan(at, std::min(kPiece, from.size() - at));
      std::uint64_t pattern = 0;
      std::ranges::copy(piece, std::as_writable_bytes(std::span(&pattern, 1)).begin());
      if (!must(channels_.at(&device)->fill(to + at, piece.size(), pattern)).ok()) return false;
    }
    return true;
  }
  std::uint64_t pinned_bytes() const override { return card_.pinned_bytes(); }

 private:
  static constexpr unsigned kDevices = 2;  ///< as many as a test has
  static constexpr std::uint32_t kFirstDevice = 0x10;

  CountingCard card_{open_card()};
  card::Identity identity_;
  std::unique_ptr<riscv::Iommu> iommu_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::map<const Device*, std::unique_ptr<dma::Channel>> channels_;
};

}  // namespace

std::vector<WorldKind> worlds() {
  return {{"card", [] { return std::make_unique<CardWorld>(); }}};
}

}  // namespace aperture::ioas::test
