// SPDX-License-Identifier: Apache-2.0
#pragma once

// A card that works, with something broken between it and whoever drives it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "card/card.hpp"

namespace aperture::test {

class BrokenCard final : public card::Card, private card::Mmio, private card::DmaMemory, private card::Interrupts {
 public:
  /// `straps`: a JSON object as `--card model:straps=` takes it.
  explicit BrokenCard(const std::string& straps = {});
  ~BrokenCard() override;

  // What breaks.
  /// Changes what a register access reads.
  std::function<std::uint64_t(card::Bar bar, std::uint64_t offset, unsigned size, std::uint64_t value)> on_read;
  /// Changes what a register access writes; false: it is lost.
  std::function<bool(card::Bar bar, std::uint64_t offset, unsigned size, std::uint64_t& value)> on_write;
  std::uint64_t lost_vectors{};                 ///< messages that never arrive
  unsigned granted{~0U};                        ///< vectors that the host gives, at most
  bool one_message{};                           ///< all vectors share it: no defect, what a host gives a card with MSI
  std::uint64_t dies_after{~std::uint64_t{0}};  ///< register accesses, then every read gives all ones
  bool corrupts{};                              ///< bit 5 of byte 40 of every long piece that the card writes

  /// Accesses so far.
  std::uint64_t accesses{};
  /// Whether RESET was the last that was asked of the card.
  bool left_reset() const { return left_reset_; }

  card::Mmio& mmio() override { return *this; }
  card::DmaMemory& memory() override { return *this; }
  card::Interrupts& interrupts() override { return *this; }
  Result<> function_reset() override { return {}; }
  std::string description() const override { return "broken"; }

 private:
  class Buffer;
  std::uint32_t read32(card::Bar bar, std::uint64_t offset) override;
  std::uint64_t read64(card::Bar bar, std::uint64_t offset) override;
  void write32(card::Bar bar, std::uint64_t offset, std::uint32_t value) override;
  void write64(card::Bar bar, std::uint64_t offset, std::uint64_t value) override;
  Result<std::unique_ptr<card::DmaBuffer>> allocate(std::uint64_t size, std::uint64_t alignment) override;
  Result<std::unique_ptr<card::PinnedMemory>> pin(std::byte* first, std::uint64_t size, bool writable) override;
  std::vector<BusRange> outer_ranges() const override;
  unsigned vectors() const override;
  std::uint64_t shared_with(unsigned vector) const override;
  std::uint64_t wait(std::uint64_t mask, std::uint64_t cycles) override;

  bool gone();
  std::uint64_t spoilt(card::Bar bar, std::uint64_t offset, unsigned size, std::uint64_t value);
  bool passes(card::Bar bar, std::uint64_t offset, unsigned size, std::uint64_t& value);
  /// Remembers all memory, before the card can write it; and spoils what it has written since.
  void remember();
  void corrupt();

  std::unique_ptr<card::Card> card_;
  std::list<Buffer*> buffers_;
  bool left_reset_{};
  std::uint64_t latched_{};  ///< vectors whose message has come and that nobody has waited for
};

}  // namespace aperture::test
