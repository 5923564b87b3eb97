// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <utility>

namespace aperture {

/// What went wrong, for programs. The errno beside it is the one that Linux's iommufd gives where it has the same call.
enum class Code {
  kInvalid,      ///< an argument makes no sense
  kNotFound,     ///< names something that is not there
  kExists,       ///< overlaps or repeats something that is there
  kNoSpace,      ///< no room in an address space, a ring or a queue
  kNoMemory,     ///< host memory, locked-memory limit
  kInUse,        ///< refused because something needs what would be taken away
  kUnsupported,  ///< this card, kernel or transport cannot
  kPermission,   ///< not allowed
  kFault,        ///< an access was refused by memory or by the IOMMU
  kStale,        ///< a generation given is not the current one
  kCardIdle,     ///< the card went idle and what was waited for had not happened
  kTimedOut,     ///< the card's cycles ran out while waiting
  kCardDead,     ///< the card no longer answers, or its clock stands still while busy
  kEnvironment,  ///< the machine lacks something: device, module, file
};

/// An error a person can act on: `what` is one sentence that names the object and, where there is one, the remedy.
struct Error {
  Code code{};
  int number{};  ///< errno, e.g. EADDRINUSE
  std::string what;
};

template <typename T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, int number, std::string what) {
  return std::unexpected(Error{code, number, std::move(what)});
}

}  // namespace aperture
