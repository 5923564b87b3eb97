// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the IOMMU finds in memory, decoded. RISC-V IOMMU, chapter "Data Structures".

#include <cstdint>
#include <optional>

#include "tb/bus_card.hpp"
#include "tb/model/fault.hpp"

namespace aperture::tb::model {

struct Permissions {
  bool r = false, w = false, x = false;
  friend Permissions operator&(Permissions a, Permissions b) { return {a.r && b.r, a.w && b.w, a.x && b.x}; }
  bool operator==(const Permissions&) const = default;
};

/// A transaction as the process to translate an IOVA sees it.
struct Request {
  std::uint32_t device_id = 0;
  std::optional<std::uint32_t> process_id{};
  bool privileged = false;  ///< only with a process_id
  AccessType type = AccessType::kUntranslated;
  Original original = Original::kRead;
  Permissions wanted{};
  bool counted = true;  ///< by the performance monitor
  std::uint64_t iova = 0;

  /// What the answer may grant: an ATS completion says W as the page tables have it, asked for or not.
  Permissions offered() const { return {wanted.r, wanted.w || type == AccessType::kAts, wanted.x}; }
};

/// A page-based scheme, of either stage.
struct Scheme {
  unsigned levels = 0;  ///< 0: Bare
  unsigned pte_size = 8;
  unsigned index_bits = 9;
  unsigned address_bits = 0;  ///< without the two more of a second stage
  bool bare() const { return levels == 0; }
};
inline constexpr Scheme kBareScheme{};
inline constexpr Scheme kSv32{2, 4, 10, 32};
inline constexpr Scheme kSv39{3, 8, 9, 39};
inline constexpr Scheme kSv48{4, 8, 9, 48};
inline constexpr Scheme kSv57{5, 8, 9, 57};

/// One stage of address translation for one transaction.
struct Stage {
  Scheme scheme{};
  std::uint64_t root_ppn = 0;
  bool second = false;
  bool hardware_ad = false;  ///< SADE, GADE
  bool big_endian = false;
};

/// "Device-context fields"
struct DeviceContext {
  bool en_ats = false, en_pri = false, t2gpa = false, dtf = false, pdtv = false, prpr = false;
  bool gade = false, sade = false, dpe = false, sbe = false, sxl = false;
  std::uint64_t iohgatp = 0, ta = 0, fsc = 0;
  bool msi_flat = false;  ///< msiptp.MODE
  std::uint64_t msi_ppn = 0, msi_mask = 0, msi_pattern = 0;
};

/// "Process-context fields"
struct ProcessContext {
  bool ens = false, sum = false;
  std::uint32_t pscid = 0;
  std::uint64_t fsc = 0;
};

/// Everything that the stages of one transaction need.
struct Context {
  Request request{};
  DeviceContext dc{};
  Stage first{}, second{};
  bool privileged = false, sum = false;
  std::optional<std::uint32_t> gscid{}, pscid{};  ///< where their stage is not Bare
};

/// How a page was translated by one stage.
struct Leaf {
  std::uint64_t address = 0;  ///< with the offset of the address translated
  std::uint64_t size = 0;     ///< 0: no page, the stage is Bare
  Permissions granted{};      ///< of those wanted
  unsigned pbmt = 0;
  bool global = false;
};

/// What the process to translate an IOVA ends with.
struct Translation {
  std::uint64_t gpa = 0;
  std::uint64_t pa = 0;    ///< MRIF: address of the memory-resident interrupt file
  std::uint64_t size = 0;  ///< bytes around the IOVA that are translated alike
  Permissions granted{};
  unsigned pbmt = 0;
  bool global = false;
  AccessResult::Msi msi = AccessResult::Msi::kNone;
  std::uint32_t nid = 0;
  std::uint64_t notice = 0;
  bool t2gpa = false, dtf = false;  ///< of the device context
};

}  // namespace aperture::tb::model
