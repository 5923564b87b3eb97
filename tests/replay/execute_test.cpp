// SPDX-License-Identifier: Apache-2.0
#include "tb/replay/execute.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tb/model/model.hpp"
#include "tb/replay/parse.hpp"

namespace aperture::tb::replay {
namespace {

class Execute : public ::testing::Test {
 protected:
  Result<Json> run(std::string_view line) {
    const auto operation = parse(line);
    EXPECT_TRUE(operation) << line;
    return execute(*card, operation ? *operation : Operation{});
  }
  /// The result as text.
  std::string result(std::string_view line) {
    const auto json = run(line);
    EXPECT_TRUE(json) << line;
    return json ? json->dump() : json.error().what;
  }
  void bare() {
    result(R"({"op":"reg_write","offset":16,"size":8,"value":1})");
    result(R"({"op":"settle"})");
  }

  std::unique_ptr<BusCard> card = model::make_model();
};

TEST_F(Execute, MemoryHoldsWhatWasWritten) {
  EXPECT_EQ(result(R"({"op":"mem_write","addr":"0xffe","data":"0a0B0c"})"), "null");
  EXPECT_EQ(result(R"({"op":"mem_read","addr":"0xffd","len":5})"), R"({"data":"000a0b0c00"})");
}

TEST_F(Execute, AnAccessSaysWhereItWent) {
  bare();
  result(R"({"op":"mem_write","addr":"0x1000","data":"0102"})");
  EXPECT_EQ(result(R"({"op":"translate","device_id":1,"iova":"0x1000","len":2})"),
            R"({"status":"ok","pa":"0x1000","pbmt":0,"memory":"ok","data":"0102"})");
}

TEST_F(Execute, ARefusedAccessSaysNothingElse) {
  EXPECT_EQ(result(R"({"op":"translate","device_id":1,"iova":"0x1000"})"), R"({"status":"abort"})");
}

TEST_F(Execute, AnAccessThatMemoryRefusesHasNoData) {
  bare();
  result(R"({"op":"mem_fault","addr":"0x1001","len":1,"kind":"error"})");
  EXPECT_EQ(result(R"({"op":"translate","device_id":1,"iova":"0x1000","len":2})"),
            R"({"status":"ok","pa":"0x1000","pbmt":0,"memory":"error"})");
}

TEST_F(Execute, WhatNoCardCanBeGivenIsRefusedByItsPointer) {
  const auto json = run(R"({"op":"translate","device_id":"0x1000000","iova":0})");
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().code, Code::kInvalid);
  EXPECT_EQ(json.error().what.find("/device_id"), 0U);
}

TEST_F(Execute, MessagesAreAllThereWithTheWires) {
  EXPECT_EQ(result(R"({"op":"messages"})"), R"({"msis":[],"invalidations":[],"group_responses":[],"wires":0})");
}

}  // namespace
}  // namespace aperture::tb::replay
