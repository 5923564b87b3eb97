// SPDX-License-Identifier: Apache-2.0
#pragma once

// A device behind the card's external port: bursts at AXI level, any number outstanding, each channel can be held.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "tb/axi/burst.hpp"
#include "tb/axi/queue.hpp"
#include "tb/card/pins.hpp"
#include "tb/memory/timing.hpp"

namespace aperture::tb {

/// AxUSER[46:45], as the AT field of PCIe.
enum class Translation : std::uint8_t { kUntranslated, kAts, kTranslated };

struct Identity {
  std::uint32_t device_id{};
  std::optional<std::uint32_t> process_id{};
  bool privileged = false;
  bool exec = false;
  Translation type = Translation::kUntranslated;

  std::uint64_t user() const;
  std::uint8_t prot() const;
};

struct DeviceBurst {
  bool write = false;
  Identity who{};
  std::uint8_t id = 0;  ///< AXI id, 0 to 15
  std::uint64_t address = 0;
  unsigned beats = 1;  ///< 1 to 256
  unsigned size = 3;   ///< log2 of the bytes of a beat
  BurstType type = BurstType::kIncr;
  std::vector<std::byte>
      data{};  ///< of a write: the bytes of all beats in order, from `address` on; missing ones are zero
  std::vector<bool> strobes{};  ///< per byte of `data`; empty: all that `data` has. Beyond it none
};

struct Completion {
  Resp resp = Resp::kOkay;        ///< the worst of all beats
  std::vector<Resp> resps{};      ///< of each R beat, or the one B
  std::vector<std::byte> data{};  ///< of a read: the bytes of all beats in order
  std::uint64_t submitted = 0;    ///< cycles: submit() called,
  std::uint64_t offered = 0;      ///< AxVALID first high,
  std::uint64_t accepted = 0;     ///< AxREADY,
  std::uint64_t first = 0;        ///< first R beat taken (reads),
  std::uint64_t answered = 0;     ///< last R beat or B taken
  bool taken = false;             ///< AxREADY was seen
  bool done = false;
};

using Ticket = std::uint64_t;

class DeviceMaster {
 public:
  DeviceMaster(unsigned bus_bytes, Timing& timing);

  /// Queues a burst; each direction is offered in this order. A burst that breaks an AXI rule goes out as it is and is
  /// reported.
  Ticket submit(DeviceBurst burst, std::uint64_t now);
  /// Where it stands; throws std::out_of_range for a ticket that was taken.
  const Completion& at(Ticket ticket) const;
  /// The completion, done or not, and forgets it once done. Throws as at().
  Completion take(Ticket ticket);

  /// AR, AW, W: nothing new is offered. R, B: READY stays low. Until taken back.
  void hold(Channel channel, bool on) { held_[static_cast<std::size_t>(channel)] = on; }
  /// W data of a burst waits until its AW was accepted (otherwise both are offered at once).
  void data_after_address(bool on) { data_after_address_ = on; }
  std::size_t outstanding() const { return outstanding_; }
  unsigned bus_bytes() const { return bus_bytes_; }

  void observe(const AxiPins& pins, std::uint64_t now);
  void drive(AxiPins& pins, std::uint64_t next);
  bool idle() const { return outstanding_ == 0; }

 private:
  struct Pending {
    Ticket ticket;
    AddressChannel address;
  };
  struct Data {
    Ticket ticket;
    Beats<WriteChannel> beats;
    std::size_t sent = 0;
  };
  struct Reading {
    Ticket ticket;
    AddressChannel address;
    unsigned beats = 0;
  };

  struct Kept {
    Completion completion;
    bool taken = false;  ///< by the caller
  };
  Completion& completion(Ticket ticket) { return kept_[ticket - first_ticket_].completion; }
  bool held(Channel channel) const { return held_[static_cast<std::size_t>(channel)]; }
  void offer(AddressChannel& pins, Channel channel, Queue<Pending>& queue, std::uint64_t next);
  void offer_data(WriteChannel& w);
  void take_read(const ReadChannel& r, std::uint64_t now);
  void take_answer(const AnswerChannel& b, std::uint64_t now);

  unsigned bus_bytes_;
  Timing& timing_;
  Ticket first_ticket_ = 1;  ///< of kept_.front()
  Queue<Kept> kept_;
  Queue<Pending> reads_, writes_;  ///< not yet accepted; the front one may be offered
  Queue<Data> data_;
  std::array<Queue<Reading>, 16> reading_{};
  std::array<Queue<Ticket>, 16> writing_{};
  std::array<bool, 5> held_{};
  bool data_after_address_ = false;
  std::size_t outstanding_ = 0;
};

}  // namespace aperture::tb
