// SPDX-License-Identifier: Apache-2.0
#pragma once

// The simulated card with everything around it, for tests and tools; no SystemC in sight. One bench a process; it may
// be reset and powered on again as often as one likes. One thread at a time.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "card/card.hpp"
#include "tb/axi/bus_log.hpp"
#include "tb/device.hpp"
#include "tb/kernel/report.hpp"
#include "tb/memory/memory.hpp"
#include "tb/options.hpp"

namespace aperture::tb {

class CardModel;

class Bench {
 public:
  /// Before the first start(), else std::logic_error: `build` is called once, while SystemC elaborates, to make modules
  /// of one's own and to bind one to the card's `device` socket (tb/card/card_model.hpp).
  static void elaborate_with(std::function<void(CardModel&)> build);
  /// The process's bench, powered on with `options`: elaborates at the first call, powers on again at later ones.
  /// Throws std::invalid_argument for options that make no sense.
  static Bench& start(const Options& options);
  /// nullptr before start().
  static Bench* instance();

  const Options& options() const;
  /// Hardware reset through rst_ni with new straps. Forgets what is under way on the bus, memory outside of buffers and
  /// pinned pages, memory faults and the log.
  void reset(const Straps& straps);
  void reset() { reset(options().straps); }
  /// The capabilities register with every strap on: what the RTL has, whatever options().straps leave of it. Resets.
  std::uint64_t implemented();
  /// Another card (width, seed) with other memory (profile, latency), reset.
  void power_on(const Options& options);

  /// The seam over this bench; lives as long as it.
  card::Card& card();
  Device& device();
  Memory& memory();
  /// What the card's masters reach from now on, instead of memory(): translated traffic, and the IOMMU's own.
  void connect(MemoryTarget& data, MemoryTarget& iommu);
  /// MSIs of the card go to `sink` instead of into memory, unless memory refuses them. An empty function: into memory.
  void divert_messages(std::function<void(std::uint64_t address, std::span<const std::byte> data)> sink);
  BusLog& log();

  /// Clock cycles since the program started.
  std::uint64_t cycle() const;
  /// Clocks the card, busy or idle.
  void run(std::uint64_t cycles);
  /// Until card and bus have nothing left to do (kIdle), or `cycles` went by (kTimedOut).
  Outcome settle(std::uint64_t cycles = 1'000'000);
  /// See Waiter::wait_until.
  Outcome wait_until(const std::function<bool()>& happened, std::uint64_t cycles, const std::string& what);
  /// Runs up to 4 jobs in SC_THREADs, concurrently in simulated time, deterministically; returns when all have.
  void run_threads(const std::vector<std::function<void()>>& jobs);

  /// Interrupt wires as they are now: bit v is vector v.
  std::uint32_t wires() const;
  /// busy_o as it is now.
  bool busy() const;
  /// Simulated kilohertz over the time spent inside the simulation.
  double simulated_khz() const;

  bool open_waves(const std::filesystem::path& file);
  void close_waves();
  /// The pins of the last Options::history cycles, as text.
  std::string history() const;

  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

 private:
  explicit Bench(const Options& options);
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace aperture::tb
