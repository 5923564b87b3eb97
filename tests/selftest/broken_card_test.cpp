// SPDX-License-Identifier: Apache-2.0
// What is broken shows in the step that is made for it, with the advice that belongs to it.
#include <gtest/gtest.h>

#include <bit>

#include "regs/registers.hpp"
#include "selftest/broken_card.hpp"
#include "selftest/results.hpp"

namespace aperture::test {
namespace {

using card::Bar;
using Names = std::vector<std::string>;

class BrokenCards : public testing::Test {
 protected:
  Results run(const char* step = "") {
    Results results;
    sw::selftest::run(card, sw::selftest::chosen(step), {}, results);
    return results;
  }
  /// Expects that this step alone fails, and that its first finding has these words.
  static void expect_failure(const Results& results, const char* step, const char* found, const char* check) {
    EXPECT_EQ(results.failed(), Names{step}) << results.text();
    const auto* done = results.of(step);
    ASSERT_NE(done, nullptr);
    ASSERT_TRUE(done->verdict.failed());
    EXPECT_NE(done->verdict.findings()[0].found.find(found), std::string::npos) << results.text();
    EXPECT_NE(done->verdict.findings()[0].check.find(check), std::string::npos) << results.text();
  }
  /// Reads of the identity register give `value`.
  void identity_reads(std::uint32_t value) {
    card.on_read = [value](Bar bar, std::uint64_t offset, unsigned, std::uint64_t real) {
      return bar == Bar::kCard && offset == regs::card::id.offset ? value : real;
    };
  }
  static bool is(const regs::Register& reg, Bar bar, std::uint64_t offset) {
    return reg.bar == static_cast<int>(bar) && offset == reg.offset;
  }

