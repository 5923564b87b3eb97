// SPDX-License-Identifier: Apache-2.0
#pragma once

// A card in memory for the driver's unit tests: a register file, an IOMMU that walks the tables that the driver wrote,
// and DMA channels. Nothing happens by itself: work is done in Interrupts::wait, as on a card that needs time. Its
// walker shares no code with the driver's page tables.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "card/card.hpp"
#include "regs/registers.hpp"
#include "riscv/command.hpp"

namespace aperture::test {

class FakeCard final : public card::Card, public card::Mmio, public card::DmaMemory, public card::Interrupts {
 public:
  static constexpr unsigned kChannels = 2;

  FakeCard();
  ~FakeCard() override;

  // What the test sets.
  std::uint64_t capabilities;  ///< version 1.0, Sv39, Sv48, Sv57, PAS 56, wires
  unsigned levels_max{3};
  std::uint32_t queue_log2_max{12};
  std::uint64_t id{0x5254'5041};
  bool gone{};        ///< reads give all ones
  bool frozen{};      ///< busy, and CYCLE stands still
  bool stuck{};       ///< busy and counting, but nothing gets done
  bool idle_early{};  ///< nothing gets done and the card says that it is idle
  bool spread{true};  ///< pinned pages lie apart on the bus; otherwise in one run aligned to 1 GiB
  std::optional<unsigned> allocations_left;               ///< then ENOMEM
  std::function<void(const riscv::Command&)> on_command;  ///< before it is executed

  // What the test sees.
  unsigned buffers{};        ///< DmaBuffers alive
  unsigned pins{};           ///< PinnedMemory alive
  unsigned freed_buffers{};  ///< since the start
  unsigned fences{};         ///< completed
  unsigned resets{};
  std::vector<riscv::Command> commands;  ///< executed
  std::uint64_t cycle{1000};

  std::uint64_t& reg(const regs::Register& r, unsigned channel = 0) {
    return registers_[r.bar][r.offset + channel * regs::dma::kBlock.instance_stride];
  }
  /// The bytes at a bus address; throws if nothing is there.
  std::byte* at(std::uint64_t address);
  std::uint64_t load(std::uint64_t address);

  struct Walk {
    std::optional<std::uint64_t> address;  ///< absent: fault
    unsigned cause{};
    unsigned reads{};       ///< page-table entries read
    std::uint64_t leaf{};   ///< bytes that the leaf covers
    std::uint64_t entry{};  ///< the leaf
  };
  /// Device directory, process directory, both stages, from memory, nothing cached; A and D are set where the context
  /// says so.
  Walk translate(std::uint32_t device_id, std::uint64_t iova, bool write, std::optional<std::uint32_t> process_id = {});
  /// Puts a record into the fault queue as the hardware would, overflow included.
  void record_fault(unsigned cause, unsigned ttyp, std::uint32_t device_id, std::uint64_t iova);

  // card::Card
  card::Mmio& mmio() override { return *this; }
  card::DmaMemory& memory() override { return *this; }
  card::Interrupts& interrupts() override { return *this; }
  Result<> function_reset() override { return {}; }
  std::string description() const override { return "fake"; }
  // card::Mmio
  std::uint32_t read32(card::Bar bar, std::uint64_t offset) override;
  std::uint64_t read64(card::Bar bar, std::uint64_t offset) override;
  void write32(card::Bar bar, std::uint64_t offset, std::uint32_t value) override;
  void write64(card::Bar bar, std::uint64_t offset, std::uint64_t value) override;
  // card::DmaMemory
  Result<std::unique_ptr<card::DmaBuffer>> allocate(std::uint64_t size, std::uint64_t alignment) override;
  Result<std::unique_ptr<card::PinnedMemory>> pin(std::byte* first, std::uint64_t size, bool writable) override;
  std::vector<BusRange> outer_ranges() const override;
  // card::Interrupts
  unsigned vectors() const override { return 18; }
  std::uint64_t wait(std::uint64_t mask, std::uint64_t cycles) override;

 private:
  class Buffer;
  class Pinned;
  struct Area {
    std::byte* first;
    std::uint64_t size;
  };
  /// One stage; `behind`: iohgatp of a second stage that the table's own addresses go through.
  Walk walk_table(std::uint64_t root, std::uint64_t iova, bool write, unsigned more_bits, bool updates,
                  std::uint64_t behind);
  bool busy();
  bool commands_waiting();
  bool channel_waiting(unsigned channel);
  void execute_command();
  void execute_descriptor(unsigned channel);
  void reset();
  std::uint64_t read(int bar, std::uint64_t offset);
  void write(int bar, std::uint64_t offset, std::uint64_t value);
  bool access(std::uint32_t device_id, std::uint64_t iova, std::byte* data, std::uint64_t size, bool write,
              std::uint64_t& failed);

  std::map<int, std::map<std::uint64_t, std::uint64_t>> registers_;
  std::map<std::uint64_t, Area> areas_;
  std::uint64_t next_address_{0x1'0000'0000};
  std::uint64_t phase_[kChannels]{};
};

}  // namespace aperture::test
