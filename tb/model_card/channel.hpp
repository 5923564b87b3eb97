// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "regs/registers.hpp"
#include "tb/model_card/ats_cache.hpp"
#include "tb/model_card/bus.hpp"
#include "tb/model_card/register_file.hpp"

namespace aperture::tb::model {

/// The bytes of GENERATE and CHECK, or of FILL and STRAY, one after the other (docs/registers.md, descriptor).
class ByteSource {
 public:
  ByteSource() = default;
  /// `random`: `pattern` is the seed.
  ByteSource(std::uint64_t pattern, bool random) : word_(random && pattern == 0 ? 1 : pattern), random_(random) {}
  std::byte next();

 private:
  std::uint64_t word_ = 0;
  bool random_ = false;
  unsigned at_ = 0;
};

/// One DMA channel, as docs/registers.md describes block `dma`: registers, and work in steps. Data moves in pieces that
/// end at multiples of 256 bytes of the destination, or of the source if nothing is written.
class Channel {
 public:
  Channel(unsigned index, Bus& bus);
  void reset();

  /// A word of the channel's page at `offset`, a multiple of 4, at this cycle.
  std::uint32_t read(std::uint32_t offset, std::uint64_t now);
  void write(std::uint32_t offset, std::uint32_t value);
  bool interrupt() const;

  /// Does something or will without being told.
  bool busy() const { return due().has_value(); }
  /// Cycle from which step() has something to do; nothing: not before a register is written or a message comes.
  std::optional<std::uint64_t> due() const;
  /// Does the next thing, which begins at cycle `now`; the cycles that it takes.
  std::uint64_t step(std::uint64_t now);

  /// In ATS mode as this device: gets its messages.
  bool claims(std::uint32_t device_id) const;
  void respond(const Messages::GroupResponse& response) { ats_.respond(response); }
  void invalidate(const Messages::Invalidation& invalidation) { ats_.invalidate(invalidation, process_id()); }

 private:
  enum class State : std::uint8_t { kOff, kIdle, kRun, kAfterStop };
  struct Failure {
    regs::DmaStatus status{};
    std::uint64_t bytes = 0, address = 0;
  };
  /// A descriptor under way.
  struct Job {
    bool bad = false, reads = false, writes = false, checks = false, interrupts = false;
    std::uint64_t cookie = 0;
    std::uint64_t src = 0, dst = 0;
    std::uint64_t left = 0, made = 0;
    std::uint64_t asked = 0;  ///< address whose page was asked for last
    ByteSource source{};
    std::uint32_t crc = 0;
    std::uint64_t begun = 0, ended = 0;
    std::optional<Failure> failure{};
  };

  bool ctrl(const regs::Field& field) const { return field.get(registers_.get(regs::dma::ctrl)) != 0; }
  bool enabled() const { return ctrl(regs::dma::ctrl_f::enable) && !stopping_; }
  bool more() const;
  std::uint64_t ring_mask() const;
  std::uint64_t masked(std::uint64_t address) const { return address & registers_.get(regs::dma::address_mask); }
  std::optional<std::uint32_t> process_id() const;
  DeviceAccess data_access() const;
  DeviceAccess ring_access(std::uint64_t address) const;

  void start();
  std::uint64_t turn_off(std::uint64_t now);
  std::uint64_t take(std::uint64_t now);
  static Job job_of(std::span<const std::uint64_t> descriptor);
  std::uint64_t go_on(std::uint64_t now);
  /// Cycles spent on translations that the piece needs; nothing: they are here.
  std::optional<std::uint64_t> translations();
  std::uint64_t piece(std::uint64_t now);
  std::uint64_t piece_length() const;
  /// Moves bytes in bursts within pages; the address of the first that fails.
  std::optional<std::uint64_t> read_bursts(std::span<std::byte> to);
  std::optional<std::uint64_t> write_bursts(std::uint64_t address, std::span<const std::byte> from);
  DeviceAccess burst(std::uint64_t address, bool write) const;
  std::uint64_t finish();
  std::uint64_t write_after_stop();
  void ring_failed();

  unsigned index_;
  Bus& bus_;
  RegisterFile registers_;
  AtsCache ats_;
  State state_ = State::kOff;
  bool stopping_ = false;  ///< enable has been 0 since the start
  bool halted_ = false;    ///< the ring failed
  std::uint64_t head_ = 0;
  bool phase_ = false;
  bool irq_ = false, ring_error_ = false;
  Job job_{};
  std::optional<std::pair<std::uint64_t, std::uint64_t>> last_write_{};  ///< address and length of the last one
  std::uint64_t after_stop_at_ = 0;
};

}  // namespace aperture::tb::model
