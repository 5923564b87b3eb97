// SPDX-License-Identifier: Apache-2.0
// Messages of vfio-user in memory: what makes one, what is refused, and that no struct is read beyond its bytes.
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "card/vfio_user/version.hpp"

namespace aperture::card::vfio_user {
namespace {

TEST(Messages, StateTheirOwnSize) {
  Message message = make_command(Command::kDmaRead, 5);
  EXPECT_EQ(message.header.size, 16U);
  message.append(DmaAccess{1, 2});
  message.append(std::uint32_t{3});
  EXPECT_EQ(message.header.size, 36U);
  EXPECT_EQ(message.payload.size(), 20U);
  EXPECT_TRUE(problem(message.header).empty());
}

TEST(Messages, AReplyHasTheRequestsIdAndCommand) {
  const Message request = make_command(Command::kRegionRead, 77, kNoReply);
  EXPECT_FALSE(request.is_reply());
  EXPECT_FALSE(request.wants_reply());
  const Message reply = make_reply(request);
  EXPECT_TRUE(reply.is_reply());
  EXPECT_EQ(reply.header.id, 77U);
  EXPECT_EQ(reply.command(), Command::kRegionRead);
  EXPECT_EQ(reply.error(), 0);
}

TEST(Messages, AnErrorReplyIsAHeaderWithItsNumber) {
  const Message error = make_error(make_command(Command::kDmaMap, 1), ENOSPC);
  EXPECT_EQ(error.header.size, 16U);
  EXPECT_EQ(error.error(), ENOSPC);
}

TEST(Messages, AnErrorWithoutAUsableNumberIsStillAnError) {
  Message error = make_error(make_command(Command::kDmaMap, 1), 0);
  EXPECT_EQ(error.error(), EIO);
  error.header.error = 0xffff'ffff;
  EXPECT_EQ(error.error(), EIO);
}

TEST(Messages, AreDecodedAtTheirExactLengthOnly) {
  for (std::size_t size = 0; size < 40; ++size) {
    Message message = make_command(Command::kDmaMap, 1);
    // A heap block of just this size: a sanitizer sees a read beyond it.
    message.payload.assign(size, std::byte{1});
    message.payload.shrink_to_fit();
    const auto map = decode<DmaMap>(message);
    EXPECT_EQ(map.has_value(), size == 32) << size;
    if (!map) {
      EXPECT_EQ(map.error().number, EINVAL);
    }
    const auto split = decode_with_data<RegionAccess>(message);
    EXPECT_EQ(split.has_value(), size >= 16) << size;
    if (split) {
      EXPECT_EQ(split->data.size(), size - 16);
    }
  }
}

TEST(Messages, ALengthErrorNamesTheCommandAndBothLengths) {
  Message message = make_command(Command::kDmaUnmap, 1);
  message.append(std::uint64_t{0});
  const auto text = decode<DmaUnmap>(message).error().what;
  EXPECT_NE(text.find("DMA_UNMAP"), std::string::npos);
  EXPECT_NE(text.find("8 bytes"), std::string::npos);
  EXPECT_NE(text.find("24"), std::string::npos);
}

TEST(Messages, HeadersThatMakeNoSenseAreNamed) {
  Header header = make_command(Command::kDeviceReset, 1).header;
  for (const std::uint32_t size : {0U, 15U, static_cast<std::uint32_t>(16 + kMaxPayload + 1), 0xffff'ffffU}) {
    header.size = size;
    EXPECT_FALSE(problem(header).empty()) << size;
  }
  for (const std::uint32_t size : {16U, static_cast<std::uint32_t>(16 + kMaxPayload)}) {
    header.size = size;
    EXPECT_TRUE(problem(header).empty()) << size;
  }
  for (const std::uint32_t flags : {2U, 15U, 1U << 6, 1U << 31, kError}) {
    header.flags = flags;
    EXPECT_FALSE(problem(header).empty()) << flags;
  }
}

TEST(Messages, CommandsHaveNames) {
  EXPECT_STREQ(name(Command::kRegionWriteMulti), "REGION_WRITE_MULTI");
  EXPECT_STREQ(name(static_cast<Command>(99)), "unknown");
}

TEST(Messages, WhatASideSaysOfItselfComesBack) {
  Message hello = make_command(Command::kVersion, 0);
  append_version(hello);
  const auto said = parse_version(hello);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->max_msg_fds, kOwnCapabilities.max_msg_fds);
  EXPECT_EQ(said->max_data_xfer_size, kOwnCapabilities.max_data_xfer_size);
}

TEST(Messages, ASideThatSaysNothingHasTheProtocolsDefaults) {
  Message hello = make_command(Command::kVersion, 0);
  append_version(hello, sizeof(Version));
  EXPECT_EQ(hello.payload.size(), sizeof(Version));
  const auto said = parse_version(hello);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->max_msg_fds, 1U);
  EXPECT_EQ(said->max_data_xfer_size, 1U << 20);
}

TEST(Messages, MoreThanThisSideTakesIsNotPromisedByTheOther) {
  Message hello = make_command(Command::kVersion, 0);
  hello.append(Version{0, 1});
  const std::string text = R"({"capabilities": {"max_msg_fds": 200, "max_data_xfer_size": 67108864}})";
  hello.append(std::as_bytes(std::span(text.c_str(), text.size() + 1)));
  const auto said = parse_version(hello);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->max_msg_fds, kMaxFds);
  EXPECT_EQ(said->max_data_xfer_size, kMaxTransfer);
}

}  // namespace
}  // namespace aperture::card::vfio_user
