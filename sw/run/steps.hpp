// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "run/arguments.hpp"
#include "run/world.hpp"

namespace aperture::sw::run {

/// A step that is no change of address spaces.
struct PlainStep {
  std::string_view name;
  /// Its result; without `errno` it is ok.
  ioas::Outcome<Json> (*run)(World& world, const Arguments& step);
};

/// Null: the step is none.
const PlainStep* find_plain_step(std::string_view name);

// Tables of the files steps_*.cpp and dma.cpp.
std::span<const PlainStep> memory_steps();
std::span<const PlainStep> query_steps();
std::span<const PlainStep> hardware_steps();
std::span<const PlainStep> dma_steps();

/// "EINVAL"; "ok" for 0.
std::string errno_name(int number);
/// errno and report.
Json refused(const ioas::Refusal& refusal);

}  // namespace aperture::sw::run
