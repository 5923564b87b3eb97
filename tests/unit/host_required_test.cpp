// SPDX-License-Identifier: Apache-2.0
// What an IOAS requires, in the kernel's own list; and what the kernel then refuses by itself.
#include "host_fixture.hpp"
#include "ioas/change.hpp"

namespace aperture::host {
namespace {

using ioas::Cause;
using ioas::Ioas;
using ioas::Prot;
namespace uapi = vfio::uapi;

constexpr IovaRange kRam{{0x4000'0000}, {0x4fff'ffff}};

class HostRequired : public HostDevice {
 protected:
  static std::vector<ioas::Window> ram() { return {{.name = "ram", .base = kRam.first, .size = kRam.extent() + 1}}; }
  std::vector<IovaRange> in_kernel(const Device& device) {
    return kernel.allowed(static_cast<IommufdDomain*>(device.domain())->space().id());
  }
  /// From now on the function keeps a piece of the RAM, as sysfs says too.
  void grow_hole(const Device& device) {
    function(device).keeps = {kHole};
    kernel.files["/sys/kernel/iommu_groups/" + std::to_string(function(device).group) + "/reserved_regions"] =
        "0x0000000040001000 0x0000000040002fff reserved\n";
  }
  static constexpr IovaRange kHole{{0x4000'1000}, {0x4000'2fff}};
};

TEST_F(HostRequired, WindowsAndAllowListStandInTheKernelAndGoWithTheirRelease) {
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.require(ram()));
  ASSERT_TRUE(ioas.attach(*device));
  EXPECT_EQ(in_kernel(*device), std::vector{kRam});
  ASSERT_TRUE(ioas.allow({{{0x1000'0000}, {0x1fff'ffff}}, {{0x4800'0000}, {0x5fff'ffff}}}));
  EXPECT_EQ(in_kernel(*device),
            (std::vector<IovaRange>{{{0x1000'0000}, {0x1fff'ffff}}, {{0x4000'0000}, {0x5fff'ffff}}}))
      << "the kernel takes no ranges that overlap";
  ASSERT_TRUE(ioas.release("ram"));
  ASSERT_TRUE(ioas.allow({}));
  EXPECT_TRUE(in_kernel(*device).empty());
}

TEST_F(HostRequired, MapsDoNotTouchTheKernelsList) {
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.require(ram()));
  ASSERT_TRUE(ioas.attach(*device));
  const unsigned before = kernel.calls(uapi::kIoasAllowIovas);
  ASSERT_TRUE(ioas.map(memory.data(), kPageSize, Prot::kRead, kRam.first));
  EXPECT_EQ(kernel.calls(uapi::kIoasAllowIovas), before);
  EXPECT_EQ(before, 1U);
}

TEST_F(HostRequired, WindowOfOneByteIsLeftOut) {
  const auto device = open("0000:00:04.0", 4);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.require({{.name = "byte", .base = Iova{0x1234}, .size = 1}}));
  EXPECT_TRUE(ioas.attach(*device));
  EXPECT_TRUE(in_kernel(*device).empty());
}

TEST_F(HostRequired, DeviceThatKeepsMoreThanWhenItWasOpenedIsRefusedByTheKernelAndNamed) {
  const auto device = open("0000:00:04.0", 4);
  grow_hole(*device);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.require(ram()));
  const auto refused = ioas.attach(*device);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  const ioas::Report& report = *refused.error().report;
  ASSERT_EQ(report.windows.size(), 1U);
  EXPECT_EQ(report.windows[0].verdict, ioas::Verdict::kBlocked);
  ASSERT_EQ(report.windows[0].blockers.size(), 1U);
  EXPECT_EQ(report.windows[0].blockers[0].range, kHole);
  EXPECT_EQ(report.windows[0].blockers[0].cause, Cause::kReserved);
  EXPECT_EQ(report.windows[0].blockers[0].device, "0000:00:04.0");
  EXPECT_FALSE(report.windows[0].alternatives.empty());
  EXPECT_FALSE(function(*device).attached);
  EXPECT_EQ(kernel.spaces(), 1U);
  EXPECT_EQ(kernel.tables(), 0U);
  EXPECT_EQ(ioas.ranges().ranges, std::vector{ioas::kAll});
  ASSERT_TRUE(ioas.release("ram"));
  EXPECT_TRUE(ioas.attach(*device));
}

