// SPDX-License-Identifier: Apache-2.0
#pragma once

// A PCI function for tests of whoever serves or uses one: BARs that remember what was written, and a bus master that is
// told by registers of BAR 2 what to access.

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "card/pci.hpp"
#include "serve/function.hpp"

namespace aperture::test {

class SimpleFunction final : public sw::serve::Function {
 public:
  // Registers of BAR 2, 8 bytes each.
  static constexpr std::uint64_t kAddress = 0x8000;
  static constexpr std::uint64_t kLength = 0x8008;  ///< 1 to 32
  /// Bit 0: write (else read); bit 1: raise vector bits 15:8 afterwards; bits 63:32: strobes of a write.
  static constexpr std::uint64_t kGo = 0x8010;
  static constexpr std::uint64_t kData = 0x8020;  ///< 32 bytes: to be written, or what was read

  struct Done {
    bool write;
    std::uint64_t address;
    sw::serve::Answer answer;
  };

  explicit SimpleFunction(sw::serve::BusMemory& memory, const sw::serve::Layout& layout = sw::serve::kCardLayout)
      : memory_(memory), layout_(layout) {}

  const sw::serve::Layout& layout() const override { return layout_; }
  std::uint64_t read(unsigned bar, std::uint64_t offset, unsigned size) override;
  void write(unsigned bar, std::uint64_t offset, unsigned size, std::uint64_t value) override;
  void reset() override;
  bool busy() const override { return !jobs_.empty(); }
  void run(std::uint64_t cycles) override;
  std::uint64_t take_messages() override;

  std::vector<Done> done;  ///< since the last reset
  unsigned resets = 0;

 private:
  struct Job {
    std::uint64_t name;
    bool write;
    std::uint64_t address;
    std::uint64_t size;
    std::uint32_t strobes;
    std::uint64_t messages;
    std::array<std::byte, 32> data;
  };

  sw::serve::BusMemory& memory_;
  sw::serve::Layout layout_;
  std::vector<std::byte> bars_ = std::vector<std::byte>(2 * card::pci::kBarSize);
  std::deque<Job> jobs_;
  std::uint64_t jobs_made_ = 0;
  std::uint64_t messages_ = 0;
};

}  // namespace aperture::test
