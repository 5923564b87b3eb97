// SPDX-License-Identifier: Apache-2.0
// The same windows for a device behind the host's IOMMU and for one behind the card's own. The host's width decides
// about the first: on a kernel in memory, and on this machine's where APERTURE_EDU names an edu device and
// APERTURE_HOST_BITS says how many address bits its IOMMU was given. The second does not care: APERTURE_CARD.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "card/registry.hpp"
#include "dma/channel.hpp"
#include "edu.hpp"
#include "fake_edu.hpp"
#include "host_memory.hpp"
#include "ioas/ioas.hpp"
#include "riscv/iommu.hpp"

namespace aperture::ioas::test {
namespace {

// A guest's RAM just beyond 39 bits.
constexpr Iova kBase{std::uint64_t{1} << 39};
constexpr std::uint64_t kSize = std::uint64_t{1} << 30;

std::vector<Window> guest_ram() { return {{.name = "ram-high", .base = kBase, .size = kSize}}; }

std::string environment(const char* name) {
  const char* text = std::getenv(name);
  return text != nullptr ? text : "";
}

struct Host {
  std::string name;
  unsigned bits;
  std::string address;  ///< of an edu device of this machine; empty: a kernel in memory
};

void PrintTo(const Host& host, std::ostream* out) { *out << host.name << ", " << host.bits << " bits"; }

class HostWindows : public testing::TestWithParam<Host> {
 protected:
  HostWindows() {
    fake_kernel_.ranges = {{{0}, {0xfedf'ffff}}, {{0xfef0'0000}, {(std::uint64_t{1} << GetParam().bits) - 1}}};
    fake_kernel_.files["/sys/kernel/iommu_groups/4/reserved_regions"] = "0x00000000fee00000 0x00000000feefffff msi\n";
    auto opened = machine.open(GetParam().address.empty() ? "0000:00:04.0" : GetParam().address, {.name = "edu"});
    if (!opened) throw std::runtime_error(opened.error().what);
    device = std::move(*opened);
    edu = std::make_unique<Edu>(kernel_, *device);
  }

 private:
  aperture::test::FakeKernel fake_kernel_;
  FakeEdu fake_edu_{fake_kernel_, "0000:00:04.0", 4, FakeEdu::RefusedRead::kZeros};
  WatchedKernel kernel_{GetParam().address.empty() ? static_cast<vfio::Kernel&>(fake_kernel_) : vfio::linux_kernel()};

 protected:
  host::Machine machine{{}, kernel_};
  Platform platform;
  std::unique_ptr<host::Device> device;
  std::unique_ptr<Edu> edu;
  Memory memory{kPageSize};
};

TEST_P(HostWindows, RamBeyondTheHostsWidthIsRefusedWithCulpritAndCauseAndWithinItServes) {
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.require(guest_ram()));
  const auto attached = ioas.attach(*device);
  if (GetParam().bits > 39) {
    ASSERT_TRUE(attached) << attached.error().what;
    ASSERT_TRUE(ioas.map(memory.data(), kPageSize, Prot::kReadWrite, kBase));
    const std::array<std::byte, 3> sent{std::byte{1}, std::byte{2}, std::byte{3}};
    EXPECT_TRUE(edu->write(kBase + 5, sent));
    EXPECT_EQ(memory.data()[7], std::byte{3});
    return;
  }
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().number, EADDRINUSE);
  const Report& report = *attached.error().report;
  std::cout << to_text(report) << '\n';
  ASSERT_EQ(report.windows.size(), 1U);
  EXPECT_EQ(report.windows[0].verdict, Verdict::kBlocked);
  ASSERT_EQ(report.windows[0].blockers.size(), 1U);
  const Blocker& blocker = report.windows[0].blockers[0];
  EXPECT_EQ(blocker.cause, Cause::kAperture);
  EXPECT_EQ(blocker.device, "edu");
  EXPECT_EQ(blocker.range, (IovaRange{{std::uint64_t{1} << GetParam().bits}, {kMax}}));
  EXPECT_FALSE(report.windows[0].alternatives.empty());
  EXPECT_EQ(ioas.ranges().ranges, std::vector{kAll});
}

TEST_P(HostWindows, WindowOverTheInterruptsAddressesIsRefusedBecauseOfThem) {
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.require({{.name = "ram-low", .base = Iova{0x8000'0000}, .size = 0x8000'0000}}));
  const auto attached = ioas.attach(*device);
  ASSERT_FALSE(attached);
  const Report& report = *attached.error().report;
  ASSERT_EQ(report.windows.at(0).blockers.size(), 1U);
  EXPECT_EQ(report.windows[0].blockers[0].cause, Cause::kMsi);
  EXPECT_EQ(report.windows[0].blockers[0].range, (IovaRange{{0xfee0'0000}, {0xfeef'ffff}}));
}

