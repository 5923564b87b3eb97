// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tb/card/pins.hpp"

namespace aperture::tb {

/// The pins of the last cycles, for failure reports.
class History {
 public:
  explicit History(unsigned cycles) : ring_(cycles) {}

  void add(const Pins& pins, std::uint64_t cycle);
  /// One line a cycle and active channel: cycle, port, channel, "VR" (VALID, READY), payload.
  std::string text() const;
  bool save(const std::filesystem::path& file) const;

 private:
  struct Entry {
    std::uint64_t cycle{};
    Pins pins{};
  };
  std::vector<Entry> ring_;
  std::uint64_t count_ = 0;
};

}  // namespace aperture::tb
