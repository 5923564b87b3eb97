// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <stdexcept>

#include "card/registry.hpp"
#include "unit/fake_card.hpp"

namespace aperture::card {
namespace {

class RegistryTest : public testing::Test {
 protected:
  RegistryTest() {
    auto open = [this](const Options& options) -> Result<std::unique_ptr<Card>> {
      seen = options;
      return std::make_unique<test::FakeCard>();
    };
    registry.add({.name = "sim", .help = "", .argument = "", .keys = {{"seed", ""}, {"profile", ""}}, .open = open});
    registry.add({.name = "vfio",
                  .help = "",
                  .argument = "address",
                  .argument_needed = true,
                  .keys = {{"width", ""}},
                  .open = open});
  }
  std::string refusal(std::string_view specification) {
    auto card = registry.open(specification);
    return card ? "opened" : card.error().what;
  }
  Registry registry;
  Options seen;
};

TEST_F(RegistryTest, OpensByNameAlone) {
  ASSERT_TRUE(registry.open("sim"));
  EXPECT_TRUE(seen.values.empty());
}

TEST_F(RegistryTest, HandsOverKeysAndArgument) {
  ASSERT_TRUE(registry.open("sim:seed=0x10,profile=hostile"));
  EXPECT_EQ(seen.number("seed", 0).value(), 16U);
  EXPECT_EQ(seen.text("profile"), "hostile");
  ASSERT_TRUE(registry.open("vfio:0000:01:00.0,width=128"));
  EXPECT_EQ(seen.argument, "0000:01:00.0");
  EXPECT_EQ(seen.number("width", 64).value(), 128U);
}

TEST_F(RegistryTest, AnUnknownNameListsWhatThereIs) {
  EXPECT_NE(refusal("fpga").find("sim, vfio"), std::string::npos) << refusal("fpga");
}

TEST_F(RegistryTest, AnUnknownKeyListsWhatThereIs) {
  EXPECT_NE(refusal("sim:speed=1").find("seed, profile"), std::string::npos) << refusal("sim:speed=1");
}

TEST_F(RegistryTest, RefusesArgumentsThatDoNotFit) {
  EXPECT_NE(refusal("sim:argument"), "opened");
  EXPECT_NE(refusal("vfio"), "opened");
  EXPECT_NE(refusal("sim:seed=1,seed=2"), "opened");
}

TEST_F(RegistryTest, ANumberThatIsNoneIsRefused) {
  ASSERT_TRUE(registry.open("sim:seed=12x"));
  EXPECT_EQ(seen.number("seed", 0).error().number, EINVAL);
}

TEST_F(RegistryTest, DefaultsYieldToTheUserAndOnlyReachCardsThatKnowThem) {
  ASSERT_TRUE(registry.open("sim:seed=5", {{"seed", "9"}, {"profile", "ideal"}}));
  EXPECT_EQ(seen.text("seed"), "5");
  EXPECT_EQ(seen.text("profile"), "ideal");
  ASSERT_TRUE(registry.open("vfio:x", {{"seed", "9"}}));
  EXPECT_FALSE(seen.has("seed"));
}

TEST_F(RegistryTest, TwoKindsOfOneNameAreAProgrammingError) {
  EXPECT_THROW(registry.add({.name = "sim", .help = "", .argument = "", .keys = {}, .open = {}}), std::logic_error);
}

}  // namespace
}  // namespace aperture::card
