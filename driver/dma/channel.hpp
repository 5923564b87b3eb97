// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"
#include "card/card.hpp"
#include "regs/registers.hpp"
#include "riscv/iommu.hpp"

namespace aperture::dma {

/// Who a channel is on the bus, and how it misbehaves.
struct Identity {
  std::uint32_t device_id{};
  std::optional<std::uint32_t> process_id{};
  bool privileged{};
  bool execute{};                                 ///< data reads are instruction reads
  bool translated{};                              ///< data accesses claim to be translated already
  bool ats{};                                     ///< asks for translations and pages first (overrides `translated`)
  std::uint64_t address_mask{~std::uint64_t{0}};  ///< address lines that the device has
  bool wrong_process{};                           ///< sends its process_id with bit 0 inverted
  bool write_after_stop{};                        ///< writes one more burst when it is stopped
};

struct ChannelOptions {
  unsigned log2{6};  ///< entries of the ring, 1 to 6: rings of one 4 KiB page
  std::optional<std::uint32_t>
      ring_device_id{};                   ///< identity of ring accesses; default: the last id of the device directory
  bool interrupts{};                      ///< every completion raises the channel's interrupt; waits use it
  std::uint64_t wait_cycles{10'000'000};  ///< for stop
};

/// One piece of work. `length` in bytes, any alignment; 0 moves nothing.
struct Job {
  regs::DmaOp op{};
  Iova source{};
  Iova destination{};
  std::uint64_t length{};
  std::uint64_t pattern{};  ///< fill, stray: 8 bytes to repeat; generate, check: seed
  bool stray_read{};        ///< a stray access reads `source` instead of writing `destination`
};

/// How it ended.
struct Completion {
  regs::DmaStatus status{};
  std::uint64_t bytes{};    ///< completed; check: offset of the first difference
  std::uint32_t crc{};      ///< CRC-32 as zlib's, of the bytes read or generated
  std::uint64_t cycles{};   ///< from descriptor start to the last answer
  std::uint64_t address{};  ///< first address that failed, 0 if none
  bool ok() const { return status == regs::DmaStatus::kOk; }
};

/// Names a submitted job; counts from 0 at each start.
using Ticket = std::uint64_t;

/// One DMA channel of the card: jobs go into a ring, results come back in order. Ring and records are reached under a
/// device id of their own without translation. Public functions take the card's mutex, waits only while they look:
/// several threads may each wait for a channel. The Iommu outlives it; it belongs to one thread at a time.
class Channel {
 public:
  /// Takes channel `index`, stops it, gives it its identity and starts it. EINVAL: no such channel or bad option;
  /// ENOMEM; EIO.
  static Result<std::unique_ptr<Channel>> open(riscv::Iommu& iommu, unsigned index, const Identity& identity,
                                               const ChannelOptions& options = {});
  /// Stops.
  ~Channel();

  unsigned index() const { return index_; }
  const Identity& identity() const { return identity_; }
  /// Jobs that fit without waiting.
  unsigned capacity() const { return entries_ - 1; }

  /// Appends a job and rings the doorbell. ENOSPC: the ring is full, fetch a result first. EIO: the channel is stopped
  /// or its ring failed.
  Result<Ticket> submit(const Job& job);
  /// Several jobs, one doorbell; the first one's ticket. ENOSPC: they do not all fit; none was submitted.
  Result<Ticket> submit(const std::vector<Job>& jobs);
  /// The result, if it is there. ENOENT: never submitted since start, or so long ago that its place was used again.
  Result<std::optional<Completion>> poll(Ticket ticket);
  /// Blocks until it is there; otherwise as poll and as a wait. EIO also: the channel could not read its ring or store
  /// a record. Answers page requests meanwhile, of any device, where they have handlers (Iommu::page_request_handlers).
  Result<Completion> wait(Ticket ticket, std::uint64_t cycles = 100'000'000);
  /// submit and wait.
  Result<Completion> run(const Job& job, std::uint64_t cycles = 100'000'000);

  Result<Completion> copy(Iova source, Iova destination, std::uint64_t length);
  Result<Completion> crc(Iova source, std::uint64_t length);
  Result<Completion> fill(Iova destination, std::uint64_t length, std::uint64_t pattern);
  Result<Completion> generate(Iova destination, std::uint64_t length, std::uint64_t seed);
  Result<Completion> check(Iova source, std::uint64_t length, std::uint64_t seed);
  Result<Completion> stray_write(Iova destination, std::uint64_t pattern);
  Result<Completion> stray_read(Iova source);

  /// Stops after the bursts in flight. Jobs that had not completed never will. As a wait.
  Result<> stop();
  /// Starts an empty ring, with another identity if given; also after a reset of the card. EINVAL, EIO.
  Result<> start();
  Result<> start(const Identity& identity);

  /// The channel's counters: bytes and bursts since start, latency sums in cycles.
  std::uint64_t counter(const regs::Register& reg);

 private:
  Channel(riscv::Iommu& iommu, unsigned index, const Identity& identity, const ChannelOptions& options);
  std::uint64_t read(const regs::Register& reg);
  void write(const regs::Register& reg, std::uint64_t value);
  void put(Ticket ticket, const Job& job);
  void harvest();
  void acknowledge();

  riscv::Iommu& iommu_;
  unsigned index_;
  Identity identity_;
  ChannelOptions options_;
  unsigned entries_;
  bool running_{};
  std::unique_ptr<card::DmaBuffer> ring_;
  std::unique_ptr<card::DmaBuffer> records_;
  std::vector<Completion> completions_;  ///< of the last `entries_` tickets
  Ticket submitted_{};
  Ticket completed_{};
};

}  // namespace aperture::dma
