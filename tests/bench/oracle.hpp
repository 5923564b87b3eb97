// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the RISC-V IOMMU specification (version 1.0) says about one request, read off the structures in memory: a plain
// function without caches, time or state. Covers ddtp modes Off, Bare and 1LVL to 3LVL with base-format device
// contexts, first stages Bare, Sv39, Sv48 and Sv57 with all leaf sizes and Svnapot, little-endian. Not covered, and
// refused where the specification says so: second stage, process directory (PDTV with a Bare pdtp is legal), ATS, MSI
// page tables, updates of A and D, Svpbmt, Svrsw60t59b, QoS ids.

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace aperture::oracle {

enum class Access : std::uint8_t {
  kOk,
  kError,   ///< the access was refused: what the specification calls a violation of PMA or PMP
  kPoison,  ///< the data is corrupted
};

struct Word {
  Access access = Access::kOk;
  std::uint64_t value = 0;
};

/// The 8 bytes at an address that is a multiple of 8.
using ReadMemory = std::function<Word(std::uint64_t address)>;

/// The registers that matter.
struct Iommu {
  std::uint64_t capabilities = 0;
  std::uint64_t ddtp = 0;
  bool gxl_writable = false;  ///< fctl.GXL, which reads 0, could be set
  /// The specification leaves to the platform who checks the physical address of the device's own access (Placement and
  /// data flow). true: beyond 2^PAS is an access fault; false: the address goes out as it is.
  bool bounds_data = true;
};

struct Request {
  std::uint32_t device_id = 0;
  std::optional<std::uint32_t> process_id{};
  bool privileged = false;
  bool exec = false;  ///< means nothing for writes
  bool write = false;
  bool translated = false;
  std::uint64_t iova = 0;
};

using Record = std::array<std::uint64_t, 4>;

struct Fault {
  unsigned cause = 0;
  bool logged = true;  ///< false: silenced by DC.tc.DTF
  Record record{};     ///< what the fault queue shows if logged
};

/// One structure that was read on the way.
struct Step {
  std::string what;
  std::uint64_t address;
  Word word;
};

struct Answer {
  std::uint64_t address = 0;  ///< physical, unless there is a fault
  std::optional<Fault> fault{};
  std::uint64_t leaf_pages = 0;  ///< size of the leaf in 4 KiB pages, 0 without first stage
  std::vector<Step> path{};
};

Answer translate(const Iommu& iommu, const Request& request, const ReadMemory& memory);

std::string describe(const Request& request);
std::string describe(const Answer& answer);
std::string describe(const Record& record);

}  // namespace aperture::oracle
