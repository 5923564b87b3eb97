// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tb/bench.hpp"
#include "tb/bus_card.hpp"

namespace aperture::tb {

/// The simulated RTL at its pins. What it cannot do (yet) answers ENOTSUP. One at a time: it uses the process's bench.
class SimBusCard final : public BusCard {
 public:
  /// Powers the bench on; its straps count until the first reset().
  explicit SimBusCard(const Options& options);
  ~SimBusCard() override;
  SimBusCard(const SimBusCard&) = delete;
  SimBusCard& operator=(const SimBusCard&) = delete;

  /// ENOTSUP too for a value of `capabilities` that the RTL does not show as it stands, unless it is the default of
  /// Straps, which means all that there is.
  Result<void> reset(const Straps& straps) override;

  void write_memory(std::uint64_t address, std::span<const std::byte> data) override;
  std::vector<std::byte> read_memory(std::uint64_t address, std::size_t length) override;
  void set_fault(std::uint64_t address, std::uint64_t length, MemoryFault fault) override;

  void write_register(std::uint32_t offset, unsigned size, std::uint64_t value) override;
  std::uint64_t read_register(std::uint32_t offset, unsigned size) override;

  Result<AccessResult> access(const DeviceAccess& access) override;
  Result<AtsResult> ats(const DeviceAccess& access) override;
  Result<std::optional<unsigned>> page_request(const PageRequest& request) override;

  Settled settle(std::uint64_t max_cycles) override;
  void advance(std::uint64_t cycles) override;
  Messages messages() override;
  void complete_invalidation(std::uint32_t device_id, std::uint32_t itag_vector, unsigned cc) override;

 private:
  /// What the pins showed of an access that ended, from the events logged since it was offered.
  AccessResult seen(const DeviceAccess& access, const Completion& completion);
  /// Address, notice and notice identity of an interrupt file, from the entry at `entry` that names it.
  void name_mrif(std::uint64_t entry, AccessResult& result);

  /// Moves what the device got into `sent_`.
  void collect();

  Bench& bench_;
  Messages sent_;  ///< since the last messages()
};

}  // namespace aperture::tb
