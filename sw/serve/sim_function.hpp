// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "serve/function.hpp"
#include "tb/bench.hpp"

namespace aperture::sw::serve {

/// The simulated card as a PCI function. Its clock stands while it has nothing to do.
class SimFunction final : public Function {
 public:
  /// Powers the process's bench on. `data` is what translated accesses reach, `own` what the IOMMU's own do; may be
  /// one.
  SimFunction(const tb::Options& options, BusMemory& data, BusMemory& own);
  ~SimFunction() override;
  SimFunction(const SimFunction&) = delete;
  SimFunction& operator=(const SimFunction&) = delete;

  const Layout& layout() const override { return kCardLayout; }
  std::uint64_t read(unsigned bar, std::uint64_t offset, unsigned size) override;
  void write(unsigned bar, std::uint64_t offset, unsigned size, std::uint64_t value) override;
  void reset() override;
  bool busy() const override { return busy_; }
  void run(std::uint64_t cycles) override;
  std::uint64_t take_messages() override;

 private:
  /// The bench's view of a BusMemory.
  class Target final : public tb::MemoryTarget {
   public:
    explicit Target(BusMemory& memory) : memory_(memory) {}
    tb::MemoryAnswer perform_read(std::uint64_t access, std::uint64_t address, std::span<std::byte> out) override;
    tb::MemoryAnswer perform_write(std::uint64_t access, std::uint64_t address, std::span<const std::byte> data,
                                   std::uint32_t strobes) override;
    tb::MemoryAnswer perform_exchange(std::uint64_t access, std::uint64_t address, std::span<const std::byte> expected,
                                      std::span<const std::byte> data, bool& held) override;

   private:
    BusMemory& memory_;
  };

  tb::Bench& bench_;
  BusMemory& data_;
  BusMemory& own_;
  Target data_target_;
  Target own_target_;
  bool busy_ = true;
};

}  // namespace aperture::sw::serve
