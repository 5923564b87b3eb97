// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "ioas/edit.hpp"
#include "run/arguments.hpp"
#include "run/world.hpp"

namespace aperture::sw::run {

/// A step that is a change of address spaces: alone, or with others in a transaction.
struct EditStep {
  std::string_view name;
  /// The edits it comes to; mostly one. May make what the step declares, for undo() to take away.
  ioas::Outcome<> (*edits)(World& world, const Arguments& step, std::vector<ioas::Edit>& out);
  /// What happened, after all edits were applied.
  void (*show)(World& world, const Arguments& step, std::span<const ioas::Effect> effects, Json& result);
  /// Takes away what edits() made, as the change was refused.
  void (*undo)(World& world, const Arguments& step);
};

/// Null: the step is none.
const EditStep* find_edit_step(std::string_view name);

// Tables of the files edits_*.cpp.
std::span<const EditStep> map_steps();
std::span<const EditStep> window_steps();
std::span<const EditStep> device_steps();
std::span<const EditStep> space_steps();

}  // namespace aperture::sw::run
