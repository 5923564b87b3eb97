// SPDX-License-Identifier: Apache-2.0
// Domains that exist without a device, as Linux's HWPT_ALLOC makes them.
#include <gtest/gtest.h>

#include "ioas/change.hpp"
#include "ioas/host_memory.hpp"
#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"

namespace aperture::ioas {
namespace {

using test::Memory;

/// Cannot track which pages are written.
class PlainDomain : public MemoryDomain {
 public:
  using MemoryDomain::MemoryDomain;
  bool can_track_dirty() const override { return false; }
};

class PlainDevice : public MemoryDevice {
 public:
  PlainDevice(std::string name, std::uint32_t id, MemoryPins& pins)
      : MemoryDevice(std::move(name), id, pins), pins_(pins) {}
  Result<std::shared_ptr<Domain>> make_domain(std::size_t format, ProcessId process) override {
    return std::make_shared<PlainDomain>(formats(process).at(format), pins_);
  }

 private:
  MemoryPins& pins_;
};

class IoasDomain : public testing::Test {
 protected:
  bool reads(const MemoryDevice& device, std::uint64_t iova) {
    std::array<std::byte, 1> byte{};
    MemoryFault fault;
    return device.dma_read({iova}, byte, fault).has_value();
  }
  const Format low{"low", 1, 1, {{{0}, {0xffffffff}}}, kPageSize};
  Memory memory{0x10000};
  MemoryPins pins;
  MemoryPins others;
  MemoryDevice nic{"nic", 1, pins, {{low}, {}, 64}};
  MemoryDevice twin{"twin", 2, pins, {{low}, {}, 64}};
  MemoryDevice wide{"wide", 3, pins};
  MemoryDevice foreign{"foreign", 4, others, {{low}, {}, 64}};
  PlainDevice plain{"plain", 5, pins};
  Platform platform;
  Ioas ioas{platform};
};

TEST_F(IoasDomain, NarrowsAndPinsBeforeThereIsADeviceAndUntilItIsDropped) {
  ASSERT_TRUE(ioas.map(memory.data(), 0x1000, Prot::kRead, Iova{0x1000}));
  const auto domain = ioas.make_domain(nic);
  ASSERT_TRUE(domain);
  EXPECT_EQ(ioas.ranges().ranges, (std::vector<IovaRange>{{{0}, {0xffffffff}}}));
  EXPECT_EQ(ioas.ranges().alignment, 0x1000U);
  EXPECT_EQ(pins.pinned_bytes(), 0x1000U);
  EXPECT_TRUE(ioas.attached().empty());
  ASSERT_TRUE(ioas.drop_domain(*domain));
  EXPECT_EQ(ioas.ranges().ranges, std::vector<IovaRange>{kAll});
  EXPECT_EQ(ioas.ranges().alignment, 1U);
  EXPECT_EQ(pins.pinned_bytes(), 0U);
  EXPECT_EQ(ioas.drop_domain(*domain).error().number, ENOENT);
}

TEST_F(IoasDomain, OnlyAnAttachToItUsesIt) {
  const auto domain = ioas.make_domain(nic);
  ASSERT_TRUE(domain);
  EXPECT_NE(ioas.attach(nic)->domain, *domain);
  EXPECT_EQ(ioas.attach_to(*domain, twin)->domain, *domain);
  ASSERT_EQ(ioas.domains().size(), 2U);
  EXPECT_EQ(ioas.domains()[0].devices, std::vector<Device*>{&twin});
  EXPECT_EQ(ioas.drop_domain(*domain).error().number, EBUSY);
  ASSERT_TRUE(Ioas::detach(platform, twin));
  EXPECT_EQ(ioas.domains().size(), 2U) << "it stays";
}

TEST_F(IoasDomain, DeviceMovesBetweenDomainsOfOneIoas) {
  ASSERT_TRUE(ioas.map(memory.data(), 0x1000, Prot::kRead, Iova{0x1000}));
  ASSERT_TRUE(ioas.attach(nic));
  const auto domain = ioas.make_domain(nic);
  ASSERT_TRUE(domain);
  ASSERT_TRUE(ioas.attach_to(*domain, nic));
  EXPECT_EQ(ioas.domains().size(), 1U) << "the automatic one went";
  EXPECT_TRUE(reads(nic, 0x1000));
  EXPECT_EQ(ioas.attach_to(*domain, nic)->domain, *domain) << "again, without effect";
  ASSERT_TRUE(ioas.attach(nic)) << "back to one of the IOAS's choice";
  EXPECT_EQ(ioas.domains().size(), 2U);
  EXPECT_TRUE(ioas.domains()[0].devices.empty());
  EXPECT_EQ(ioas.attached(), std::vector<Device*>{&nic});
  ASSERT_TRUE(ioas.unmap({0x1000}, 0x1000));
  EXPECT_FALSE(reads(nic, 0x1000));
}

TEST_F(IoasDomain, DeviceThatCannotUseItIsRefusedAndStaysWhereItWas) {
  const auto domain = ioas.make_domain(nic);
  ASSERT_TRUE(domain);
  EXPECT_EQ(ioas.attach_to(*domain, wide).error().number, EINVAL) << "another format";
  EXPECT_EQ(ioas.attach_to(*domain, foreign).error().number, EINVAL) << "another IOMMU";
  EXPECT_EQ(ioas.attach_to(99, nic).error().number, ENOENT);
  EXPECT_TRUE(ioas.attached().empty());
  twin.refuse_shared_domains();
  EXPECT_EQ(ioas.attach_to(*domain, twin).error().number, EINVAL) << "no other domain is tried";
  EXPECT_EQ(ioas.domains().size(), 1U);
}

TEST_F(IoasDomain, ThatCannotHoldTheMapsIsRefused) {
  ASSERT_TRUE(ioas.map(memory.data(), 0x1000, Prot::kRead, Iova{0x100000000}));
  const auto refused = ioas.make_domain(nic);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().number, EADDRINUSE);
  EXPECT_EQ(refused.error().report->maps_blocked.at(0).cause, Cause::kAperture);
  EXPECT_TRUE(ioas.domains().empty());
  pins.fail_after(1);
  EXPECT_EQ(ioas.make_domain(wide).error().number, ENOMEM);
  EXPECT_TRUE(ioas.domains().empty());
  EXPECT_EQ(pins.pinned_bytes(), 0U);
}

TEST_F(IoasDomain, EachTracksWritesOnItsOwn) {
  ASSERT_TRUE(ioas.map(memory.data(), 0x2000, Prot::kReadWrite, Iova{0x1000}));
  const auto tracked = ioas.make_domain(nic, true);
  const auto other = ioas.make_domain(nic, true);
  const auto untracked = ioas.make_domain(nic);
  ASSERT_TRUE(tracked && other && untracked);
  EXPECT_EQ(ioas.set_dirty_tracking(true, *untracked).error().number, EOPNOTSUPP);
  EXPECT_EQ(ioas.set_dirty_tracking(true, 99).error().number, ENOENT);
  ASSERT_TRUE(ioas.set_dirty_tracking(true, *tracked));
  EXPECT_EQ(ioas.dirty({0x1000}, 0x1000, 0x1000, true, *other).error().number, EINVAL) << "it does not track";
  EXPECT_EQ(ioas.dirty({0x1000}, 0x1000, 0x1000).error().number, EINVAL) << "nor does the whole IOAS";
  ASSERT_TRUE(ioas.attach_to(*tracked, nic));
  ASSERT_TRUE(ioas.attach_to(*other, twin));
  std::array<std::byte, 1> byte{};
  MemoryFault fault;
  ASSERT_TRUE(nic.dma_write({0x2000}, byte, fault));
  ASSERT_TRUE(ioas.set_dirty_tracking(true, *other));
  ASSERT_TRUE(twin.dma_write({0x1000}, byte, fault));
  EXPECT_EQ(*ioas.dirty({0x1000}, 0x2000, 0x1000, true, *tracked), (std::vector<IovaRange>{{{0x2000}, {0x2fff}}}))
      << "the other's tracking began and cleared nothing here";
  EXPECT_EQ(*ioas.dirty({0x1000}, 0x2000, 0x1000, true, *other), (std::vector<IovaRange>{{{0x1000}, {0x1fff}}}));
}

TEST_F(IoasDomain, TrackingIsRefusedWhereItCannotBe) {
  EXPECT_EQ(ioas.make_domain(plain, true).error().number, EOPNOTSUPP);
  EXPECT_TRUE(ioas.domains().empty());
  EXPECT_TRUE(ioas.make_domain(plain));
}

TEST_F(IoasDomain, IsMadeAndUsedInOneChangeWithOtherEditsOrNotAtAll) {
  Change change(platform);
  change.add(MakeDomainEdit{&ioas, &nic});
  change.add(MapEdit{&ioas, memory.data(), 0x1000, Iova{0x100000000}, Prot::kRead, {}});
  EXPECT_FALSE(change.apply());
  EXPECT_TRUE(ioas.domains().empty());
  EXPECT_EQ(ioas.ranges().ranges, std::vector<IovaRange>{kAll});
}

}  // namespace
}  // namespace aperture::ioas
