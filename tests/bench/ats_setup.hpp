// SPDX-License-Identifier: Apache-2.0
#pragma once

// What tests of ATS and page requests start from: a device behind the external port that may use both. Contexts are in
// base format.

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "bench/iommu_setup.hpp"

namespace aperture::test {

inline constexpr std::uint32_t kAtsDevice = 5;
inline constexpr std::uint64_t kAtsIova = 0x4000'0000;
inline constexpr std::uint64_t kAtsTarget = 0x9'8765'4000;

/// Codes of a page request group response.
inline constexpr unsigned kSuccess = 0, kInvalidRequest = 1, kResponseFailure = 15;

inline constexpr std::uint64_t kAtsAllowed =
    regs::dc::tc::v.mask() | regs::dc::tc::en_ats.mask() | regs::dc::tc::en_pri.mask();

inline tb::Straps base_format() {
  namespace caps = regs::iommu::capabilities_f;
  tb::Straps straps;
  straps.capabilities &= ~(caps::msi_flat.mask() | caps::msi_mrif.mask() | caps::amo_mrif.mask());
  straps.fctl = static_cast<std::uint8_t>(regs::iommu::fctl_f::wsi.mask());
  straps.ats_timeout = 20'000;
  return straps;
}

class AtsTest : public ::testing::Test {
 protected:
  explicit AtsTest(const tb::Straps& straps = base_format()) {
    bench.reset(straps);
    start(iommu);
    table.map(kAtsIova, kAtsTarget);
    context.tc = kAtsAllowed;
    iommu.set_context(kAtsDevice, context);
  }

  tb::DeviceAccess request(std::uint64_t iova = kAtsIova, bool write = true) const {
    tb::DeviceAccess access;
    access.device_id = kAtsDevice;
    access.type = tb::AccessType::kAts;
    access.iova = iova;
    access.write = write;
    return access;
  }
  tb::AtsResult answer(const tb::DeviceAccess& access) {
    const auto result = bench.device().ats(access);
    EXPECT_TRUE(result) << "no completion";
    return result.value_or(tb::AtsResult{});
  }

  static std::uint64_t payload(bool read, bool write, bool last, unsigned group, std::uint64_t address = kAtsIova) {
    return address | std::uint64_t{group} << 3 | (last ? 4 : 0) | (write ? 2 : 0) | (read ? 1 : 0);
  }
  tb::PageRequest page(std::uint64_t payload) const {
    tb::PageRequest request;
    request.device_id = kAtsDevice;
    request.payload = payload;
    return request;
  }
  /// Sends it and waits until the IOMMU has dealt with it.
  void ask(const tb::PageRequest& request) {
    ASSERT_TRUE(bench.device().page_request(request));
    bench.settle();
  }
  /// What the IOMMU answers by itself, and with which PASID.
  tb::Messages::GroupResponse response() {
    const auto all = bench.device().messages().group_responses;
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? tb::Messages::GroupResponse{} : all.front();
  }
  static unsigned code(const tb::Messages::GroupResponse& r) { return static_cast<unsigned>(r.payload >> 44 & 0xf); }
  static unsigned group(const tb::Messages::GroupResponse& r) { return static_cast<unsigned>(r.payload >> 32 & 0x1ff); }

  void enable_page_queue(unsigned log2 = 3, std::uint64_t at = 0) {
    queue = at != 0 ? at : iommu.frame();
    iommu.write(regs::iommu::pqb,
                regs::iommu::pqb_f::ppn.set(regs::iommu::pqb_f::log2szm1.set(0, log2 - 1), queue >> 12));
    iommu.write(regs::iommu::pqcsr, regs::iommu::pqcsr_f::pqen.mask() | regs::iommu::pqcsr_f::pie.mask());
    ASSERT_TRUE(iommu.wait_for(regs::iommu::pqcsr, regs::iommu::pqcsr_f::busy, 0));
  }

  std::vector<tb::Messages::Invalidation> invalidations() { return bench.device().messages().invalidations; }
  bool stalls_with(const regs::Field& field) { return !iommu.finish() && iommu.get(regs::iommu::cqcsr, field) == 1; }

  tb::Bench& bench = power_on();
  Iommu iommu{bench};
  PageTable table{iommu, regs::SatpMode::kSv39};
  DeviceContext context = table.context();
  std::uint64_t queue = 0;
};

/// The port may use other ids than the device's.
class OwnIds : public AtsTest {
 protected:
  static tb::Straps straps() {
    tb::Straps s = base_format();
    s.port_id_mask = 0xff'ff00;
    s.port_id_base = 0x100;
    return s;
  }
  OwnIds() : AtsTest(straps()) {}
};

/// A card without ATS.
class NoAts : public AtsTest {
 protected:
  static tb::Straps straps() {
    tb::Straps s = base_format();
    s.capabilities &= ~(regs::iommu::capabilities_f::ats.mask() | regs::iommu::capabilities_f::t2gpa.mask());
    return s;
  }
  NoAts() : AtsTest(straps()) {}
};

}  // namespace aperture::test
