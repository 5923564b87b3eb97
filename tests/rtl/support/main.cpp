// SPDX-License-Identifier: Apache-2.0
// main() of tests that drive one module without the bench.
#include <gtest/gtest.h>

#include <cstdio>

#include "support/seed.hpp"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!GTEST_FLAG_GET(list_tests)) std::printf("seed %llu\n", static_cast<unsigned long long>(aperture::test::seed()));
  return RUN_ALL_TESTS();
}
