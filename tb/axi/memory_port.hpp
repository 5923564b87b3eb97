// SPDX-License-Identifier: Apache-2.0
#pragma once

// The memory side of one AXI master of the card: takes its bursts, does them beat by beat, answers as the profile says.
// Order within an id always holds; R and B VALID, once raised, stay.

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "tb/axi/exclusive.hpp"
#include "tb/axi/queue.hpp"
#include "tb/card/pins.hpp"
#include "tb/memory/target.hpp"
#include "tb/memory/timing.hpp"

namespace aperture::tb {

/// What does one beat, within one naturally aligned bus word. Must not block; a beat that is pending is made again in
/// the next cycle. `access` names a beat of this port from its first call to its answer, `user` is AxUSER of its burst.
class BeatTarget {
 public:
  virtual ~BeatTarget() = default;
  virtual MemoryAnswer read(Port port, std::uint64_t access, std::uint64_t user, std::uint64_t address,
                            std::span<std::byte> out) = 0;
  virtual MemoryAnswer write(Port port, std::uint64_t access, std::uint64_t user, std::uint64_t address,
                             std::span<const std::byte> data, std::uint32_t strobes) = 0;
  /// Writes all of `data` if `expected` is there, in one indivisible step; `held`: it was. ExclusiveMonitor::kMost
  /// bytes at the most.
  virtual MemoryAnswer exchange(Port port, std::uint64_t access, std::uint64_t user, std::uint64_t address,
                                std::span<const std::byte> expected, std::span<const std::byte> data, bool& held) = 0;
};

class MemoryPort {
 public:
  MemoryPort(Port port, unsigned bus_bytes, Timing& timing, BeatTarget& target, ExclusiveMonitor& exclusives,
             std::uint64_t seed);

  /// The handshakes of cycle `now`.
  void observe(const AxiPins& pins, std::uint64_t now);
  /// Memory accesses that are due. Writes of all ports come before reads of any.
  void perform_writes(std::uint64_t now) {
    if (now >= next_write_) perform_due_writes(now);
  }
  void perform_reads(std::uint64_t now) {
    if (now >= next_read_) perform_due_reads(now);
  }
  /// Sets the memory's pins for cycle `next`.
  void drive(AxiPins& pins, std::uint64_t next);
  bool idle() const { return reads_.empty() && writes_.empty() && addresses_.empty() && data_.empty(); }

 private:
  struct ReadBurst {
    AddressChannel address;
    std::uint64_t number;  ///< unlike that of any other burst of the port
    std::uint64_t perform;
    std::uint64_t ready;     ///< first cycle of the next beat
    bool performed = false;  ///< all of it
    bool reserved = false;   ///< an exclusive read that succeeded
    unsigned sent = 0;
    struct Data {
      std::array<std::uint64_t, 2> data{};
      MemoryAnswer answer = MemoryAnswer::kPending;
    };
    Beats<Data> beats;
  };
  using WriteBeats = Beats<WriteChannel>;
  struct WriteData {
    WriteBeats beats;
    bool complete = false;
  };
  struct WriteBurst {
    AddressChannel address;
    std::uint64_t number;  ///< unlike that of any other burst of the port
    WriteBeats beats;      ///< VALID: still to be written
    std::uint64_t perform;
    std::uint64_t ready;
    bool performed = false;  ///< all of it
    bool pending = false;    ///< some of it
    bool answered = false;
    Resp resp = Resp::kOkay;
    std::vector<std::byte> expected{};  ///< of an exclusive write that is under way
  };

  /// Performs what is due from `from` on, which moves behind what is performed; when the next is due goes to `next`.
  template <typename Burst>
  void perform_due(Queue<Burst>& bursts, std::size_t& from, std::uint64_t& next, std::uint64_t now);
  void perform_due_writes(std::uint64_t now);
  void perform_due_reads(std::uint64_t now);
  template <typename Burst>
  static void erase(Queue<Burst>& bursts, std::size_t& from, std::size_t index);
  void accept_writes(std::uint64_t now);
  /// As writes of their own that end at multiples of `packet` bytes; the last one has the answer.
  void accept_packets(const AddressChannel& burst, const WriteBeats& beats, unsigned packet, std::uint64_t now);
  void accept_write(const AddressChannel& address, WriteBeats beats, std::uint64_t now, bool answered);
  void perform(ReadBurst& burst);
  void perform(WriteBurst& burst);
  void perform_exclusive(WriteBurst& burst);
  /// Whether it is an exclusive access that memory supports.
  bool exclusive(const AddressChannel& address) const {
    return address.lock && exclusives_.supported() && address.len == 0 && address.addr % (1U << address.size) == 0 &&
           std::size_t{1} << address.size <= ExclusiveMonitor::kMost;
  }
  /// The burst whose beat or answer goes next, -1: none is due.
  int choose_read(std::uint64_t next);
  int choose_write(std::uint64_t next);
  void offer_read(ReadChannel& r, int index, std::uint64_t next);
  void offer_write(AnswerChannel& b, int index);

  Port port_;
  unsigned bus_bytes_;
  Timing& timing_;
  BeatTarget& target_;
  ExclusiveMonitor& exclusives_;
  std::mt19937_64 random_;
  std::uint64_t bursts_ = 0;
  Queue<ReadBurst> reads_;
  Queue<AddressChannel> addresses_;
  Queue<WriteData> data_;
  Queue<WriteBurst> writes_;
  std::size_t read_from_ = 0, write_from_ = 0;  ///< bursts before these are performed
  std::size_t posted_ = 0;                      ///< writes that were answered and are not yet gone
  int current_read_ = -1;                       ///< burst that must be continued
  std::array<std::uint64_t, 32> last_read_{};
  std::array<std::uint64_t, 32> last_write_{};
  std::uint64_t next_read_ = ~std::uint64_t{0};
  std::uint64_t next_write_ = ~std::uint64_t{0};
};

}  // namespace aperture::tb
