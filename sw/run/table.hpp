// SPDX-License-Identifier: Apache-2.0
#pragma once

// The scenario format as tables: what may stand in a file and what results may be expected. Parser and JSON Schema come
// from here.

#include <cstdint>
#include <span>
#include <string_view>

#include "formats/expectation.hpp"

namespace aperture::sw::run {

enum class Type : std::uint8_t {
  kNumber,
  kFlag,
  kText,
  kTexts,     ///< list of strings
  kWord,      ///< one of `words`, each between spaces
  kProt,      ///< "r", "w", "rw", ""
  kBytes,     ///< hexadecimal digits, at least one byte where `required`
  kRanges,    ///< list of [first, last]
  kAperture,  ///< [first, last], or a list of such pairs
  kObject,    ///< of `members`
  kObjects,   ///< list of such
  kDomain,    ///< "riscv", "host" or an object of `members`
  kStraps,    ///< object of the card's straps
  kName,      ///< of something that stands elsewhere in the file
  kNames,     ///< list of such
  kNewName,   ///< here something is declared
  kSteps,     ///< list of steps that may be part of a transaction
  kExpect     ///< an errno, or an object of the results of the step
};

/// What has a name. Names of different kinds are different things.
enum class Named : std::uint8_t { kNothing, kDevice, kIoas, kMemory, kMirror, kProjection, kWindow, kNest };

struct Field {
  std::string_view name;
  Type type;
  bool required{};
  std::string_view words{};
  std::span<const Field> members{};
  Named named{};
};

struct StepKind {
  std::string_view name;
  std::span<const Field> fields;            ///< beside `step`, `expect`, `comment`, `tags`
  std::span<const formats::Key> results{};  ///< what may be expected
  bool in_transaction{};                    ///< may be part of one
};

/// All steps, in the order of docs/scenarios.md.
std::span<const StepKind> step_kinds();
/// Null: there is none of that name.
const StepKind* find_step(std::string_view name);

/// A whole scenario, but for its steps.
std::span<const Field> scenario_fields();
/// What every step has.
std::span<const Field> common_fields();

}  // namespace aperture::sw::run
