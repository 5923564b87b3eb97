// SPDX-License-Identifier: Apache-2.0
#pragma once

// Watches one AXI4 (or AXI4-Lite) port and reports what breaks the rules of AMBA AXI (ARM IHI 0022, AXI4), both sides
// alike.

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "tb/axi/queue.hpp"
#include "tb/card/pins.hpp"

namespace aperture::tb {

struct Violation {
  Port port;
  std::uint64_t cycle;
  std::string rule;  ///< section of the specification and what it asks for
  std::string what;  ///< what was seen

  std::string text() const;
};

class Checker {
 public:
  using Report = std::function<void(const Violation&)>;

  Checker(Port port, unsigned bus_bytes, Report report);

  /// The settled pins of each cycle in turn. `reset_n` low: only the reset rules apply and everything outstanding is
  /// forgotten.
  void observe(const AxiPins& pins, bool reset_n, std::uint64_t cycle) {
    const bool active = pins.aw.valid || pins.w.valid || pins.b.valid || pins.ar.valid || pins.r.valid;
    if (active || held_any_ || !reset_n || reset_cycles_ != 0) check(pins, reset_n, cycle);
  }
  /// Accepted bursts without their last answer.
  std::size_t outstanding() const { return reads_outstanding_ + writes_outstanding_; }

 private:
  static constexpr std::size_t kIds = 32;

  void check(const AxiPins& pins, bool reset_n, std::uint64_t cycle);
  void fail(std::uint64_t cycle, std::string rule, std::string what);
  template <typename C>
  void check_stable(Channel channel, C& before, const C& now, std::uint64_t cycle);
  void check_address(Channel channel, const AddressChannel& a, std::uint64_t cycle);
  void check_unusual_address(Channel channel, const AddressChannel& a, std::uint64_t cycle);
  void check_exclusive(Channel channel, const AddressChannel& a, std::uint64_t cycle);
  void take_write_data(const WriteChannel& w, std::uint64_t cycle);
  void match_writes(std::uint64_t cycle);
  void take_read_data(const ReadChannel& r, std::uint64_t cycle);
  void take_write_answer(const AnswerChannel& b, std::uint64_t cycle);
  void check_reset(const AxiPins& pins, std::uint64_t cycle);
  void forget();

  Port port_;
  unsigned bus_bytes_;
  Report report_;
  unsigned reset_cycles_ = 0;

  bool held_any_ = false;
  AxiPins held_{};  ///< channels that were VALID without READY in the last cycle
  Queue<AddressChannel> write_addresses_;
  Queue<Beats<std::uint16_t>> write_strobes_;  ///< of complete bursts, then of the one under way
  bool write_open_ = false;
  struct Read {
    std::uint16_t left;  ///< beats still to come
    bool exclusive;
  };
  struct Writes {
    unsigned count;           ///< complete bursts without B
    std::uint64_t exclusive;  ///< bit i: the one that B answers after i others
  };
  struct Exclusive {
    AddressChannel read;
    bool answered = false;  ///< and no exclusive write since
  };
  std::array<Queue<Read>, kIds> reads_{};     ///< by id
  std::array<Writes, kIds> writes_{};         ///< by id
  std::array<Exclusive, kIds> exclusives_{};  ///< last exclusive read, by id
  std::size_t reads_outstanding_ = 0;
  std::size_t writes_outstanding_ = 0;
};

}  // namespace aperture::tb
