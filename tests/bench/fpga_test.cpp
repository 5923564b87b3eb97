// SPDX-License-Identifier: Apache-2.0
// The card as an FPGA has it: what it is, and what sim-fpga refuses. What it does, the driver's tests show.
#include <gtest/gtest.h>

#include "card/registers.hpp"
#include "regs/registers.hpp"
#include "tb/sim_factory.hpp"

namespace aperture::tb {
namespace {

Result<std::unique_ptr<card::Card>> open(const std::string& key = "payload", const std::string& value = "128") {
  card::Options keys;
  keys.set(key, value);
  return fpga_factory().open(keys);
}

TEST(Fpga, HasWhatItsBridgeCanKeepAndNothingElse) {
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  using namespace regs::iommu;
  const std::uint64_t has = card::read((*card)->mmio(), capabilities);
  EXPECT_EQ(capabilities_f::version.get(has), 0x10U);
  EXPECT_EQ(capabilities_f::pas.get(has), 32U);
  for (const regs::Field& lacks :
       {capabilities_f::amo_hwad, capabilities_f::amo_mrif, capabilities_f::qosid, capabilities_f::svpbmt}) {
    EXPECT_EQ(lacks.get(has), 0U) << lacks.name;
  }
  for (const regs::Field& kept : {capabilities_f::sv57, capabilities_f::sv57x4, capabilities_f::msi_flat,
                                  capabilities_f::msi_mrif, capabilities_f::ats, capabilities_f::hpm}) {
    EXPECT_EQ(kept.get(has), 1U) << kept.name;
  }
}

TEST(Fpga, RegistersTakeHalvesOfWords) {
  const auto card = open();
  ASSERT_TRUE(card) << card.error().what;
  card::Mmio& mmio = (*card)->mmio();
  const std::uint64_t offset = regs::iommu::cqb.offset;
  mmio.write64(card::Bar::kIommu, offset, 0x12'3400'0005);
  EXPECT_EQ(mmio.read32(card::Bar::kIommu, offset), 0x3400'0005U & 0xffff'fc1fU);
  const std::uint64_t before = mmio.read64(card::Bar::kIommu, offset);
  mmio.write32(card::Bar::kIommu, offset, 0x0000'0406);
  const std::uint64_t after = mmio.read64(card::Bar::kIommu, offset);
  EXPECT_EQ(after >> 32, before >> 32);
  EXPECT_EQ(static_cast<std::uint32_t>(after), 0x0000'0406U);
}

TEST(Fpga, RefusesValuesOutOfRangeByName) {
  for (const auto& [key, value] :
       {std::pair{"payload", "192"}, {"payload", "512"}, {"latency", "0"}, {"frame_run", "3"}}) {
    const auto card = open(key, value);
    ASSERT_FALSE(card) << key << "=" << value;
    EXPECT_EQ(card.error().number, EINVAL);
    EXPECT_NE(card.error().what.find(key), std::string::npos) << card.error().what;
  }
}

}  // namespace
}  // namespace aperture::tb
