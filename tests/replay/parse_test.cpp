// SPDX-License-Identifier: Apache-2.0
#include "tb/replay/parse.hpp"

#include <gtest/gtest.h>

#include <string>

namespace aperture::tb::replay {
namespace {

Operation good(std::string_view line) {
  auto operation = parse(line);
  EXPECT_TRUE(operation) << line << ": " << (operation ? "" : operation.error().pointer + " " + operation.error().what);
  return operation ? *operation : Operation{};
}

/// The JSON pointer of the complaint.
std::string wrong_at(std::string_view line) {
  const auto operation = parse(line);
  EXPECT_FALSE(operation) << line;
  return operation ? "nothing wrong" : operation.error().pointer;
}

template <typename T>
T as(std::string_view line) {
  const Operation operation = good(line);
  const T* action = std::get_if<T>(&operation.action);
  EXPECT_NE(action, nullptr) << line;
  return action == nullptr ? T{} : *action;
}

TEST(Parse, NumbersAreNumbersOrHexadecimalStrings) {
  EXPECT_EQ(as<MemRead>(R"({"op":"mem_read","addr":4096,"len":"0x10"})").address, 4096U);
  EXPECT_EQ(as<MemRead>(R"({"op":"mem_read","addr":"0xAbC","len":1})").address, 0xabcU);
}

TEST(Parse, NumbersReachToTheLast64BitValue) {
  constexpr std::uint64_t kLast = ~std::uint64_t{0};
  EXPECT_EQ(as<RegWrite>(R"({"op":"reg_write","offset":16,"size":8,"value":18446744073709551615})").value, kLast);
  EXPECT_EQ(as<RegWrite>(R"({"op":"reg_write","offset":16,"size":8,"value":"0xffffffffffffffff"})").value, kLast);
  EXPECT_EQ(wrong_at(R"({"op":"reg_write","offset":16,"size":8,"value":18446744073709551616})"), "/value");
  EXPECT_EQ(wrong_at(R"({"op":"reg_write","offset":16,"size":8,"value":"0x10000000000000000"})"), "/value");
}

TEST(Parse, WhatIsNoUnsignedNumberIsNamed) {
  for (const char* value : {"-1", "1.0", "1e3", "true", "null", R"("12")", R"("0x")", R"("0xg")", R"("0x1 ")", "[1]"}) {
    EXPECT_EQ(wrong_at(R"({"op":"advance","cycles":)" + std::string(value) + "}"), "/cycles") << value;
  }
}

TEST(Parse, AMissingKeyIsNamed) {
  EXPECT_EQ(wrong_at(R"({"op":"mem_read","addr":0})"), "/len");
  EXPECT_EQ(wrong_at(R"({"addr":0})"), "/op");
}

TEST(Parse, AnUnknownKeyIsNamedWithItsPointer) {
  EXPECT_EQ(wrong_at(R"({"op":"settle","a/b~c":1})"), "/a~1b~0c");
  EXPECT_EQ(wrong_at(R"({"op":"reset","straps":{"fctl":0,"width":64}})"), "/straps/width");
  EXPECT_EQ(wrong_at(R"({"op":"messages","expect":{"msis":[{"addr":1},{"address":1}]}})"), "/expect/msis/1/address");
}

TEST(Parse, AnUnknownOperationIsNamed) { EXPECT_EQ(wrong_at(R"({"op":"frobnicate"})"), "/op"); }

TEST(Parse, AKeyThatIsThereTwiceIsNamed) {
  EXPECT_EQ(wrong_at(R"({"op":"advance","cycles":1,"cycles":2})"), "/cycles");
}

TEST(Parse, ALineIsOneObject) {
  EXPECT_EQ(wrong_at("[]"), "");
  EXPECT_EQ(wrong_at(R"({"op":"settle"} {"op":"settle"})"), "");
  EXPECT_EQ(wrong_at(R"({"op":"settle")"), "");
}

TEST(Parse, StrapsAreThoseOfTheCard) {
  const Straps straps =
      as<Reset>(R"({"op":"reset","straps":{"capabilities":"0x3820000e10","reset_mode":"bare","vectors_log2":1}})")
          .straps;
  EXPECT_EQ(straps.capabilities, 0x38'2000'0e10U);
  EXPECT_TRUE(straps.reset_bare);
  EXPECT_EQ(straps.vectors_log2, 1U);
  EXPECT_EQ(straps.ddt_levels_max, Straps{}.ddt_levels_max);
}

TEST(Parse, AStrapWithAWrongValueIsNamed) {
  EXPECT_EQ(wrong_at(R"({"op":"reset","straps":{"ddt_levels_max":4}})"), "/straps/ddt_levels_max");
  EXPECT_EQ(wrong_at(R"({"op":"reset","straps":{"reset_mode":"on"}})"), "/straps/reset_mode");
  EXPECT_EQ(wrong_at(R"({"op":"reset","straps":[]})"), "/straps");
}

TEST(Parse, AnAccessHasItsDefaults) {
  const DeviceAccess access = as<Translate>(R"({"op":"translate","device_id":5,"iova":"0x1000"})").access;
  EXPECT_EQ(access.device_id, 5U);
  EXPECT_FALSE(access.process_id);
  EXPECT_FALSE(access.privileged || access.exec || access.write);
  EXPECT_EQ(access.type, AccessType::kUntranslated);
  EXPECT_EQ(access.length, 8U);
  EXPECT_FALSE(access.data);
}

TEST(Parse, AWriteIsAsLongAsItsData) {
  const DeviceAccess access =
      as<Translate>(R"({"op":"translate","device_id":5,"iova":0,"write":true,"data":"aAbB01"})").access;
  EXPECT_EQ(access.length, 3U);
  EXPECT_EQ(access.data, (std::vector{std::byte{0xaa}, std::byte{0xbb}, std::byte{1}}));
  EXPECT_EQ(wrong_at(R"({"op":"translate","device_id":5,"iova":0,"write":true,"data":"aabb","len":3})"), "/len");
}

TEST(Parse, AWriteWithoutDataHasNoByteEnables) {
  const DeviceAccess access =
      as<Translate>(R"({"op":"translate","device_id":5,"iova":0,"write":true,"len":16})").access;
  EXPECT_EQ(access.length, 16U);
  EXPECT_FALSE(access.data);
}

TEST(Parse, ImpossibleCombinationsAreNamed) {
  EXPECT_EQ(wrong_at(R"({"op":"translate","device_id":5,"iova":0,"data":"00"})"), "/data");
  EXPECT_EQ(wrong_at(R"({"op":"translate","device_id":5,"iova":0,"write":true,"exec":true})"), "/exec");
  EXPECT_EQ(wrong_at(R"({"op":"translate","device_id":5,"iova":4095,"len":2})"), "/len");
  EXPECT_EQ(wrong_at(R"({"op":"translate","device_id":5,"iova":4089})"), "/iova");
  EXPECT_EQ(wrong_at(R"({"op":"translate","device_id":5,"iova":0,"len":0})"), "/len");
  EXPECT_EQ(wrong_at(R"({"op":"translate","device_id":5,"iova":0,"type":"ats","len":8})"), "/len");
  EXPECT_EQ(wrong_at(R"({"op":"reg_read","offset":0,"size":2})"), "/size");
}

TEST(Parse, AnAtsRequestMayAskToWriteAndToExecute) {
  EXPECT_TRUE(
      as<Translate>(R"({"op":"translate","device_id":5,"iova":0,"type":"ats","write":true,"exec":true})").access.exec);
}

TEST(Parse, WhatNoCardCanBeGivenIsAMatterOfTheStep) {
  for (const char* line : {R"({"op":"translate","device_id":"0x1000000","iova":0})",
                           R"({"op":"translate","device_id":0,"process_id":"0x100000","iova":0})",
                           R"({"op":"reg_read","offset":4096,"size":4})", R"({"op":"reg_read","offset":4,"size":8})",
                           R"({"op":"reg_write","offset":4,"size":4,"value":"0x100000000"})",
                           R"({"op":"mem_read","addr":"0x100000000000000","len":1})",
                           R"({"op":"mem_fault","addr":0,"len":0,"kind":"none"})",
                           R"({"op":"complete_invalidation","device_id":0,"itag_vector":1,"cc":8})"}) {
    EXPECT_TRUE(good(line).senseless) << line;
  }
  EXPECT_FALSE(good(R"({"op":"mem_read","addr":"0xffffffffffffff","len":1})").senseless);
}

TEST(Parse, ExpectationsAreCheckedForTheirForm) {
  EXPECT_EQ(wrong_at(R"({"op":"translate","device_id":5,"iova":0,"expect":{"status":"ur"}})"), "/expect/status");
  EXPECT_EQ(wrong_at(R"({"op":"translate","device_id":5,"iova":0,"type":"ats","expect":{"status":"abort"}})"),
            "/expect/status");
  EXPECT_EQ(wrong_at(R"({"op":"translate","device_id":5,"iova":0,"expect":{"data":"0"}})"), "/expect/data");
  EXPECT_EQ(wrong_at(R"({"op":"mem_read","addr":0,"len":2,"expect":{"data":"0000","mask":"ff"}})"), "/expect/mask");
  EXPECT_EQ(wrong_at(R"({"op":"mem_read","addr":0,"len":2,"expect":{"mask":"ffff"}})"), "/expect/mask");
  EXPECT_EQ(wrong_at(R"({"op":"settle","expect":{"quiet":1}})"), "/expect/quiet");
  EXPECT_EQ(wrong_at(R"({"op":"settle","expect":[]})"), "/expect");
  EXPECT_EQ(wrong_at(R"({"op":"advance","cycles":1,"expect":{"cycles":1}})"), "/expect/cycles");
  EXPECT_TRUE(good(R"({"op":"translate","device_id":5,"iova":0,"expect":{"status":"abort","pa":null}})").expect);
}

TEST(Parse, ACommentIsText) {
  good(R"({"op":"settle","comment":"why"})");
  EXPECT_EQ(wrong_at(R"({"op":"settle","comment":1})"), "/comment");
}

}  // namespace
}  // namespace aperture::tb::replay
