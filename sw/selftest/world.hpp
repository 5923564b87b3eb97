// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "dma/channel.hpp"
#include "regs/registers.hpp"
#include "riscv/fault_queue.hpp"
#include "selftest/bench.hpp"
#include "selftest/words.hpp"

namespace aperture::sw::selftest {

/// A device context, extended format; the base format leaves the last three out.
struct Context {
  std::uint64_t tc{regs::dc::tc::v.mask()};
  std::uint64_t iohgatp{};
  std::uint64_t ta{};
  std::uint64_t fsc{};
  std::uint64_t msiptp{};
  std::uint64_t mask{};
  std::uint64_t pattern{};
};

/// How the IOMMU differs from what the driver makes of it.
struct Manner {
  bool big_endian{};  ///< fctl.BE: the queues, which the driver fills, stay off then
  bool guests32{};    ///< fctl.GXL
  bool messages{};    ///< fctl.WSI = 0
};

/// The IOMMU with a device directory that a step writes by hand: one level, in which every structure that the
/// specification has can be put before a DMA channel. The driver's queues and channels work as ever. Destruction frees
/// all memory behind the channels, and gives the IOMMU back to the driver's directory.
class World {
 public:
  /// Device ids that any directory of one level has.
  static constexpr std::uint32_t kRingId = 0x3f;  ///< of the channels' rings
  static constexpr std::uint32_t kLastId = 0x3e;  ///< for steps

  /// Throws Trouble, here and below.
  explicit World(Bench& bench, Manner manner = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Bench& bench() { return bench_; }
  riscv::Iommu& iommu() { return iommu_; }
  /// The bits of fctl that differ took.
  bool willing() const { return willing_; }

  /// Zeroed memory, which lives as long as the world.
  Words& words(std::uint64_t size = kPageSize, bool big_endian = false);
  /// Makes this the context of a device, and every cache forget.
  void context(std::uint32_t device_id, const Context& context);
  /// Changes the first stage of a valid context, and nothing else: no cache is told.
  void change_first_stage(std::uint32_t device_id, std::uint64_t fsc) {
    directory_->set(device_id * (extended_ ? 8 : 4) + 3, fsc);
  }
  /// Makes every cache forget all, and waits for the fence.
  void forget();
  /// Carries out a command, and waits for the fence.
  void command(const riscv::Command& command);
  /// Off, bare, or one level with the directory; every cache forgets. Off, not even the channels' rings are read.
  void mode(regs::IommuMode mode);
  /// On with a directory of the step's own, until `mode`. It has to know kRingId. False: ddtp does not take it.
  bool lead(regs::IommuMode mode, const Words& root);

  /// A running channel with this identity.
  dma::Channel& channel(const dma::Identity& identity, unsigned index = 0);
  /// Ends every job.
  void stop_channels() { channels_.clear(); }
  /// The records in the fault queue once the card is idle, oldest first.
  std::vector<riscv::Fault> faults();

 private:
  void enter();
  void restart();
  void write_ddtp(std::uint64_t value);

  Bench& bench_;
  riscv::Iommu& iommu_;
  Manner manner_;
  bool extended_;
  bool willing_{true};
  std::uint64_t saved_{};  ///< ddtp
  std::deque<Words> memory_;
  Words* directory_{};
  std::map<unsigned, std::unique_ptr<dma::Channel>> channels_;
};

}  // namespace aperture::sw::selftest
