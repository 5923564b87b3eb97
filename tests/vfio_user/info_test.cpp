// SPDX-License-Identifier: Apache-2.0
// DEVICE_GET_INFO, DEVICE_GET_REGION_INFO, DEVICE_GET_IRQ_INFO and commands that are not served.
#include "vfio_user/world.hpp"

namespace aperture::test {
namespace {

class Info : public Served {
 protected:
  Info() { start(); }
  vu::RegionInfo region(std::uint32_t index) {
    vu::RegionInfo request{};
    request.argsz = sizeof request;
    request.index = index;
    const auto reply = exchange(command(vu::Command::kDeviceGetRegionInfo, request));
    EXPECT_EQ(reply.error(), 0);
    const auto info = vu::decode<vu::RegionInfo>(reply);
    EXPECT_TRUE(info);
    return info.value_or(vu::RegionInfo{});
  }
  vu::IrqInfo irq(std::uint32_t index) {
    vu::IrqInfo request{};
    request.argsz = sizeof request;
    request.index = index;
    const auto info = vu::decode<vu::IrqInfo>(exchange(command(vu::Command::kDeviceGetIrqInfo, request)));
    EXPECT_TRUE(info);
    return info.value_or(vu::IrqInfo{});
  }
};

TEST_F(Info, DeviceIsAPciFunctionThatCanBeReset) {
  const auto info = vu::decode<vu::DeviceInfo>(
      exchange(command(vu::Command::kDeviceGetInfo, vu::DeviceInfo{sizeof(vu::DeviceInfo), 0, 0, 0})));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->flags, VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI);
  EXPECT_EQ(info->regions, 9U);
  EXPECT_EQ(info->irqs, 5U);
}

TEST_F(Info, RegionsAreTheBarsAndTheConfigurationSpace) {
  for (const auto& [index, size] : std::vector<std::pair<std::uint32_t, std::uint64_t>>{
           {0, 0x10000}, {1, 0}, {2, 0x10000}, {3, 0}, {4, 0x1000}, {5, 0}, {6, 0}, {7, 4096}, {8, 0}}) {
    const vu::RegionInfo info = region(index);
    EXPECT_EQ(info.size, size) << index;
    EXPECT_EQ(info.flags, size == 0 ? 0U : VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE) << index;
    EXPECT_EQ(info.index, index);
  }
}

TEST_F(Info, OnlyMsixHasVectors) {
  for (std::uint32_t index = 0; index < 5; ++index) EXPECT_EQ(irq(index).count, index == 2 ? 20U : 0U) << index;
  EXPECT_NE(irq(2).flags & VFIO_IRQ_INFO_EVENTFD, 0U);
}

TEST_F(Info, AnIndexThatThereIsNotIsRefused) {
  vu::RegionInfo region{};
  region.argsz = sizeof region;
  region.index = 9;
  EXPECT_EQ(error_of(command(vu::Command::kDeviceGetRegionInfo, region)), EINVAL);
  EXPECT_EQ(error_of(command(vu::Command::kDeviceGetIrqInfo, vu::IrqInfo{16, 0, 5, 0})), EINVAL);
}

TEST_F(Info, ARequestWithoutRoomForTheAnswerIsRefused) {
  vu::RegionInfo region{};
  region.argsz = sizeof region - 1;
  EXPECT_EQ(error_of(command(vu::Command::kDeviceGetRegionInfo, region)), EINVAL);
  EXPECT_EQ(error_of(command(vu::Command::kDeviceGetIrqInfo, vu::IrqInfo{15, 0, 2, 0})), EINVAL);
  EXPECT_EQ(error_of(command(vu::Command::kDeviceGetInfo, vu::DeviceInfo{15, 0, 0, 0})), EINVAL);
}

TEST_F(Info, ARequestOfAnotherLengthIsRefused) {
  for (const auto which : {vu::Command::kDeviceGetInfo, vu::Command::kDeviceGetRegionInfo,
                           vu::Command::kDeviceGetIrqInfo, vu::Command::kDeviceSetIrqs}) {
    EXPECT_EQ(error_of(command(which)), EINVAL);
    EXPECT_EQ(error_of(command(which, std::array<std::uint32_t, 3>{64, 0, 0})), EINVAL);
  }
  for (const auto which :
       {vu::Command::kDeviceGetInfo, vu::Command::kDeviceGetRegionInfo, vu::Command::kDeviceGetIrqInfo})
    EXPECT_EQ(error_of(command(which, std::array<std::uint32_t, 10>{64, 0, 0})), EINVAL);
}

TEST_F(Info, WhatIsNotServedSaysSoAndTheConnectionGoesOn) {
  for (const int which : {0, 6, 11, 12, 14, 15, 16, 17, 18, 19, 0xffff})
    EXPECT_EQ(error_of(command(static_cast<vu::Command>(which))), ENOTSUP) << which;
  EXPECT_EQ(error_of(command(vu::Command::kDeviceReset)), 0);
}

TEST_F(Info, EveryRefusalIsOneLineAndManyAreCountedOnly) {
  for (int i = 0; i < 3; ++i) error_of(command(vu::Command::kDeviceFeature));
  EXPECT_EQ(lines.size(), 3U);
  for (int i = 0; i < 100; ++i) error_of(command(vu::Command::kDeviceFeature));
  EXPECT_LE(lines.size(), sw::serve::ClientSession::kMostLines + 1);
  EXPECT_EQ(session->summary().error_replies, 103U);
}

TEST_F(Info, DescriptorsWhereNoneBelongAreRefused) {
  vu::Message request = command(vu::Command::kDeviceReset);
  request.fds.push_back(event());
  EXPECT_EQ(error_of(std::move(request)), EINVAL);
}

TEST_F(Info, ACommandThatWantsNoReplyGetsNone) {
  vu::Message quiet = command(vu::Command::kDeviceFeature);
  quiet.header.flags |= vu::kNoReply;
  send(std::move(quiet));
  // The next reply is the next command's: exchange compares ids.
  EXPECT_EQ(error_of(command(vu::Command::kDeviceReset)), 0);
}

}  // namespace
}  // namespace aperture::test
