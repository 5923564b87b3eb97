// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ioas/linux_model.hpp"
#include "ioas/memory_domain.hpp"
#include "ioas/operations.hpp"

namespace aperture::ioas::test {

/// Pins up to a limit, as RLIMIT_MEMLOCK does: ENOMEM beyond it.
class LimitedPins : public MemoryPins {
 public:
  explicit LimitedPins(std::uint64_t limit) : limit_(limit) {}
  Result<std::unique_ptr<Residency>> pin(const Pages& pages) override;

 private:
  std::uint64_t limit_;
};

/// The same machine twice: devices of many kinds in front of the IOAS layer, and the model of Linux with their
/// description. A call is played on both.
class ModelWorld {
 public:
  static unsigned device_count();
  ModelWorld();

  struct Step {
    Answer layer;
    LinuxModel::Step linux;
  };
  Step play(const Operation& operation) { return {machine_.play(operation), model_.play(operation)}; }
  /// How the two differ now: ranges, alignment, allow lists, maps, attachments, what devices reach, what is pinned.
  /// Empty: not at all.
  std::string difference();

 private:
  std::string space_difference(unsigned space);
  std::string device_difference(unsigned device);
  std::string reach_difference(unsigned device, std::uint64_t first, const LinuxModel::Area& area);

  std::vector<std::unique_ptr<LimitedPins>> pins_;
  std::vector<std::unique_ptr<MemoryDevice>> devices_;
  Platform platform_;
  Machine machine_;
  LinuxModel model_;
};

}  // namespace aperture::ioas::test
