// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "host_memory.hpp"
#include "ioas/ioas.hpp"
#include "world.hpp"

namespace aperture::ioas::test {

constexpr std::uint64_t kPage = kPageSize;

class IoasConformance : public testing::TestWithParam<WorldKind> {
 protected:
  void SetUp() override {
    if (const std::string lack = world->lacks(); !lack.empty()) GTEST_SKIP() << lack;
  }
  bool reads(Device& device, Iova iova) {
    std::array<std::byte, 8> word{};
    return world->read(device, iova, word);
  }

  std::unique_ptr<World> world = GetParam().make();
  Platform& platform = world->platform();
  Memory memory{64 * kPage};
};

}  // namespace aperture::ioas::test
