// SPDX-License-Identifier: Apache-2.0
// Quality-of-service ids: which go with which access (specification, "QoS identifiers extension").
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "bench/iommu_setup.hpp"

namespace aperture::test {
namespace {

namespace r = regs::iommu;
namespace q = r::iommu_qosid_f;
using regs::IommuMode;
using regs::SatpMode;
using tb::Channel;
using tb::Port;

constexpr std::uint64_t kIova = 0x5000;
/// As on the bus: {MCID, RCID}.
constexpr std::uint32_t pins(std::uint32_t rcid, std::uint32_t mcid) { return mcid << 12 | rcid; }
constexpr std::uint32_t kOwn = pins(0x111, 0x222), kDevices = pins(0x333, 0x444);

class QosIds : public ::testing::Test {
 protected:
  QosIds() {
    bench.reset(qos());
    iommu.write(r::iommu_qosid, q::mcid.set(q::rcid.set(0, 0x111), 0x222));
    bench.log().enable(true);
  }
  static tb::Straps qos() {
    tb::Straps straps = first_stage();
    straps.capabilities |= r::capabilities_f::qosid.mask();
    return straps;
  }
  void translate(std::uint64_t rcid = 0x333, std::uint64_t mcid = 0x444) {
    start(iommu);
    table.emplace_back(iommu, SatpMode::kSv39);
    table[0].map(kIova, iommu.frame());
    DeviceContext dc = table[0].context();
    dc.ta = regs::dc::ta::mcid.set(regs::dc::ta::rcid.set(dc.ta, rcid), mcid);
    iommu.set_context(1, dc);
  }
  /// Of all accesses on that channel: the ids, each once; of m_iommu those with that AxUSER.
  std::vector<std::uint32_t> ids(Port port, Channel channel, std::uint64_t user = ~std::uint64_t{0}) {
    bench.settle();
    std::vector<std::uint32_t> found;
    for (const tb::BusEvent& event : bench.log().events(port, channel)) {
      if (port == Port::kIommu && event.address.user != user) continue;
      if (std::ranges::find(found, event.address.qosid) == found.end()) found.push_back(event.address.qosid);
    }
    return found;
  }
  using Ids = std::vector<std::uint32_t>;
  static constexpr std::uint64_t kWalk = 0, kCommand = 1, kFaultRecord = 2, kStore = 3, kMessage = 4;

  tb::Bench& bench = power_on();
  Iommu iommu{bench};
  std::vector<PageTable> table;
};

TEST_F(QosIds, RegisterIsAbsentWithoutTheCapability) {
  bench.reset(first_stage());
  iommu.write(r::iommu_qosid, ~0U);
  EXPECT_EQ(iommu.read(r::iommu_qosid), 0U);
}

TEST_F(QosIds, RegisterHasAsManyBitsAsThereAreIds) {
  tb::Straps straps = qos();
  straps.rcid_bits = 5;
  straps.mcid_bits = 0;
  bench.reset(straps);
  EXPECT_EQ(iommu.read(r::iommu_qosid), 0U);
  iommu.write(r::iommu_qosid, ~0U);
  EXPECT_EQ(iommu.read(r::iommu_qosid), 0x1fU);
}

TEST_F(QosIds, BareTrafficHasTheRegisters) {
  iommu.write_ddtp(IommuMode::kBare);
  bench.device().read({.device_id = 1}, kIova, 8);
  bench.device().write({.device_id = 1}, kIova, std::vector<std::byte>(8));
  EXPECT_EQ(ids(Port::kData, Channel::kAr), Ids{kOwn});
  EXPECT_EQ(ids(Port::kData, Channel::kAw), Ids{kOwn});
}

TEST_F(QosIds, TranslatedTrafficHasItsDevices) {
  translate();
  for (unsigned i = 0; i < 2; ++i) {  // a miss, a hit
    bench.device().read({.device_id = 1}, kIova, 8);
    bench.device().write({.device_id = 1}, kIova, std::vector<std::byte>(8));
  }
  EXPECT_EQ(bench.log().events(Port::kData, Channel::kAr).size(), 2U);
  EXPECT_EQ(ids(Port::kData, Channel::kAr), Ids{kDevices});
  EXPECT_EQ(ids(Port::kData, Channel::kAw), Ids{kDevices});
}

TEST_F(QosIds, DirectoryWalksHaveTheRegistersAndPageTableWalksTheDevices) {
  translate();
  bench.log().clear();
  bench.device().read({.device_id = 1}, kIova, 8);
  bench.settle();
  const std::vector<tb::BusEvent> reads = bench.log().events(Port::kIommu, Channel::kAr);
  ASSERT_EQ(reads.size(), 4U);  // the device context, then three levels
  EXPECT_EQ(reads[0].address.qosid, kOwn);
  for (unsigned i = 1; i < 4; ++i) EXPECT_EQ(reads[i].address.qosid, kDevices) << i;
}

TEST_F(QosIds, QueuesAndStoresHaveTheRegisters) {
  translate();
  bench.device().read({.device_id = 1}, kIova + kPageSize, 8);  // not mapped
  EXPECT_TRUE(iommu.run(iofence({.address = iommu.frame(), .data = 1})));
  EXPECT_EQ(ids(Port::kIommu, Channel::kAr, kCommand), Ids{kOwn});
  EXPECT_EQ(ids(Port::kIommu, Channel::kAw, kFaultRecord), Ids{kOwn});
  EXPECT_EQ(ids(Port::kIommu, Channel::kAw, kStore), Ids{kOwn});
}

TEST_F(QosIds, MessagesHaveTheRegisters) {
  iommu.write(r::fctl, 0);
  iommu.write64(r::msi_addr.offset, iommu.frame());
  iommu.enable_fault_queue(6, true);
  bench.device().read({.device_id = 1}, kIova, 8);  // Off
  EXPECT_EQ(ids(Port::kIommu, Channel::kAw, kMessage), Ids{kOwn});
}

TEST_F(QosIds, WiderIdsInADeviceContextAreMisconfigured) {
  for (const auto& [rcid, mcid] : {std::pair{0x20U, 0U}, {0U, 0x40U}, {0x1fU, 0x3fU}}) {
    tb::Straps straps = qos();
    straps.rcid_bits = 5;
    straps.mcid_bits = 6;
    bench.reset(straps);
    table.clear();
    translate(rcid, mcid);
    bench.device().read({.device_id = 1}, kIova, 8);
    const std::vector<Fault> faults = iommu.faults();
    if (rcid == 0x1f) {
      EXPECT_TRUE(faults.empty());
    } else {
      ASSERT_EQ(faults.size(), 1U);
      EXPECT_EQ(faults[0].cause, regs::Cause::kDdtMisconfigured);
    }
  }
}

}  // namespace
}  // namespace aperture::test
