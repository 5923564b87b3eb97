// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/types.hpp"

namespace aperture::riscv {

/// One entry of the command queue, as it lies in memory.
struct Command {
  std::uint64_t w0{};
  std::uint64_t w1{};
  bool operator==(const Command&) const = default;
};

namespace command {

/// IOTINVAL.VMA: of one PSCID or of all, one leaf or all; of the host's address spaces (GV = 0), or of those behind a
/// second stage.
Command iotinval_vma(std::optional<std::uint32_t> pscid, std::optional<Iova> iova,
                     std::optional<std::uint32_t> gscid = {});
/// IOTINVAL.GVMA: of one second stage or of all; of one, one leaf or all.
Command iotinval_gvma(std::optional<std::uint32_t> gscid, std::optional<GuestPhysical> page);
/// IODIR.INVAL_DDT: one device and its processes, or the whole directory including non-leaf entries.
Command iodir_inval_ddt(std::optional<std::uint32_t> device_id);
Command iodir_inval_pdt(std::uint32_t device_id, std::uint32_t process_id);

/// IOFENCE.C. `store`: where to write `data` (4 bytes, address a multiple of 4) when it is done.
struct Fence {
  bool reads{true};   ///< PR
  bool writes{true};  ///< PW
  bool wire{};        ///< WSI: set cqcsr.fence_w_ip
  std::optional<BusAddress> store{};
  std::uint32_t data{};
};
Command iofence(const Fence& fence);

/// ATS.INVAL: what a device has cached of one page, or all that it has, of a process or without one.
Command ats_inval(std::uint32_t device_id, std::optional<std::uint32_t> process_id, std::optional<Iova> page);

/// How a page request group ended (PCIe, "Page Request Group Response").
enum class PageResponse : std::uint8_t { kSuccess = 0x0, kInvalidRequest = 0x1, kFailure = 0xf };
/// ATS.PRGR: the answer to a device's page request group.
Command ats_prgr(std::uint32_t device_id, std::optional<std::uint32_t> process_id, std::uint32_t group,
                 PageResponse code);

/// "IOTINVAL.VMA PSCID=3 ADDR=0x1000", for people; unknown opcodes as numbers.
std::string to_text(const Command& command);

}  // namespace command
}  // namespace aperture::riscv