  BrokenCard card;
};

TEST_F(BrokenCards, AWholeCardPassesEveryStepAndIsLeftReset) {
  const Results results = run();
  EXPECT_EQ(results.failed(), Names{}) << results.text();
  EXPECT_FALSE(results.death);
  EXPECT_EQ(results.results.size(), sw::selftest::steps().size());
  EXPECT_TRUE(card.left_reset());
}

TEST_F(BrokenCards, AllOnesIsTheLinkOrTheMemoryEnable) {
  card.dies_after = 0;
  const Results results = run();
  expect_failure(results, "identity", "all ones", "LnkSta");
  EXPECT_TRUE(results.death);
  EXPECT_EQ(results.results.size(), 1U);
}

TEST_F(BrokenCards, AllZerosIsTheAddressDecode) {
  card.on_read = [](Bar, std::uint64_t, unsigned, std::uint64_t) { return std::uint64_t{0}; };
  const Results results = run();
  expect_failure(results, "identity", "all zeros", "address decode");
  EXPECT_TRUE(results.death);
}

TEST_F(BrokenCards, AWrongIdIsAnotherBitstream) {
  identity_reads(0x1234'5678);
  expect_failure(run(), "identity", "0x12345678", "bitstream");
}

TEST_F(BrokenCards, ASwappedIdIsTheByteOrder) {
  identity_reads(0x4150'5452);
  expect_failure(run(), "identity", "bytes swapped", "byte order");
}

TEST_F(BrokenCards, AnIommuPageThatReadsZerosIsBar0) {
  card.on_read = [](Bar bar, std::uint64_t, unsigned, std::uint64_t real) { return bar == Bar::kIommu ? 0 : real; };
  expect_failure(run(), "identity", "all zeros", "BAR 0");
}

TEST_F(BrokenCards, AClockThatStandsIsSaid) {
  card.on_read = [](Bar bar, std::uint64_t offset, unsigned, std::uint64_t real) {
    return is(regs::card::cycle, bar, offset) ? 1000 : real;
  };
  expect_failure(run("clock"), "clock", "1000, 1000", "clock");
}

TEST_F(BrokenCards, AResetThatDoesNotReachTheChannelsIsSeen) {
  std::uint64_t mask = ~std::uint64_t{0};
  card.on_write = [&](Bar bar, std::uint64_t offset, unsigned, std::uint64_t& value) {
    if (is(regs::dma::address_mask, bar, offset)) mask = value;
    return true;
  };
  card.on_read = [&](Bar bar, std::uint64_t offset, unsigned, std::uint64_t real) {
    return is(regs::dma::address_mask, bar, offset) ? mask : real;
  };
  const Results results = run("registers");
  expect_failure(results, "reset", "0xfff", "reset");
  EXPECT_TRUE(results.death);
}

TEST_F(BrokenCards, AStuckBitIsNamed) {
  card.on_write = [](Bar bar, std::uint64_t offset, unsigned, std::uint64_t& value) {
    if (is(regs::dma::device_id, bar, offset)) value &= ~std::uint64_t{1 << 13};
    return true;
  };
  const Results results = run("registers");
  expect_failure(results, "registers", "bits that read 0 though 1 was written: 13", "data lines");
  EXPECT_NE(results.text().find("dma0.device_id"), std::string::npos) << results.text();
}

TEST_F(BrokenCards, TwoRegistersAtOneAddressAreToldApart) {
  // An address line is stuck: what is written to process_id goes to device_id too.
  std::optional<std::uint64_t> shared;
  card.on_write = [&](Bar bar, std::uint64_t offset, unsigned, std::uint64_t& value) {
    if (is(regs::dma::process_id, bar, offset)) shared = value;
    if (is(regs::dma::device_id, bar, offset)) shared.reset();
    return true;
  };
  card.on_read = [&](Bar bar, std::uint64_t offset, unsigned, std::uint64_t real) {
    return is(regs::dma::device_id, bar, offset) && shared ? *shared : real;
  };
  expect_failure(run("registers"), "registers", "the value of dma0.process_id", "address lines");
}

TEST_F(BrokenCards, HalvesThatAreSwappedAreSeen) {
  card.on_read = [](Bar bar, std::uint64_t offset, unsigned size, std::uint64_t real) {
    return bar == Bar::kCard && offset >= regs::dma::kBlock.base && size == 8 ? std::rotl(real, 32) : real;
  };
  const Results results = run("access-widths");
  ASSERT_NE(results.of("access-widths"), nullptr) << results.text();
  EXPECT_TRUE(results.of("access-widths")->verdict.failed());
}

TEST_F(BrokenCards, AVectorFieldThatHoldsLessThanTheOthersIsSeen) {
  card.on_write = [](Bar bar, std::uint64_t offset, unsigned, std::uint64_t& value) {
    if (is(regs::iommu::icvec, bar, offset)) value &= 0xff0f;
    return true;
  };
  expect_failure(run("legal-values"), "legal-values", "0x", "");
}

TEST_F(BrokenCards, AVectorThatNeverFiresIsNamed) {
  card.lost_vectors = 1 << 17;
  const Results results = run();
  expect_failure(results, "irq-channels", "vectors 0x0", "MSI-X");
  EXPECT_NE(results.text().find("channel 1 raises vector 17"), std::string::npos) << results.text();
}

TEST_F(BrokenCards, VectorsThatTheTransportDoesNotGiveAreMissed) {
  card.granted = 18;
  const Results some = run();
  expect_failure(some, "irq-channels", "18 vectors", "MSI");
  card.granted = 0;
  EXPECT_EQ(run().failed(), (Names{"irq-command", "irq-fault", "irq-counter", "irq-page-request", "irq-channels"}));
}

TEST_F(BrokenCards, ACapabilitiesRegisterThatLosesItsUpperHalfIsSeen) {
  card.on_read = [](Bar bar, std::uint64_t offset, unsigned, std::uint64_t real) {
    return is(regs::iommu::capabilities, bar, offset) ? real & 0xffff'ffff : real;
  };
  expect_failure(run("identity"), "identity", "0, in 0x", "lose a half");
}

TEST_F(BrokenCards, DeviceIdsThatLoseBitsOnTheWayAreSeen) {
  for (const std::uint64_t kept : {0x3fULL, 0x7fffULL, 0xff'7fffULL}) {
    card.on_write = [kept](Bar bar, std::uint64_t offset, unsigned, std::uint64_t& value) {
      if (is(regs::dma::device_id, bar, offset)) value &= kept;
      return true;
    };
    const Results results = run("directories");
    EXPECT_EQ(results.failed(), Names{"directories"}) << results.text();
  }
}

TEST_F(BrokenCards, AnIommuThatStaysBareInsteadOfOffIsSeen) {
  constexpr auto kBare = static_cast<std::uint64_t>(regs::IommuMode::kBare);
  bool off = false;
  std::uint64_t before = 0;
  card.on_write = [&](Bar bar, std::uint64_t offset, unsigned, std::uint64_t& value) {
    if (!is(regs::iommu::ddtp, bar, offset)) return true;
    off = value == 0 && before == kBare;
    if (off) value = kBare;
    before = value;
    return true;
  };
  card.on_read = [&](Bar bar, std::uint64_t offset, unsigned, std::uint64_t real) {
    return off && is(regs::iommu::ddtp, bar, offset) ? 0 : real;
  };
  expect_failure(run("faults"), "faults", "ok", "");
}

TEST_F(BrokenCards, VectorsThatShareOneMessageAreNoDefect) {
  card.one_message = true;
  const Results results = run();
  EXPECT_EQ(results.failed(), Names{}) << results.text();
  card.lost_vectors = 1 << 17;
  EXPECT_EQ(run().failed(), Names{"irq-channels"});
}

TEST_F(BrokenCards, TheFaultQueuesVectorIsTestedByItself) {
  card.lost_vectors = 1 << 1;
  const Results results = run();
  EXPECT_EQ(results.failed(), (Names{"irq-command", "irq-fault"})) << results.text();
}

TEST_F(BrokenCards, DataThatIsCorruptedIsSaidByteByByte) {
  card.corrupts = true;
  const Results results = run();
  expect_failure(results, "loopback", " of 511 is 0x", "byte lanes");
  EXPECT_TRUE(results.death);
}

TEST_F(BrokenCards, ADoorbellThatIsLostShowsAtTheFirstFence) {
  bool enabled = false;
  card.on_write = [&](Bar bar, std::uint64_t offset, unsigned, std::uint64_t& value) {
    if (is(regs::iommu::cqcsr, bar, offset)) enabled = regs::iommu::cqcsr_f::cqen.get(value) != 0;
    return !(enabled && is(regs::iommu::cqt, bar, offset));
  };
  const Results results = run();
  expect_failure(results, "iommu", "IOFENCE.C", "aperture dump");
}

TEST_F(BrokenCards, ACardThatDiesOnTheWayIsReported) {
  const Results whole = run("loopback");
  ASSERT_TRUE(whole.failed().empty()) << whole.text();
  card.dies_after = card.accesses + 12'000;
  const Results results = run();
  ASSERT_TRUE(results.death) << results.text();
  EXPECT_NE(results.death->find("all ones"), std::string::npos) << *results.death;
  EXPECT_LT(results.results.size(), sw::selftest::steps().size());
}

TEST(Chosen, OneStepBringsThoseThatItNeeds) {
  std::vector<std::string> names;
  for (const auto* step : sw::selftest::chosen("sv39")) names.emplace_back(step->name);
  EXPECT_EQ(names, (Names{"identity", "reset", "iommu", "loopback", "sv39"}));
  EXPECT_TRUE(sw::selftest::chosen("no-such-step").empty());
}

TEST(Straps, FeaturesThatAreNotAnnouncedAreSkippedWithTheReason) {
  BrokenCard card(R"({"capabilities": "0x3810000210"})");  // Sv39 and wires
  Results results;
  sw::selftest::run(card, sw::selftest::chosen(""), {}, results);
  EXPECT_EQ(results.failed(), Names{}) << results.text();
  for (const char* name : {"sv48", "sv39x4", "pd8", "msi_flat", "ats", "hpm", "dbg", "two-stages", "messages", "nl"}) {
    const auto* done = results.of(name);
    ASSERT_NE(done, nullptr) << name;
    ASSERT_TRUE(done->verdict.skipped()) << name;
    EXPECT_NE(done->verdict.reason().find("apabilities"), std::string::npos) << done->verdict.reason();
  }
  EXPECT_FALSE(results.of("sv39")->verdict.skipped());
  EXPECT_FALSE(results.of("invalidation")->verdict.skipped());
}

TEST(Straps, ThirtyTwoBitFormatsAreTestedWhereAddressesAreLow) {
  BrokenCard card(R"({"capabilities": "0xffffffe2ffffff10"})");  // everything, 34 bits of physical address
  Results results;
  sw::selftest::run(card, sw::selftest::chosen(""), {}, results);
  EXPECT_EQ(results.failed(), Names{}) << results.text();
  for (const char* name : {"sv32", "sv32x4", "pas"}) {
    ASSERT_NE(results.of(name), nullptr);
    EXPECT_FALSE(results.of(name)->verdict.skipped()) << name << ": " << results.of(name)->verdict.reason();
  }
}

}  // namespace
}  // namespace aperture::test
