// SPDX-License-Identifier: Apache-2.0
// Each rule on a made-up stream of pins: the violation is found, and the legal neighbour of it is not.
#include "tb/axi/checker.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace aperture::tb {
namespace {

class CheckerTest : public ::testing::Test {
 protected:
  void cycle() {
    checker.observe(pins, reset_n, now++);
    // Each cycle starts with quiet channels, but for those that a test sets again.
    pins = AxiPins{};
  }
  void read(std::uint64_t addr, unsigned beats, unsigned size = 3, unsigned burst = 1, std::uint8_t id = 0) {
    pins.ar = address(addr, beats, size, burst, id);
    cycle();
  }
  static AddressChannel address(std::uint64_t addr, unsigned beats, unsigned size = 3, unsigned burst = 1,
                                std::uint8_t id = 0) {
    return {addr,
            0,
            id,
            static_cast<std::uint8_t>(beats - 1),
            static_cast<std::uint8_t>(size),
            static_cast<std::uint8_t>(burst),
            0,
            true,
            true};
  }
  void data(bool last, std::uint8_t id = 0) {
    pins.r = {{}, id, 0, false, last, true, true};
    cycle();
  }
  void write_data(bool last, std::uint16_t strobes = 0xff) {
    pins.w = {{}, strobes, last, true, true};
    cycle();
  }
  void answer(std::uint8_t id = 0) {
    pins.b = {id, 0, true, true};
    cycle();
  }
  void expect(const std::string& rule) {
    ASSERT_EQ(seen.size(), 1U) << (seen.empty() ? "" : seen[0].text() + "\n" + seen.back().text());
    EXPECT_NE(seen[0].text().find(rule), std::string::npos) << seen[0].text();
    EXPECT_EQ(seen[0].cycle, now - 1);
    EXPECT_NE(seen[0].text().find("m_data"), std::string::npos);
  }
  void expect_none() { EXPECT_TRUE(seen.empty()) << seen[0].text(); }

