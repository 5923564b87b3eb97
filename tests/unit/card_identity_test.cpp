// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "card/dump.hpp"
#include "card/identity.hpp"
#include "unit/fake_card.hpp"

namespace aperture::card {
namespace {

using test::FakeCard;

TEST(CardIdentity, ReadsSizesAndClock) {
  FakeCard card;
  auto identity = identify(card);
  ASSERT_TRUE(identity) << identity.error().what;
  EXPECT_EQ(identity->major, 1U);
  EXPECT_EQ(identity->channels, FakeCard::kChannels);
  EXPECT_EQ(identity->data_width, 64U);
  EXPECT_EQ(identity->clock_hz, 100'000'000U);
}

TEST(CardIdentity, AllOnesMeanThatNothingAnswers) {
  FakeCard card;
  card.gone = true;
  EXPECT_EQ(identify(card).error().code, Code::kCardDead);
}

TEST(CardIdentity, ZerosAndStrangersAreToldApart) {
  FakeCard card;
  card.id = 0;
  const auto zeros = identify(card).error();
  card.id = 0x12345678;
  const auto stranger = identify(card).error();
  EXPECT_EQ(zeros.number, ENODEV);
  EXPECT_NE(zeros.what.find("reset"), std::string::npos) << zeros.what;
  EXPECT_NE(stranger.what.find("0x12345678"), std::string::npos) << stranger.what;
}

TEST(CardDump, ListsEveryRegisterOfEveryChannelOnce) {
  FakeCard card;
  const auto values = read_all(card, 2);
  const auto channels =
      std::ranges::count_if(values, [](const auto& v) { return v.reg->name == std::string("ring_base"); });
  const auto msi = std::ranges::count_if(values, [](const auto& v) { return v.reg->name == std::string("msi_addr"); });
  EXPECT_EQ(channels, 2);
  EXPECT_EQ(msi, 16);
}

TEST(CardDump, NamesFields) {
  FakeCard card;
  card.reg(regs::dma::ctrl, 1) = 5;
  const auto values = read_all(card, 2);
  const auto found =
      std::ranges::find_if(values, [](const auto& v) { return v.reg->name == std::string("ctrl") && v.instance == 1; });
  ASSERT_NE(found, values.end());
  const std::string text = to_text(*found);
  EXPECT_TRUE(text.starts_with("dma[1].ctrl = 0x00000005 enable=0x1 irq_enable=0x0 process_id_valid=0x1")) << text;
}

}  // namespace
}  // namespace aperture::card
