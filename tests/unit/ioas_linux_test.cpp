// SPDX-License-Identifier: Apache-2.0
// Where results are not Linux's: docs/use-the-driver.md has the reasons.
#include <gtest/gtest.h>

#include "ioas/host_memory.hpp"
#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"

namespace aperture::ioas {
namespace {

class IoasNotAsLinux : public testing::Test {
 protected:
  MemoryPins pins;
  MemoryDevice nic{"nic", 1, pins, {{}, {{{{0x8000}, {0x8fff}}, Cause::kMsi}}, 64}};
  Platform platform;
  Ioas from{platform};
  Ioas to{platform};
  test::Memory memory{16 * kPageSize};
};

TEST_F(IoasNotAsLinux, ReplaceIsRefusedForWhatTheDeviceReservesBeforeMemoryIsPinned) {
  pins.set_hole(memory.bytes(0, kPageSize));
  ASSERT_TRUE(from.attach(nic));
  ASSERT_TRUE(to.map(memory.at(kPageSize), kPageSize, Prot::kRead, Iova{0x7000}));
  ASSERT_TRUE(to.map(memory.data(), kPageSize, Prot::kRead, Iova{0x8000}));
  const auto probed = to.probe_attach(nic);
  ASSERT_FALSE(probed);
  EXPECT_EQ(probed.error().number, EADDRINUSE);
  EXPECT_EQ(to.replace(nic).error().number, EADDRINUSE);
  EXPECT_EQ(pins.pinned_bytes(), 0U);
  ASSERT_TRUE(to.unmap({0x8000}, kPageSize));
  ASSERT_TRUE(to.map(memory.data(), kPageSize, Prot::kRead, Iova{0x9000}));
  EXPECT_EQ(to.replace(nic).error().number, EFAULT);
  EXPECT_EQ(pins.pinned_bytes(), 0U);
}

TEST_F(IoasNotAsLinux, MemoryOfAMapIsPinnedAsAWholeWhateverIsCopiedOfIt) {
  ASSERT_TRUE(to.attach(nic));
  ASSERT_TRUE(from.map(memory.data(), 16 * kPageSize, Prot::kRead, Iova{0x10000}));
  EXPECT_EQ(pins.pinned_bytes(), 0U);
  ASSERT_TRUE(to.copy(from, {0x12000}, kPageSize, Prot::kRead, Iova{0x1000}));
  EXPECT_EQ(pins.pinned_bytes(), 16 * kPageSize);
  ASSERT_TRUE(to.unmap({0x1000}, kPageSize));
  EXPECT_EQ(pins.pinned_bytes(), 0U);
  pins.set_hole(memory.bytes(0, kPageSize));
  EXPECT_EQ(to.copy(from, {0x12000}, kPageSize, Prot::kRead, Iova{0x1000}).error().number, EFAULT);
}

}  // namespace
}  // namespace aperture::ioas
