// SPDX-License-Identifier: Apache-2.0
#include "tb/replay/trace.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <string>

namespace aperture::tb::replay {
namespace {

using ::testing::UnitTest;

std::string refusal(const std::string& text) {
  const auto trace = Trace::of(text, "t");
  EXPECT_FALSE(trace) << text;
  return trace ? "" : trace.error().what;
}

/// A file of its own for each test.
class TraceFile : public ::testing::Test {
 protected:
  TraceFile() : path(std::filesystem::temp_directory_path() / (UnitTest::GetInstance()->current_test_info()->name())) {
    path += "-" + std::to_string(::getpid()) + ".jsonl.gz";
  }
  ~TraceFile() override { std::filesystem::remove(path); }
  void write(const std::string& text) const {
    gzFile file = gzopen(path.c_str(), "wb");
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())), static_cast<int>(text.size()));
    EXPECT_EQ(gzclose(file), Z_OK);
  }

  std::filesystem::path path;
};

TEST(Trace, BlankLinesAreLeftOutAndCounted) {
  const auto trace = Trace::of("\n{\"op\":\"settle\"}\r\n  \n{\"op\":\"messages\"}", "t");
  ASSERT_TRUE(trace);
  ASSERT_EQ(trace->lines().size(), 2U);
  EXPECT_EQ(trace->place(trace->lines()[1]), "t:4");
}

TEST(Trace, AnErrorNamesLineAndPointer) {
  const std::string what = refusal("{\"op\":\"settle\"}\n{\"op\":\"settle\",\"straps\":{}}\n");
  EXPECT_EQ(what, "t:2: /straps: unknown key");
}

TEST(Trace, EveryDifferentSetOfStrapsIsThereOnce) {
  const auto trace = Trace::of(
      "{\"op\":\"reset\"}\n{\"op\":\"reset\",\"straps\":{\"fctl\":2}}\n{\"op\":\"reset\",\"straps\":{\"fctl\":2}}\n",
      "t");
  ASSERT_TRUE(trace);
  ASSERT_EQ(trace->resets().size(), 2U);
  EXPECT_EQ(trace->resets()[1].first.number, 2U);
  EXPECT_EQ(trace->resets()[1].second.fctl, 2U);
}

TEST_F(TraceFile, ACompressedFileIsRead) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "{\"op\":\"advance\",\"cycles\":" + std::to_string(i) + "}\n";
  write(text);
  const auto trace = Trace::read(path);
  ASSERT_TRUE(trace) << trace.error().what;
  ASSERT_EQ(trace->lines().size(), 20'000U);
  EXPECT_EQ(trace->lines().back().text, "{\"op\":\"advance\",\"cycles\":19999}");
}

TEST_F(TraceFile, ACompressedFileThatEndsTooEarlyIsAnError) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "{\"op\":\"advance\",\"cycles\":" + std::to_string(i * 7919) + "}\n";
  write(text);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  const auto trace = Trace::read(path);
  ASSERT_FALSE(trace);
  EXPECT_EQ(trace.error().code, Code::kEnvironment);
}

TEST_F(TraceFile, AFileThatIsNotThereIsNamed) {
  const auto trace = Trace::read(path);
  ASSERT_FALSE(trace);
  EXPECT_EQ(trace.error().code, Code::kEnvironment);
  EXPECT_NE(trace.error().what.find(path.string()), std::string::npos);
}

}  // namespace
}  // namespace aperture::tb::replay
