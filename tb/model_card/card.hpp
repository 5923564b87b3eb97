// SPDX-License-Identifier: Apache-2.0
#pragma once

// The functional model of the IOMMU with DMA channels and card registers around it, as a card behind the driver's seam:
// what a driver sees of the card, without caches and without pins. docs/registers.md is what it follows.
//
// Time: registers, pieces of work and waits take cycles of a clock that nothing else moves. A register access lets the
// channels work for as long as it takes, so a job is under way while the driver does other things, and the same seed
// gives the same run. What the IOMMU does, it does at once. The clock moves during a wait also while there is no work.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "card/card.hpp"
#include "tb/model/model.hpp"
#include "tb/model_card/bus.hpp"
#include "tb/model_card/channel.hpp"
#include "tb/model_card/register_file.hpp"
#include "tb/options.hpp"

namespace aperture::tb::model {

struct CardOptions {
  Straps straps{};
  std::uint64_t seed = 1;  ///< of bus addresses
  unsigned frame_run = 1;  ///< pinned 4 KiB frames that are consecutive on the bus, a power of two
};

class ModelCard final : public card::Card, private card::Mmio, private card::DmaMemory, private card::Interrupts {
 public:
  /// EINVAL names a strap that is out of range.
  static Result<std::unique_ptr<ModelCard>> make(const CardOptions& options);

  card::Mmio& mmio() override { return *this; }
  card::DmaMemory& memory() override { return *this; }
  card::Interrupts& interrupts() override { return *this; }
  Result<> function_reset() override { return {}; }
  std::string description() const override;

 private:
  static constexpr unsigned kChannels = 4;

  explicit ModelCard(const CardOptions& options);

  // Mmio
  std::uint32_t read32(card::Bar bar, std::uint64_t offset) override;
  std::uint64_t read64(card::Bar bar, std::uint64_t offset) override;
  void write32(card::Bar bar, std::uint64_t offset, std::uint32_t value) override;
  void write64(card::Bar bar, std::uint64_t offset, std::uint64_t value) override;
  void begin_access(card::Bar bar, std::uint64_t offset, unsigned size);
  std::uint64_t read(card::Bar bar, std::uint32_t offset, unsigned size);
  void write(card::Bar bar, std::uint32_t offset, unsigned size, std::uint64_t value);
  std::uint32_t read_word(std::uint32_t offset);
  void write_word(std::uint32_t offset, std::uint32_t value);
  /// The channel whose page of BAR 2 has this offset.
  Channel* channel_at(std::uint32_t offset);

  // DmaMemory
  Result<std::unique_ptr<card::DmaBuffer>> allocate(std::uint64_t size, std::uint64_t alignment) override;
  Result<std::unique_ptr<card::PinnedMemory>> pin(std::byte* first, std::uint64_t size, bool writable) override;
  std::vector<BusRange> outer_ranges() const override;

  // Interrupts
  unsigned vectors() const override;
  std::uint64_t wait(std::uint64_t mask, std::uint64_t cycles) override;

  bool busy() const;
  void reset();
  void refresh_registers();
  /// Does the next thing there is to do before cycle `end`, or moves the clock to where there is one, at most to `end`.
  void go_on(std::uint64_t end);
  void move_clock(std::uint64_t to);
  /// Brings messages of the IOMMU to where they belong, and sends interrupts.
  void deliver();

  CardOptions options_;
  Model iommu_;
  Bus bus_;
  RegisterFile registers_;
  std::vector<Channel> channels_;
  unsigned turn_ = 0;  ///< the channel that is looked at first
  std::uint64_t clock_ = 0;
  std::uint64_t engine_free_at_ = 0;  ///< what the channels do last ends here
  std::uint64_t reset_ends_at_ = 0;
  std::uint32_t wires_ = 0;
  std::uint32_t armed_ = ~std::uint32_t{0};
  std::uint64_t latched_ = 0;
};

}  // namespace aperture::tb::model
