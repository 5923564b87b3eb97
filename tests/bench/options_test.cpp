// SPDX-License-Identifier: Apache-2.0
#include "tb/options.hpp"

#include <gtest/gtest.h>

#include "tb/sim_factory.hpp"

namespace aperture::tb {
namespace {

TEST(Straps, DefaultsStateVersion10And56AddressBits) {
  EXPECT_EQ(Straps{}.capabilities & 0xff, 0x10U);
  EXPECT_EQ(Straps{}.pas(), 56U);
}

TEST(Straps, KeysNotGivenKeepTheirDefault) {
  const auto straps = parse_straps(R"({"ddt_levels_max": 1, "capabilities": "0x3800000310"})");
  ASSERT_TRUE(straps) << straps.error().what;
  EXPECT_EQ(straps->ddt_levels_max, 1);
  EXPECT_EQ(straps->capabilities, 0x38'0000'0310U);
  EXPECT_EQ(straps->device_id_mask, 0xffffffU);
}

TEST(Straps, ResetModeIsAWord) {
  EXPECT_TRUE(parse_straps(R"({"reset_mode": "bare"})")->reset_bare);
  EXPECT_FALSE(parse_straps(R"({"reset_mode": 1})"));
}

TEST(Straps, RefusalNamesTheKey) {
  for (const char* text : {R"({"fctl": 8})", R"({"fctl": "12"})", R"({"fctl": true})"}) {
    const auto straps = parse_straps(text);
    ASSERT_FALSE(straps) << text;
    EXPECT_NE(straps.error().what.find("/fctl"), std::string::npos) << straps.error().what;
  }
  EXPECT_NE(parse_straps(R"({"levels": 8})").error().what.find("/levels"), std::string::npos);
}

TEST(Straps, TakesEveryKey) {
  const auto straps = parse_straps(R"({"fctl": 5, "fctl_be_writable": false, "fctl_gxl_writable": false,
    "hpm_counters": 7, "hpm_counter_bits": 40, "hpm_event_max": 4, "rcid_bits": 5, "mcid_bits": 6, "ats_timeout": "0x7d0"})");
  ASSERT_TRUE(straps) << straps.error().what;
  EXPECT_EQ(straps->fctl, 5);
  EXPECT_FALSE(straps->fctl_be_writable);
  EXPECT_FALSE(straps->fctl_gxl_writable);
  EXPECT_EQ(straps->hpm_counters, 7);
  EXPECT_EQ(straps->hpm_counter_bits, 40);
  EXPECT_EQ(straps->hpm_event_max, 4);
  EXPECT_EQ(straps->rcid_bits, 5);
  EXPECT_EQ(straps->mcid_bits, 6);
  EXPECT_EQ(straps->ats_timeout, 2000U);
}

TEST(Straps, CountersHaveALeastNumberAndWidth) {
  for (const char* text : {R"({"hpm_counters": 0})", R"({"hpm_counters": 32})", R"({"hpm_counter_bits": 31})",
                           R"({"hpm_counter_bits": 65})", R"({"rcid_bits": 13})"}) {
    EXPECT_FALSE(parse_straps(text)) << text;
  }
}

TEST(SimOptions, TakesEveryKey) {
  card::Options keys;
  keys.set("profile", "hostile");
  keys.set("latency", "7");
  keys.set("width", "128");
  keys.set("seed", "0x10");
  const auto options = parse_options(keys);
  ASSERT_TRUE(options) << options.error().what;
  EXPECT_EQ(options->profile, Profile::kHostile);
  EXPECT_EQ(options->latency, 7U);
  EXPECT_EQ(options->width, 128U);
  EXPECT_EQ(options->seed, 16U);
}

TEST(SimOptions, RefusesValuesOutOfRange) {
  for (const auto& [key, value] :
       {std::pair{"width", "96"}, {"latency", "0"}, {"profile", "perfect"}, {"frame_run", "3"}}) {
    card::Options keys;
    keys.set(key, value);
    EXPECT_FALSE(parse_options(keys)) << key << "=" << value;
  }
}

TEST(SimOptions, WaveTriggerIsAFaultOrARegisterWrite) {
  card::Options keys;
  keys.set("wave", "f.fst");
  keys.set("wave_trigger", "fault");
  EXPECT_EQ(parse_options(keys)->wave_trigger.kind, WaveTrigger::Kind::kFault);
  for (const char* text : {"write:0x10048", "write:65608"}) {
    keys.set("wave_trigger", text);
    const auto options = parse_options(keys);
    ASSERT_TRUE(options) << options.error().what;
    EXPECT_EQ(options->wave_trigger.kind, WaveTrigger::Kind::kWrite);
    EXPECT_EQ(options->wave_trigger.offset, 0x10048U);
  }
}

TEST(SimOptions, RefusesAWaveTriggerByName) {
  for (const char* text : {"", "faults", "write", "write:", "write:0x", "write:-4", "write:0x20000", "write:0x12",
                           "write:0x10 ", "write:99999999999999999999"}) {
    card::Options keys;
    keys.set("wave", "f.fst");
    keys.set("wave_trigger", text);
    const auto options = parse_options(keys);
    ASSERT_FALSE(options) << text;
    EXPECT_NE(options.error().what.find("wave_trigger"), std::string::npos) << options.error().what;
  }
  card::Options keys;
  keys.set("wave_trigger", "fault");
  const auto options = parse_options(keys);
  ASSERT_FALSE(options) << "a trigger without a file";
  EXPECT_NE(options.error().what.find("wave_trigger"), std::string::npos);
}

TEST(SimCard, ASecondOneIsBusy) {
  card::Options keys;
  const auto first = factory().open(keys);
  ASSERT_TRUE(first) << first.error().what;
  const auto second = factory().open(keys);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().number, EBUSY);
}

}  // namespace
}  // namespace aperture::tb