TEST_F(HostRequired, MapThatMeetsWhatADeviceKeepsByNowIsNamed) {
  const auto device = open("0000:00:04.0", 4);
  grow_hole(*device);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.map(memory.data(), 4 * kPageSize, Prot::kRead, kRam.first));
  const auto refused = ioas.attach(*device);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  ASSERT_EQ(refused.error().report->maps_blocked.size(), 1U);
  EXPECT_EQ(refused.error().report->maps_blocked[0].device, "0000:00:04.0");
  EXPECT_EQ(kernel.dma_maps(), 0U);
}

TEST_F(HostRequired, SecondDeviceThatTheKernelRefusesIsNamedAndTheFirstGoesOn) {
  const auto first = open("0000:00:04.0", 4);
  const auto second = open("0000:00:05.0", 5);
  grow_hole(*second);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.require(ram()));
  ASSERT_TRUE(ioas.attach(*first));
  ASSERT_TRUE(ioas.map(memory.data(), kPageSize, Prot::kRead, kRam.first));
  const auto refused = ioas.attach(*second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  ASSERT_EQ(refused.error().report->windows.size(), 1U);
  EXPECT_EQ(refused.error().report->windows[0].blockers.at(0).device, "0000:00:05.0");
  EXPECT_TRUE(reaches(*first, kRam.first.value, memory.data()));
  EXPECT_EQ(kernel.tables(), 1U);
  EXPECT_EQ(in_kernel(*first), std::vector{kRam});
}

TEST_F(HostRequired, WindowThatTheKernelCannotGrantLeavesThoseOfBefore) {
  const auto device = open("0000:00:04.0", 4);
  grow_hole(*device);
  Ioas ioas(platform);
  const IovaRange low{{0x1000'0000}, {0x1fff'ffff}};
  ASSERT_TRUE(ioas.require({{.name = "low", .base = low.first, .size = low.extent() + 1}}));
  ASSERT_TRUE(ioas.attach(*device));
  const auto refused = ioas.require(ram());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  EXPECT_EQ(refused.error().report->windows.at(1).blockers.at(0).device, "0000:00:04.0");
  EXPECT_EQ(in_kernel(*device), std::vector{low});
  EXPECT_EQ(ioas.windows().size(), 1U);
}

TEST_F(HostRequired, RefusalThatSysfsDoesNotExplainStillNamesTheRanges) {
  const auto device = open("0000:00:04.0", 4);
  function(*device).keeps = {kHole};
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(*device));
  const auto refused = ioas.require(ram());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  EXPECT_NE(refused.error().what.find("0x40001000-0x40002fff"), std::string::npos) << refused.error().what;
}

TEST_F(HostRequired, ChangeThatFailsLaterPutsTheKernelsListBack) {
  const auto first = open("0000:00:04.0", 4);
  const auto second = open("0000:00:05.0", 5);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(*first));
  kernel.fail(uapi::kDeviceAttachIommufdPt, ENOMEM);
  ioas::Change change(platform);
  change.add(ioas::RequireEdit{&ioas, ram()});
  change.add(ioas::AttachEdit{&ioas, second.get(), {}, {}, false});
  EXPECT_EQ(change.apply().error().number, ENOMEM);
  EXPECT_TRUE(in_kernel(*first).empty());
  EXPECT_TRUE(ioas.windows().empty());
}

TEST_F(HostRequired, ListThatCouldNotBePutBackIsPutRightByTheNextChange) {
  const auto first = open("0000:00:04.0", 4);
  const auto second = open("0000:00:05.0", 5);
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.attach(*first));
  kernel.fail(uapi::kDeviceAttachIommufdPt, ENOMEM);
  kernel.fail(uapi::kIoasAllowIovas, ENOMEM, 2);
  ioas::Change change(platform);
  change.add(ioas::RequireEdit{&ioas, ram()});
  change.add(ioas::AttachEdit{&ioas, second.get(), {}, {}, false});
  EXPECT_EQ(change.apply().error().number, ENOMEM);
  EXPECT_EQ(in_kernel(*first), std::vector{kRam});
  ASSERT_TRUE(ioas.attach(*second));
  EXPECT_TRUE(in_kernel(*first).empty());
}

}  // namespace
}  // namespace aperture::host