  std::vector<Violation> seen;
  Checker checker{Port::kData, 8, [this](const Violation& v) { seen.push_back(v); }};
  AxiPins pins{};
  bool reset_n = true;
  std::uint64_t now = 100;
};

TEST_F(CheckerTest, AcceptsALegalReadAndWrite) {
  read(0x1000, 2);
  data(false);
  data(true);
  pins.aw = address(0x1000, 2);
  cycle();
  write_data(false);
  write_data(true);
  answer();
  expect_none();
  EXPECT_EQ(checker.outstanding(), 0U);
}

TEST_F(CheckerTest, AcceptsDataBeforeItsAddress) {
  write_data(true);
  pins.aw = address(0x1000, 1);
  cycle();
  answer();
  expect_none();
}

TEST_F(CheckerTest, FindsValidThatFalls) {
  pins.ar = address(0x1000, 1);
  pins.ar.ready = false;
  cycle();
  cycle();
  expect("ARVALID fell");
}

TEST_F(CheckerTest, FindsAddressThatChangesWhileItWaits) {
  pins.ar = address(0x1000, 1);
  pins.ar.ready = false;
  cycle();
  pins.ar = address(0x2000, 1);
  cycle();
  expect("AR payload changed");
}

TEST_F(CheckerTest, AcceptsTheNextAddressAfterTheHandshake) {
  read(0x1000, 1);
  read(0x2000, 1);
  expect_none();
}

TEST_F(CheckerTest, FindsWriteDataThatChangesWhileItWaits) {
  pins.w = {{1, 0}, 0xff, true, true, false};
  cycle();
  pins.w = {{2, 0}, 0xff, true, true, true};
  cycle();
  expect("W payload changed");
}

TEST_F(CheckerTest, FindsAnswerThatChangesWhileItWaits) {
  pins.aw = address(0x1000, 1);
  cycle();
  write_data(true);
  pins.b = {0, 0, true, false};
  cycle();
  pins.b = {0, 2, true, true};
  cycle();
  expect("B payload changed");
}

TEST_F(CheckerTest, FindsABurstAcross4KiB) {
  read(0x1ff8, 2);
  expect("4 KiB boundary");
}

TEST_F(CheckerTest, AcceptsABurstUpToTheLastByteOfAPage) {
  read(0x1ff9, 1);
  read(0x1f80, 16);
  expect_none();
}

TEST_F(CheckerTest, FindsABeatWiderThanTheBus) {
  read(0x1000, 1, 4);
  expect("wider");
}

TEST_F(CheckerTest, FindsAWrapOfOddLength) {
  read(0x1000, 3, 3, 2);
  expect("WRAP burst has 2, 4, 8 or 16");
}

TEST_F(CheckerTest, FindsAnUnalignedWrap) {
  read(0x1004, 4, 3, 2);
  expect("starts aligned");
}

TEST_F(CheckerTest, FindsAReservedBurstType) {
  read(0x1000, 1, 3, 3);
  expect("reserved");
}

TEST_F(CheckerTest, FindsReadDataNobodyAskedFor) {
  read(0x1000, 1, 3, 1, 3);
  data(true, 4);
  expect("answers no read");
}

TEST_F(CheckerTest, FindsRlastTooEarly) {
  read(0x1000, 2);
  data(true);
  expect("RLAST");
}

TEST_F(CheckerTest, FindsRlastMissing) {
  read(0x1000, 1);
  data(false);
  expect("RLAST");
}

TEST_F(CheckerTest, FindsWlastTooEarly) {
  pins.aw = address(0x1000, 2);
  cycle();
  write_data(true);
  expect("WLAST");
}

TEST_F(CheckerTest, FindsWlastMissing) {
  pins.aw = address(0x1000, 1);
  cycle();
  write_data(false);
  expect("WLAST");
}

TEST_F(CheckerTest, FindsStrobesBesideTheBeat) {
  pins.aw = address(0x1002, 1, 1);
  cycle();
  write_data(true, 0x1c);
  expect("strobes");
}

TEST_F(CheckerTest, AcceptsStrobesOfANarrowBeat) {
  pins.aw = address(0x1002, 1, 1);
  cycle();
  write_data(true, 0x0c);
  expect_none();
}

TEST_F(CheckerTest, FindsAnAnswerBeforeTheLastData) {
  pins.aw = address(0x1000, 2);
  cycle();
  write_data(false);
  answer();
  expect("answers no complete write");
}

TEST_F(CheckerTest, FindsASecondAnswer) {
  pins.aw = address(0x1000, 1);
  cycle();
  write_data(true);
  answer();
  answer();
  expect("answers no complete write");
}

TEST_F(CheckerTest, FindsExokayWithoutExclusiveAccess) {
  read(0x1000, 1);
  pins.r = {{}, 0, 1, false, true, true, true};
  cycle();
  expect("EXOKAY");
}

class ExclusiveCheckerTest : public CheckerTest {
 protected:
  void exclusive_read(std::uint64_t addr, unsigned beats = 1, unsigned size = 3, std::uint8_t resp = 1) {
    pins.ar = address(addr, beats, size);
    pins.ar.lock = true;
    cycle();
    for (unsigned i = 1; i <= beats; ++i) {
      pins.r = {{}, 0, resp, false, i == beats, true, true};
      cycle();
    }
  }
  void exclusive_write(std::uint64_t addr, unsigned size = 3, std::uint8_t id = 0) {
    pins.aw = address(addr, 1, size, 1, id);
    pins.aw.lock = true;
    cycle();
  }
};

TEST_F(ExclusiveCheckerTest, AcceptsAPairThatSucceedsOrFails) {
  for (const std::uint8_t resp : {std::uint8_t{1}, std::uint8_t{0}}) {
    exclusive_read(0x1008);
    exclusive_write(0x1008);
    write_data(true);
    pins.b = {0, resp, true, true};
    cycle();
  }
  expect_none();
}

TEST_F(ExclusiveCheckerTest, FindsAnAddressThatIsNotAlignedToTheWhole) {
  exclusive_read(0x1008, 2);
  EXPECT_EQ(seen.size(), 1U);
  EXPECT_NE(seen.at(0).text().find("aligned to all"), std::string::npos);
}

TEST_F(ExclusiveCheckerTest, FindsASizeThatIsNoPowerOfTwo) {
  exclusive_read(0x1000, 3);
  EXPECT_EQ(seen.size(), 1U);
  EXPECT_NE(seen.at(0).text().find("power of two"), std::string::npos);
}

TEST_F(ExclusiveCheckerTest, FindsMoreThan128Bytes) {
  exclusive_read(0x1000, 32);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_NE(seen[0].text().find("128"), std::string::npos);
  EXPECT_NE(seen[1].text().find("16 beats"), std::string::npos);
}

TEST_F(ExclusiveCheckerTest, FindsAWriteWithoutItsRead) {
  exclusive_write(0x1008);
  expect("A7.2.2");
}

TEST_F(ExclusiveCheckerTest, FindsAWriteOfOtherBytesThanTheReads) {
  exclusive_read(0x1008);
  exclusive_write(0x1010);
  expect("A7.2.2");
}

TEST_F(ExclusiveCheckerTest, FindsAWriteOfAnotherSizeThanTheReads) {
  exclusive_read(0x1008);
  exclusive_write(0x1008, 2);
  expect("A7.2.2");
}

TEST_F(ExclusiveCheckerTest, FindsASecondWriteForOneRead) {
  exclusive_read(0x1008);
  exclusive_write(0x1008);
  write_data(true);
  answer();
  exclusive_write(0x1008);
  expect("A7.2.2");
}

TEST_F(ExclusiveCheckerTest, FindsExokayForAUsualWriteBehindAnExclusiveOne) {
  exclusive_read(0x1008);
  exclusive_write(0x1008);
  write_data(true);
  pins.aw = address(0x2000, 1);
  cycle();
  write_data(true);
  pins.b = {0, 1, true, true};
  cycle();
  expect_none();
  pins.b = {0, 1, true, true};
  cycle();
  expect("EXOKAY");
}

TEST_F(CheckerTest, FindsValidDuringReset) {
  reset_n = false;
  for (int i = 0; i < 10; ++i) cycle();
  pins.ar = address(0x1000, 1);
  cycle();
  expect("during reset");
}

TEST_F(CheckerTest, ResetForgetsWhatWasOutstanding) {
  read(0x1000, 1);
  reset_n = false;
  cycle();
  reset_n = true;
  cycle();
  EXPECT_EQ(checker.outstanding(), 0U);
  data(true);
  expect("answers no read");
}

TEST_F(CheckerTest, AnswersOfDifferentIdsMayPass) {
  read(0x1000, 1, 3, 1, 1);
  read(0x2000, 2, 3, 1, 2);
  data(false, 2);
  data(true, 1);
  data(true, 2);
  expect_none();
}

}  // namespace
}  // namespace aperture::tb
