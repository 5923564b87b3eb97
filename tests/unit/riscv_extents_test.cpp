// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "riscv/extent_index.hpp"

namespace aperture::riscv {
namespace {

TEST(ExtentIndex, FindsEveryPlaceWhereAWalkFromTheBeginningDoes) {
  const std::vector<card::BusExtent> extents{
      {{0x5000}, 0x1000}, {{0x9000}, 0x3000}, {{0x1000}, 0x1000}, {{0x100000}, 0x200000}};
  const ExtentIndex index(extents);
  for (std::uint64_t offset = 0; offset < 0x205000; offset += 0x800) {
    const ExtentCursor walked(extents, offset);
    const ExtentCursor found = index.at(offset);
    ASSERT_EQ(found.address().value, walked.address().value) << offset;
    ASSERT_EQ(found.run(), walked.run()) << offset;
  }
  ExtentCursor on = index.at(0x800);
  on.advance(0x1000);
  EXPECT_EQ(on.address().value, 0x9800U);
}

}  // namespace
}  // namespace aperture::riscv
