// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "dma/channel.hpp"
#include "run/world.hpp"

namespace aperture::sw::run {

/// How a job ended.
struct DmaEnd {
  dma::Completion completion;
  std::optional<FaultRecord> fault;
};

/// A DMA channel of the card works as the device. EINVAL, EIO.
Result<DmaEnd> run_on_card(World& world, DeviceEntry& device, const dma::Job& job, ioas::ProcessId process);

/// The same job as the card's DMA block would do it, through the device's table in the program, byte by byte in the
/// order of the addresses. EINVAL: more than 1 GiB, or round the device's address lines more than 2^20 times.
Result<DmaEnd> run_in_memory(World& world, DeviceEntry& device, const dma::Job& job, ioas::ProcessId process);

/// Takes what the card has recorded so far into the world's list.
void collect_faults(World& world);

}  // namespace aperture::sw::run