TEST_P(HostWindows, KernelItselfRefusesTheDeviceWhereItsListNamesWhatTheDeviceKeeps) {
  vfio::Function& function = device->function();
  if (function.backend() != vfio::Backend::kIommufd) GTEST_SKIP() << "type1 has no such list";
  for (const std::string& sentence : machine.fallbacks()) std::cout << sentence << '\n';
  auto ioas = vfio::KernelIoas::create(function.iommufd());
  ASSERT_TRUE(ioas) << ioas.error().what;
  const std::vector<IovaRange> list{{{0xf000'0000}, {0xffff'ffff}}};
  ASSERT_TRUE((*ioas)->allow(list));
  const auto attached = function.attach(**ioas);
  ASSERT_FALSE(attached) << "the interrupts' addresses lie in the list";
  EXPECT_EQ(attached.error().number, EADDRINUSE);
  ASSERT_TRUE((*ioas)->allow({}));
  ASSERT_TRUE(function.attach(**ioas));
  const auto refused = (*ioas)->allow(list);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  EXPECT_NE(refused.error().what.find("0xfee00000-0xfeefffff"), std::string::npos) << refused.error().what;
  ASSERT_TRUE(function.detach());
}

TEST_P(HostWindows, DeviceUsesATableMadeBeforehandWithPagesOf4KiBWhereAsked) {
  if (device->function().backend() != vfio::Backend::kIommufd) GTEST_SKIP() << "type1 has neither";
  Ioas ioas(platform, {.huge_pages = false});
  ASSERT_TRUE(ioas.attach(*device));
  // A driver that completes a table only by an attach, as virtio's, can have none beforehand; the fakes always can.
  if (const auto told = machine.fallbacks(); !told.empty() && !GetParam().address.empty()) GTEST_SKIP() << told.front();
  EXPECT_NE(static_cast<host::IommufdDomain*>(device->domain())->table(), nullptr);
  ASSERT_TRUE(ioas.map(memory.data(), kPageSize, Prot::kReadWrite, Iova{0x10000}));
  const std::array<std::byte, 2> sent{std::byte{1}, std::byte{2}};
  EXPECT_TRUE(edu->write({0x10001}, sent));
  EXPECT_EQ(memory.data()[2], std::byte{2});
}

std::vector<Host> hosts() {
  std::vector<Host> list{{"fake39", 39, ""}, {"fake48", 48, ""}};
  const std::string address = environment("APERTURE_EDU");
  const std::string bits = environment("APERTURE_HOST_BITS");
  if (!address.empty() && !bits.empty())
    list.push_back(
        {"edu", static_cast<unsigned>(std::strtoul(bits.c_str(), nullptr, 10)), address.substr(0, address.find(','))});
  return list;
}

INSTANTIATE_TEST_SUITE_P(Host, HostWindows, testing::ValuesIn(hosts()),
                         [](const auto& info) { return info.param.name; });

class CardWindows : public testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CardWindows);

TEST_P(CardWindows, SameRamIsAcceptedBehindTheCardsOwnIommuWhateverTheHosts) {
  auto card = card::open(GetParam());
  ASSERT_TRUE(card) << card.error().what;
  auto iommu = riscv::Iommu::bring_up(**card);
  ASSERT_TRUE(iommu) << iommu.error().what;
  auto device = (*iommu)->make_device({.name = "nic", .device_id = 1});
  ASSERT_TRUE(device) << device.error().what;
  Platform platform;
  Ioas ioas(platform);
  ASSERT_TRUE(ioas.require(guest_ram()));
  const auto attached = ioas.attach(**device);
  ASSERT_TRUE(attached) << attached.error().what;
  Memory memory(2 * kPageSize);
  for (std::size_t i = 0; i < kPageSize; ++i) memory.data()[i] = static_cast<std::byte>(i * 7);
  ASSERT_TRUE(ioas.map(memory.data(), 2 * kPageSize, Prot::kReadWrite, kBase));
  auto channel = dma::Channel::open(**iommu, 0, {.device_id = 1});
  ASSERT_TRUE(channel) << channel.error().what;
  const auto done = (*channel)->copy(kBase, kBase + kPageSize, kPageSize);
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_TRUE(done->ok());
  EXPECT_TRUE(std::equal(memory.data(), memory.at(kPageSize), memory.at(kPageSize)));
}

std::vector<std::string> cards() {
  const std::string card = environment("APERTURE_CARD");
  return card.empty() ? std::vector<std::string>{} : std::vector{card};
}

INSTANTIATE_TEST_SUITE_P(Card, CardWindows, testing::ValuesIn(cards()));

}  // namespace
}  // namespace aperture::ioas::test
