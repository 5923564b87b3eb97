// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"
#include "ioas/cause.hpp"

namespace aperture::ioas {

/// What stands in the way of a window or a map.
struct Blocker {
  IovaRange range;
  Cause cause{};
  std::string device;     ///< whose it is; empty if no device's
  std::uint64_t since{};  ///< generation that it came with
  bool operator==(const Blocker&) const = default;
};

/// What would work instead.
struct Alternative {
  enum class Kind : std::uint8_t { kBase, kSize, kGranule, kMode, kStage, kDetach };
  Kind kind{};
  IovaRange range;                   ///< where the window would be
  std::uint64_t granule{};           ///< kGranule
  std::string format;                ///< kMode, kStage
  std::vector<std::string> devices;  ///< kDetach
};

enum class Verdict : std::uint8_t { kFits, kBlocked, kProvisional };

struct WindowReport {
  std::string name;
  Verdict verdict{};
  IovaRange range;
  std::vector<Blocker> blockers;
  std::vector<Alternative> alternatives;  ///< nearest first
};

/// What a change does, or would do, to the windows and ranges of an IOAS. When it is refused, `after` is what it would
/// have been.
struct Report {
  std::string subject;  ///< "attach nic1", "require": what was asked for
  std::string reason;   ///< one sentence, when it is refused
  bool ok{};
  std::uint64_t generation{};
  std::vector<IovaRange> ranges_before;
  std::vector<IovaRange> ranges_after;
  std::uint64_t alignment_before{1};
  std::uint64_t alignment_after{1};
  std::vector<WindowReport> windows;
  std::vector<Blocker> maps_blocked;    ///< range = the map's; cause, device, since = of what would cover it
  std::vector<std::string> detach_set;  ///< devices without which the change would succeed
  std::string format;                   ///< page-table format of the attached device, and the depth of its walk
  unsigned levels{};                    ///< 0: not known
};

/// For people: at most 6 lines of 100 columns, then the alternatives, one a line.
std::string to_text(const Report& report);
/// For programs: the document that scenarios and tools show.
nlohmann::json to_json(const Report& report);

class Ioas;

/// Why a call of the IOAS layer was refused: Linux's errno where Linux has the call, a sentence, and the report.
struct Refusal : Error {
  std::shared_ptr<const Report> report;  ///< never null; on the IOAS that refused
  const Ioas* ioas{};                    ///< which that is: of a mirror the member; null if it was none of them
  std::size_t edit{};                    ///< of a change: which of its edits, counted from 0
};

/// Nothing has changed when it holds a Refusal, except where EIO says that the card is lost.
template <typename T = void>
using Outcome = std::expected<T, Refusal>;

}  // namespace aperture::ioas
