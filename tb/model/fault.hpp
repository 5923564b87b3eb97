// SPDX-License-Identifier: Apache-2.0
#pragma once

// What stops a translation. RISC-V IOMMU, chapter "In-memory queue interface", section "Fault/Event-Queue", and chapter
// "Data Structures", section "PCIe ATS translation request handling".

#include <array>
#include <cstdint>
#include <expected>

#include "tb/bus_card.hpp"

namespace aperture::tb::model {

enum class Cause : std::uint16_t {
  kInstructionAccessFault = 1,
  kReadAccessFault = 5,
  kWriteAccessFault = 7,
  kInstructionPageFault = 12,
  kReadPageFault = 13,
  kWritePageFault = 15,
  kInstructionGuestPageFault = 20,
  kReadGuestPageFault = 21,
  kWriteGuestPageFault = 23,
  kAllInboundDisallowed = 256,
  kDdtLoadAccessFault = 257,
  kDdtNotValid = 258,
  kDdtMisconfigured = 259,
  kTransactionTypeDisallowed = 260,
  kMsiPteLoadAccessFault = 261,
  kMsiPteNotValid = 262,
  kMsiPteMisconfigured = 263,
  kMrifAccessFault = 264,
  kPdtLoadAccessFault = 265,
  kPdtNotValid = 266,
  kPdtMisconfigured = 267,
  kDdtDataCorruption = 268,
  kPdtDataCorruption = 269,
  kMsiPtDataCorruption = 270,
  kMrifDataCorruption = 271,
  kMsiWriteAccessFault = 273,
  kPtDataCorruption = 274
};

struct CauseRow {
  Cause cause;
  bool silenced_by_dtf;   ///< column "Reported if DTF is 1?" is "No"
  AtsResult::Status ats;  ///< answer to an ATS translation request; success means R = W = 0 and no record
};

inline constexpr auto kSuccess = AtsResult::Status::kSuccess;
inline constexpr auto kUr = AtsResult::Status::kUnsupportedRequest;
inline constexpr auto kCa = AtsResult::Status::kCompleterAbort;

// The answers to the data corruptions are those of "Reliability, Availability, and Serviceability".
inline constexpr std::array<CauseRow, 27> kCauses{{
    {Cause::kInstructionAccessFault, true, kCa},
    {Cause::kReadAccessFault, true, kCa},
    {Cause::kWriteAccessFault, true, kCa},
    {Cause::kInstructionPageFault, true, kSuccess},
    {Cause::kReadPageFault, true, kSuccess},
    {Cause::kWritePageFault, true, kSuccess},
    {Cause::kInstructionGuestPageFault, true, kSuccess},
    {Cause::kReadGuestPageFault, true, kSuccess},
    {Cause::kWriteGuestPageFault, true, kSuccess},
    {Cause::kAllInboundDisallowed, false, kUr},
    {Cause::kDdtLoadAccessFault, false, kUr},
    {Cause::kDdtNotValid, false, kUr},
    {Cause::kDdtMisconfigured, false, kUr},
    {Cause::kTransactionTypeDisallowed, true, kUr},
    {Cause::kMsiPteLoadAccessFault, true, kCa},
    {Cause::kMsiPteNotValid, true, kSuccess},
    {Cause::kMsiPteMisconfigured, true, kCa},
    {Cause::kMrifAccessFault, true, kCa},
    {Cause::kPdtLoadAccessFault, true, kCa},
    {Cause::kPdtNotValid, true, kSuccess},
    {Cause::kPdtMisconfigured, true, kCa},
    {Cause::kDdtDataCorruption, false, kCa},
    {Cause::kPdtDataCorruption, true, kCa},
    {Cause::kMsiPtDataCorruption, true, kCa},
    {Cause::kMrifDataCorruption, true, kCa},
    {Cause::kMsiWriteAccessFault, false, kCa},
    {Cause::kPtDataCorruption, true, kCa},
}};

constexpr const CauseRow& row(Cause cause) {
  for (const CauseRow& r : kCauses) {
    if (r.cause == cause) return r;
  }
  return kCauses.front();
}

struct Fault {
  Cause cause{};
  std::uint64_t iotval2 = 0;
  bool dtf = false;  ///< DC.tc.DTF of the device context; 0 while none was located
};

template <typename T>
using Outcome = std::expected<T, Fault>;

/// "stop and report"
inline std::unexpected<Fault> stop(Cause cause, std::uint64_t iotval2 = 0) {
  return std::unexpected(Fault{cause, iotval2, false});
}

/// The original access type of a transaction, after which its faults are named.
enum class Original : std::uint8_t { kRead, kWrite, kExecute };

constexpr Cause access_fault(Original type) {
  switch (type) {
    case Original::kExecute:
      return Cause::kInstructionAccessFault;
    case Original::kWrite:
      return Cause::kWriteAccessFault;
    case Original::kRead:
      break;
  }
  return Cause::kReadAccessFault;
}
constexpr Cause page_fault(Original type) {
  switch (type) {
    case Original::kExecute:
      return Cause::kInstructionPageFault;
    case Original::kWrite:
      return Cause::kWritePageFault;
    case Original::kRead:
      break;
  }
  return Cause::kReadPageFault;
}
constexpr Cause guest_page_fault(Original type) {
  switch (type) {
    case Original::kExecute:
      return Cause::kInstructionGuestPageFault;
    case Original::kWrite:
      return Cause::kWriteGuestPageFault;
    case Original::kRead:
      break;
  }
  return Cause::kReadGuestPageFault;
}

}  // namespace aperture::tb::model
