// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <nlohmann/json.hpp>

#include "vfio_user/world.hpp"

namespace aperture::test {
namespace {

class Version : public Served {
 protected:
  vu::Message hello(std::uint16_t major, std::uint16_t minor, const std::string& text) {
    vu::Message message = command(vu::Command::kVersion, vu::Version{major, minor});
    message.append(std::as_bytes(std::span(text)));
    return message;
  }
  /// Terminated as on the wire.
  vu::Message hello(const char* text) { return hello(0, 0, std::string(text) + '\0'); }
  void refused(vu::Message message, int number) {
    EXPECT_EQ(error_of(std::move(message)), number);
    settle();
    EXPECT_FALSE(alive);
    EXPECT_EQ(lines.size(), 1U);
  }
};

TEST_F(Version, IsAnsweredWithTheServersCapabilities) {
  const vu::Message reply = exchange(hello(R"({"capabilities": {"max_msg_fds": 16, "max_data_xfer_size": 1048576,
    "migration": {"pgsize": 4096}, "write_multiple": true, "pgsizes": 4096}})"));
  ASSERT_EQ(reply.error(), 0);
  vu::Version version{};
  ASSERT_GT(reply.payload.size(), sizeof version);
  std::memcpy(&version, reply.payload.data(), sizeof version);
  EXPECT_EQ(version.major, 0);
  EXPECT_EQ(reply.payload.back(), std::byte{0});
  const auto text = reinterpret_cast<const char*>(reply.payload.data() + sizeof version);
  const auto capabilities = nlohmann::json::parse(text).at("capabilities");
  EXPECT_LE(capabilities.at("max_msg_fds"), 16);
  EXPECT_LE(capabilities.at("max_data_xfer_size"), 64U << 20);
  EXPECT_FALSE(capabilities.contains("write_multiple"));
}

TEST_F(Version, HasAReplyThatIsNotLongerThanTheRequest) {
  const vu::Message reply = exchange(hello("{}"));
  ASSERT_EQ(reply.error(), 0);
  EXPECT_LE(reply.payload.size(), sizeof(vu::Version) + 3);
}

TEST_F(Version, MayComeWithoutText) {
  EXPECT_EQ(error_of(hello(0, 0, "")), 0);
  EXPECT_EQ(error_of(command(vu::Command::kDeviceReset)), 0);
}

TEST_F(Version, AnotherMajorVersionIsRefusedAndTheConnectionEnds) { refused(hello(1, 0, ""), EPROTONOSUPPORT); }
TEST_F(Version, AShortMessageIsRefused) { refused(command(vu::Command::kVersion), EINVAL); }
TEST_F(Version, TextWithoutItsEndIsRefused) { refused(hello(0, 0, "{}"), EINVAL); }
TEST_F(Version, TextThatIsNotJsonIsRefused) { refused(hello("{capabilities"), EINVAL); }
TEST_F(Version, JsonThatIsNoObjectIsRefused) { refused(hello("[1]"), EINVAL); }
TEST_F(Version, DeepJsonIsRefused) { refused(hello(std::string(4000, '[').c_str()), EINVAL); }
TEST_F(Version, VeryLongTextIsRefused) { refused(hello(std::string(100'000, ' ').c_str()), EINVAL); }
TEST_F(Version, ACapabilityOfTheWrongTypeIsRefused) {
  refused(hello(R"({"capabilities": {"max_data_xfer_size": "much"}})"), EINVAL);
}
TEST_F(Version, ATransferSizeThatNothingFitsIntoIsRefused) {
  refused(hello(R"({"capabilities": {"max_data_xfer_size": 0}})"), EINVAL);
}

TEST_F(Version, ComesFirst) { refused(command(vu::Command::kDeviceReset), EINVAL); }

TEST_F(Version, ComesOnce) {
  start();
  EXPECT_EQ(error_of(hello("{}")), EINVAL);
  EXPECT_EQ(error_of(command(vu::Command::kDeviceReset)), 0);
}

TEST_F(Version, WhatTheClientCanTakeAtOnceLimitsRequestsForMemory) {
  ASSERT_EQ(error_of(hello(R"({"capabilities": {"max_data_xfer_size": 8}})")), 0);
  write_config(4, 6);
  write_bar(2, SimpleFunction::kAddress, 0x1000);
  write_bar(2, SimpleFunction::kLength, 16);
  write_bar(2, SimpleFunction::kGo, 0);
  ASSERT_EQ(asked.size(), 2U);
  for (std::uint64_t i = 0; i < 2; ++i) {
    const auto access = vu::decode<vu::DmaAccess>(asked[i]);
    ASSERT_TRUE(access);
    EXPECT_EQ(access->address, 0x1000 + 8 * i);
    EXPECT_EQ(access->count, 8U);
  }
}

}  // namespace
}  // namespace aperture::test
