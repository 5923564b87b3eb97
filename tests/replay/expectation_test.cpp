// SPDX-License-Identifier: Apache-2.0
#include "tb/replay/expectation.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tb/replay/parse.hpp"

namespace aperture::tb::replay {
namespace {

/// Places of the mismatches, each followed by a space.
std::string mismatches(std::string_view line, const char* result) {
  const auto operation = parse(line);
  EXPECT_TRUE(operation && operation->expect) << line;
  if (!operation || !operation->expect) return "no trace";
  std::string places;
  for (const Mismatch& m : compare(operation->action, *operation->expect, Json::parse(result))) places += m.place + " ";
  return places;
}

std::string access(const std::string& expect, const char* result) {
  return mismatches(R"({"op":"translate","device_id":1,"iova":"0x5123","len":1,"expect":)" + expect + "}", result);
}

std::string ats(const std::string& expect, const char* result) {
  return mismatches(R"({"op":"translate","device_id":1,"iova":"0x205000","type":"ats","expect":)" + expect + "}",
                    result);
}

constexpr const char* kGranted = R"({"status":"ok","pa":"0x9123","pbmt":0,"memory":"ok","data":"ab"})";

TEST(Expectation, IsASubset) {
  EXPECT_EQ(access(R"({"status":"ok"})", kGranted), "");
  EXPECT_EQ(access("{}", kGranted), "");
}

TEST(Expectation, NumbersAreComparedByValue) {
  EXPECT_EQ(access(R"({"pa":37155})", kGranted), "");
  EXPECT_EQ(access(R"({"pa":"0x09123"})", kGranted), "");
  EXPECT_EQ(access(R"({"pa":"0x9124"})", kGranted), "/pa ");
}

TEST(Expectation, BytesAreComparedWithoutRegardToCase) {
  EXPECT_EQ(access(R"({"data":"AB"})", kGranted), "");
  EXPECT_EQ(access(R"({"data":"AC"})", kGranted), "/data ");
  EXPECT_EQ(access(R"({"data":"ab00"})", kGranted), "/data ");
}

TEST(Expectation, NullMeansAbsent) {
  EXPECT_EQ(access(R"({"msi":null})", kGranted), "");
  EXPECT_EQ(access(R"({"data":null})", kGranted), "/data ");
}

TEST(Expectation, WhatIsNotThereIsAMismatch) {
  EXPECT_EQ(access(R"({"msi":"flat"})", kGranted), "/msi ");
  EXPECT_EQ(access(R"({"status":"ok","pa":1})", R"({"status":"abort"})"), "/status /pa ");
}

TEST(Expectation, AMaskSaysWhichBitsAreCompared) {
  EXPECT_EQ(mismatches(R"({"op":"reg_read","offset":0,"size":4,"expect":{"value":"0xa5","mask":"0xf0"}})",
                       R"({"value":"0xaf"})"),
            "");
  EXPECT_EQ(mismatches(R"({"op":"reg_read","offset":0,"size":4,"expect":{"value":"0xa5","mask":"0x0f"}})",
                       R"({"value":"0xaf"})"),
            "/value ");
  EXPECT_EQ(
      mismatches(R"({"op":"mem_read","addr":0,"len":2,"expect":{"data":"12ff","mask":"ff00"}})", R"({"data":"1200"})"),
      "");
  EXPECT_EQ(
      mismatches(R"({"op":"mem_read","addr":0,"len":2,"expect":{"data":"12ff","mask":"ff01"}})", R"({"data":"1200"})"),
      "/data ");
}

TEST(Expectation, ListsAreComparedElementByElementAtEqualLength) {
  const std::string line = R"({"op":"messages","expect":{"msis":[{"addr":16},{"addr":32,"data":"01"}]}})";
  EXPECT_EQ(mismatches(line, R"({"msis":[{"addr":"0x10","data":"00"},{"addr":"0x20","data":"01"}]})"), "");
  EXPECT_EQ(mismatches(line, R"({"msis":[{"addr":"0x10","data":"00"},{"addr":"0x20","data":"02"}]})"), "/msis/1/data ");
  EXPECT_EQ(mismatches(line, R"({"msis":[{"addr":"0x10","data":"00"}]})"), "/msis ");
}

TEST(Expectation, AnAtsBlockMayBeSmallerThanExpectedWhereItLeadsToTheSamePlace) {
  const std::string expect = R"({"status":"ok","pa":"0x40000000","size":"0x200000"})";
  EXPECT_EQ(ats(expect, R"({"status":"ok","pa":"0x40000000","size":"0x200000"})"), "");
  EXPECT_EQ(ats(expect, R"({"status":"ok","pa":"0x40005000","size":"0x1000"})"), "");
  EXPECT_EQ(ats(expect, R"({"status":"ok","pa":"0x40000000","size":"0x10000"})"), "");
  EXPECT_EQ(ats(expect, R"({"status":"ok","pa":"0x40006000","size":"0x1000"})"), "/pa /size ");
  EXPECT_EQ(ats(expect, R"({"status":"ok","pa":"0x40000000","size":"0x400000"})"), "/size ");
}

TEST(Expectation, AnAtsAddressAloneIsComparedAsItIs) {
  EXPECT_EQ(ats(R"({"pa":"0x40000000"})", R"({"status":"ok","pa":"0x40005000","size":"0x1000"})"), "/pa ");
}

}  // namespace
}  // namespace aperture::tb::replay
