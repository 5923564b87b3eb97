// SPDX-License-Identifier: Apache-2.0
// main() of test programs that simulate: what goes wrong in the simulation fails the running test, and every failure
// names the seed that reproduces it and the file with the last cycles.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "support/seed.hpp"
#include "tb/bench.hpp"
#include "tb/kernel/report.hpp"

// SystemC's library asks for it; simulation is started from the bench instead.
extern "C" int sc_main(int, char**) { return 0; }

namespace {

class FailureReport final : public ::testing::EmptyTestEventListener {
  void OnTestEnd(const ::testing::TestInfo& info) override {
    if (!info.result()->Failed()) return;
    std::printf("seed %llu reproduces this\n", static_cast<unsigned long long>(aperture::test::seed()));
    const aperture::tb::Bench* bench = aperture::tb::Bench::instance();
    if (bench == nullptr) return;
    const std::string file = std::string("failure-") + info.test_suite_name() + "." + info.name() + ".txt";
    std::string safe = file;
    for (char& c : safe) c = c == '/' ? '_' : c;
    if (std::ofstream out(safe); out << bench->history()) std::printf("the last cycles are in %s\n", safe.c_str());
  }
};

bool only_lists(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--gtest_list_tests") == 0) return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const bool lists = only_lists(argc, argv);
  if (!lists) std::printf("seed %llu\n", static_cast<unsigned long long>(aperture::test::seed()));
  ::testing::InitGoogleTest(&argc, argv);
  if (!lists) {
    ::testing::UnitTest::GetInstance()->listeners().Append(new FailureReport);
    aperture::tb::set_failure_hook([](const std::string& text) { ADD_FAILURE() << text; });
  }
  return RUN_ALL_TESTS();
}
