// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "regs/registers.hpp"
#include "tb/axi/checker.hpp"
#include "tb/axi/device_master.hpp"
#include "tb/axi/memory_port.hpp"
#include "tb/memory/memory.hpp"

class Viommu;
class VerilatedContext;
namespace aperture::tb {
class Coverage;
}

namespace aperture::test {

/// iommu_top alone, 64 bits wide: an AXI master at each of its two ports, memory behind m_data and m_iommu, a checker
/// at every bus. What the checkers find is in violations().
class IommuBench final : private tb::BeatTarget {
 public:
  static constexpr unsigned kPorts = 2;
  static constexpr unsigned kBytes = 8;

  IommuBench(std::uint64_t seed, std::uint32_t isolation_timeout);
  ~IommuBench() override;
  IommuBench(const IommuBench&) = delete;
  IommuBench& operator=(const IommuBench&) = delete;

  tb::Memory memory;
  tb::DeviceMaster& port(unsigned p) { return ports_[p].master; }
  std::uint64_t cycle() const { return cycle_; }
  const std::vector<std::string>& violations() const { return violations_; }

  void tick(unsigned clocks = 1);
  /// False if it did not come true within `clocks`.
  bool run_until(const std::function<bool()>& done, unsigned clocks);

  /// Registers of the IOMMU's page. A write takes a clock.
  std::uint64_t read(const regs::Register& reg);
  void write(const regs::Register& reg, std::uint64_t value);

  /// Bit p: port p is isolated.
  unsigned isolated() const;
  /// Takes a clock.
  void clear_isolation(unsigned p);
  bool idle() const;

 private:
  struct Device {
    tb::DeviceMaster master;
    tb::Checker checker;
    tb::AxiPins pins{};
  };
  struct Target {
    tb::MemoryPort memory;
    tb::Checker checker;
    tb::AxiPins pins{};
  };

  tb::Checker checker(tb::Port port, const std::string& name);
  void put_inputs();
  void get_outputs();
  tb::MemoryAnswer read(tb::Port port, std::uint64_t access, std::uint64_t user, std::uint64_t address,
                        std::span<std::byte> out) override;
  tb::MemoryAnswer write(tb::Port port, std::uint64_t access, std::uint64_t user, std::uint64_t address,
                         std::span<const std::byte> data, std::uint32_t strobes) override;
  tb::MemoryAnswer exchange(tb::Port port, std::uint64_t access, std::uint64_t user, std::uint64_t address,
                            std::span<const std::byte> expected, std::span<const std::byte> data, bool& held) override;

  std::unique_ptr<VerilatedContext> context_;
  std::unique_ptr<Viommu> model_;
  std::unique_ptr<tb::Coverage> coverage_;
  std::unique_ptr<tb::Timing> timing_;
  tb::ExclusiveMonitor exclusives_;
  std::vector<std::string> violations_;
  std::array<Device, kPorts> ports_;
  Target data_, own_;
  std::uint64_t cycle_ = 0;
};

}  // namespace aperture::test
