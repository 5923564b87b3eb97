// SPDX-License-Identifier: Apache-2.0
#pragma once

// The Verilated card as a SystemC module. The clock runs while the card is busy, while anything is under way on its
// ports, and while somebody asks for cycles; otherwise it stands, and CYCLE with it.

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <systemc>
#include <tlm>

#include "tb/axi/bus_log.hpp"
#include "tb/axi/checker.hpp"
#include "tb/axi/device_master.hpp"
#include "tb/axi/device_streams.hpp"
#include "tb/axi/exclusive.hpp"
#include "tb/axi/lite_master.hpp"
#include "tb/axi/memory_port.hpp"
#include "tb/card/dut.hpp"
#include "tb/card/history.hpp"
#include "tb/card/waves.hpp"
#include "tb/kernel/kernel.hpp"
#include "tb/options.hpp"
#include "tb/tlm/extensions.hpp"

namespace aperture::tb {

class CardModel final : public sc_core::sc_module, private BeatTarget {
 public:
  /// Registers: 4 or 8 aligned bytes at a 17-bit address, BAR 2 at 0x10000. Blocks the caller until the bus answered.
  tlm_utils::simple_target_socket<CardModel> mmio{"mmio"};
  /// A device behind the card: IdentityExtension required; any length up to 256 beats within 4 KiB, byte enables of any
  /// length. Blocks the caller, the main stack or any number of SC_THREADs at a time; the annotated delay is not used.
  /// TLM_BURST_ERROR_RESPONSE, TLM_BYTE_ENABLE_ERROR_RESPONSE: not an access of this kind, nothing was done.
  /// TLM_GENERIC_ERROR_RESPONSE: refused by the IOMMU or by memory, or ended by a reset of the bench. May stay unbound.
  tlm_utils::simple_target_socket_optional<CardModel> device{"device"};
  /// Translated traffic, and the IOMMU's own. The target must not block: one that cannot answer yet leaves the response
  /// incomplete, and gets the same access again in a later cycle. Loosely timed: the delay says how far the clock is
  /// ahead of the simulation's time.
  tlm_utils::simple_initiator_socket<CardModel> data{"data"};
  tlm_utils::simple_initiator_socket<CardModel> iommu{"iommu"};
  /// Interrupt wires.
  sc_core::sc_export<sc_core::sc_signal_in_if<std::uint32_t>> wires{"wires"};

  CardModel(const sc_core::sc_module_name& name, Kernel& kernel);
  ~CardModel() override { payload_.clear_extension(&access_); }
  CardModel(const CardModel&) = delete;
  CardModel& operator=(const CardModel&) = delete;

  /// Another card, as after power-on, and its memory's behaviour. Takes effect at once; reset() must follow.
  void power_on(const Options& options);
  /// Hardware reset with these straps: everything under way is forgotten, on both sides. Blocks the caller.
  void reset(const Straps& straps);
  /// At least `cycles` clock cycles will run, busy or idle.
  void keep_running(std::uint64_t cycles);
  void wake() { wake_.notify(sc_core::SC_ZERO_TIME); }

  DeviceMaster& device_master() { return *device_master_; }
  DeviceStreams& device_streams() { return *device_streams_; }
  BusLog& log() { return log_; }
  const History& history() const { return *history_; }
  const Pins& pins() const { return pins_; }
  bool open_waves(const std::filesystem::path& file) { return waves_.open(*dut_, file, cycle_); }
  void close_waves() {
    if (dut_) waves_.close(*dut_);
  }
  void finish_waves() {
    if (dut_) waves_.finish(*dut_, cycle_);
  }

  /// Vectors whose message arrived and was not taken yet.
  std::uint64_t latched() const { return latched_; }
  std::uint64_t take_latched(std::uint64_t mask);

 private:
  void tick();
  void cycle();
  bool clock_needed() const;
  void observe();
  void drive();
  void violation(const Violation& v);
  void build_ports();

  void transport_mmio(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void transport_device(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  MemoryAnswer read(Port port, std::uint64_t access, std::uint64_t user, std::uint64_t address,
                    std::span<std::byte> out) override;
  MemoryAnswer write(Port port, std::uint64_t access, std::uint64_t user, std::uint64_t address,
                     std::span<const std::byte> data, std::uint32_t strobes) override;
  MemoryAnswer exchange(Port port, std::uint64_t access, std::uint64_t user, std::uint64_t address,
                        std::span<const std::byte> expected, std::span<const std::byte> data, bool& held) override;
  MemoryAnswer transport(Port port, std::uint64_t access, std::uint64_t user);

  Kernel& kernel_;
  const sc_core::sc_time period_{10, sc_core::SC_NS};
  sc_core::sc_time ahead_;  ///< of the simulation's time, while the clock runs without it
  sc_core::sc_event wake_{"wake"};
  sc_core::sc_signal<std::uint32_t> wires_signal_{"wires_signal"};
  tlm::tlm_generic_payload payload_;
  AccessExtension access_;
  std::array<unsigned char, 16> enables_{};

  Options options_{};
  std::unique_ptr<Dut> dut_;
  std::unique_ptr<Timing> timing_;
  std::unique_ptr<LiteMaster> lite_;
  std::unique_ptr<DeviceMaster> device_master_;
  std::unique_ptr<DeviceStreams> device_streams_;
  ExclusiveMonitor exclusives_;
  std::vector<MemoryPort> memory_ports_;
  std::vector<Checker> checkers_;
  BusLog log_;
  std::unique_ptr<History> history_;
  Waves waves_;

  Pins pins_{};
  bool streaming_ = false;  ///< something was on a stream in the cycle that ends
  std::uint64_t cycle_ = 0;
  std::uint64_t run_until_ = 0;
  std::uint64_t reset_until_ = 0;
  std::uint64_t latched_ = 0;
  std::deque<std::pair<std::uint64_t, unsigned>> messages_;  ///< arrival cycle, vector
  unsigned violations_ = 0;
  std::uint64_t resets_ = 0;  ///< what is under way on the ports ends with each
};

}  // namespace aperture::tb
