// SPDX-License-Identifier: Apache-2.0
// Pictures of small spaces, worked out by hand.
#include <gtest/gtest.h>

#include <string>

#include "ioas/memory_domain.hpp"
#include "ioas/text.hpp"
#include "windows/clean.hpp"
#include "windows/json.hpp"
#include "windows/scale.hpp"
#include "windows/svg.hpp"
#include "windows/text.hpp"

namespace aperture::sw::windows {
namespace {

using ioas::Cause;
using ioas::kMax;
using ioas::Prot;

std::byte* pointer(std::uint64_t address) { return reinterpret_cast<std::byte*>(address); }
constexpr std::uint64_t kVa = 0x4000'0000;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

/// "0x0 . usable|0x1000 # mapped rw": the pieces in short.
std::string in_short(const std::vector<Piece>& list) {
  std::string text;
  for (const Piece& piece : list) {
    text +=
        (text.empty() ? "" : "|") + ioas::hex(piece.range.first.value) + " " + symbol(piece.state) + " " + piece.text();
  }
  return text;
}

class Picture : public testing::Test {
 protected:
  ioas::MemoryPins pins;
  ioas::MemoryDevice nic{"nic", 1, pins, {{}, {{{{0xfee00000}, {0xfeefffff}}, Cause::kMsi}}, 48}};
  ioas::MemoryDevice legacy{"legacy", 2, pins, {{}, {}, 32}};
  ioas::Platform platform;
  ioas::Ioas space{platform, {.name = "guest"}};
};

TEST_F(Picture, EmptySpaceIsOneUsablePiece) {
  EXPECT_EQ(in_short(pieces(look(space))), "0x0 . usable");
  EXPECT_EQ(to_text(look(space)),
            "IOAS \"guest\": no device; alignment 1 byte\n"
            "\n"
            "  " +
                std::string(96, '.') +
                "\n"
                "\n"
                "  0x0                 ....      16 EiB  usable\n"
                "  0xffffffffffffffff  end\n");
}

TEST_F(Picture, GuestWithTwoWindowsAndAMsiHole) {
  ASSERT_TRUE(space.require({{.name = "low", .base = Iova{0}, .size = 2 * kGiB},
                             {.name = "high", .base = Iova{4 * kGiB}, .size = 4 * kGiB}}));
  ASSERT_TRUE(space.attach(nic));
  ASSERT_TRUE(space.map(pointer(kVa), kGiB, Prot::kReadWrite, Iova{0}));
  // Units: 1 + log2 / 8, twice for what is required or mapped. 2^30: 4, doubled 8; 2^30: 8; 0x7ee00000 (2^30.98): 4;
  // 2^20: 3; 0x1100000 (2^24.1): 4; 2^32: 5, doubled 10; 2^47.99: 6; 2^63.99: 8. Sum 51. Of 96 columns 8 are given, 88
  // shared: 88 * (8, 16, 20, 23, 27, 37, 43, 51) / 51 = 13, 27, 34, 39, 46, 63, 74, 88.
  EXPECT_EQ(to_text(look(space)),
            "IOAS \"guest\": nic; alignment 4 KiB; windows: 2; maps: 1\n"
            "\n"
            "  " +
                std::string(14, '#') + std::string(15, '=') + std::string(8, '.') + std::string(6, '/') +
                std::string(8, '.') + std::string(18, '=') + std::string(12, '.') + std::string(15, '/') +
                "\n"
                "\n"
                "  0x0                 ####       1 GiB  mapped rw; window \"low\"\n"
                "  0x40000000          ====       1 GiB  window \"low\"\n"
                "  0x80000000          ....   ~1.98 GiB  usable\n"
                "  0xfee00000          ////       1 MiB  reserved: msi of nic\n"
                "  0xfef00000          ....      17 MiB  usable\n"
                "  0x100000000         ====       4 GiB  window \"high\"\n"
                "  0x200000000         ....    ~256 TiB  usable\n"
                "  0x1000000000000     ////   ~16.0 EiB  reserved: dma_mask of nic\n"
                "  0xffffffffffffffff  end\n");
}

TEST_F(Picture, RefusedAttachIsDrawnAsWhatItWouldHaveBlocked) {
  ASSERT_TRUE(space.require({{.name = "ram", .base = Iova{2 * kGiB}, .size = 4 * kGiB}}));
  ASSERT_TRUE(space.map(pointer(kVa), 0x1000, Prot::kRead, Iova{8 * kGiB}));
  const auto refused = space.attach(legacy);
  ASSERT_FALSE(refused);
  Space picture = look(space);
  picture.refused.push_back(*refused.error().report);
  EXPECT_EQ(in_short(pieces(picture)),
            "0x0 . usable|"
            "0x80000000 = window \"ram\"|"
            "0x100000000 X blocked: attach legacy: dma_mask of legacy; window \"ram\"|"
            "0x180000000 . usable|"
            "0x200000000 X blocked: attach legacy: dma_mask of legacy; mapped r|"
            "0x200001000 . usable");
  EXPECT_NE(to_text(picture).find("\n  attach legacy refused: window \"ram\""), std::string::npos) << to_text(picture);
}

TEST_F(Picture, NeighboursOfDifferentAccessStayApartAndEqualOnesAreCounted) {
  ASSERT_TRUE(space.map(pointer(kVa), 0x1000, Prot::kRead, Iova{0x1000}));
  ASSERT_TRUE(space.map(pointer(kVa), 0x2000, Prot::kRead, Iova{0x2000}));
  ASSERT_TRUE(space.map(pointer(kVa), 0x1000, Prot::kWrite, Iova{0x4000}));
  EXPECT_EQ(in_short(pieces(look(space))), "0x0 . usable|0x1000 # mapped r, 2 maps|0x4000 # mapped w|0x5000 . usable");
}

TEST_F(Picture, ManyMapsAreFoldedIntoOnePiecePerPlace) {
  ASSERT_TRUE(space.require({{.name = "w", .base = Iova{0x100000}, .size = 0x100000}}));
  for (std::uint64_t i = 0; i < 30; ++i) {
    ASSERT_TRUE(space.map(pointer(kVa), 0x1000, i % 2 == 0 ? Prot::kRead : Prot::kWrite, Iova{0x100000 + 0x2000 * i}));
  }
  EXPECT_EQ(in_short(pieces(look(space))),
            "0x0 . usable|0x100000 # mapped r, w, 30 maps of 120 KiB; window \"w\"|0x200000 . usable");
  EXPECT_EQ(pieces(look(space), 100).size(), 62U) << "not where there is room";
}

TEST_F(Picture, MapAcrossAWindowsEndIsTwoPiecesAndOneMap) {
  ASSERT_TRUE(space.require({{.name = "w", .base = Iova{0x1000}, .size = 0x1000}}));
  ASSERT_TRUE(space.map(pointer(kVa), 0x2000, Prot::kRead, Iova{0x1000}));
  const auto list = pieces(look(space));
  EXPECT_EQ(in_short(list), "0x0 . usable|0x1000 # mapped r; window \"w\"|0x2000 # mapped r|0x3000 . usable");
  EXPECT_EQ(list[1].maps + list[2].maps, 1U);
}

TEST_F(Picture, AllowListAndOverlappingReservationsAreNamed) {
  ASSERT_TRUE(space.attach(nic));
  ASSERT_TRUE(space.attach(legacy));
  ASSERT_TRUE(space.allow({{{0x1000}, {0x1fff}}}));
  EXPECT_EQ(in_short(pieces(look(space))),
            "0x0 . usable|0x1000 + allowed|0x2000 . usable|0xfee00000 / reserved: msi of nic|0xfef00000 . usable|"
            "0x100000000 / reserved: dma_mask of legacy|"
            "0x1000000000000 / reserved: dma_mask of nic, dma_mask of legacy");
}

TEST(PictureSize, IsExactOrSaysThatItIsNot) {
  const auto text = [](std::uint64_t bytes) { return size_text({{0}, {bytes - 1}}); };
  EXPECT_EQ(text(1), "1 byte");
  EXPECT_EQ(text(1023), "1023 bytes");
  EXPECT_EQ(text(4096), "4 KiB");
  EXPECT_EQ(text(6 * kGiB), "6 GiB");
  EXPECT_EQ(text(kGiB + kGiB / 2), "1.5 GiB");
  EXPECT_EQ(text(kGiB + kGiB / 4), "1.25 GiB");
  EXPECT_EQ(text(kGiB + 1), "~1.00 GiB");
  EXPECT_EQ(text(1025), "~1.00 KiB");
  EXPECT_EQ(text(kMax), "~16.0 EiB");
  EXPECT_EQ(size_text({{0}, {kMax}}), "16 EiB");
}

TEST(PictureScale, WidthsSumUpAndNoneIsLostWhileThereIsRoom) {
  std::vector<Piece> list(3);
  list[0].range = {{0}, {0xff}};           // 2
  list[1].range = {{0x100}, {0xffff}};     // 2: less than 2^16
  list[2].range = {{0x10000}, {0x1ffff}};  // 3, mapped: 6
  list[2].state = State::kMapped;
  EXPECT_EQ(widths(list, 13), (std::vector<unsigned>{3, 3, 7}));
  EXPECT_EQ(widths(list, 3), (std::vector<unsigned>{1, 1, 1}));
  EXPECT_EQ(widths(list, 2), (std::vector<unsigned>{1, 1, 0}));
  EXPECT_EQ(widths(list, 40, 10), (std::vector<unsigned>{12, 12, 16}));
}

TEST_F(Picture, ColoursOnlyAddEscapes) {
  ASSERT_TRUE(space.attach(nic));
  std::string coloured = to_text(look(space), true);
  EXPECT_NE(coloured, to_text(look(space)));
  for (std::size_t at; (at = coloured.find('\x1b')) != std::string::npos;) {
    coloured.erase(at, coloured.find('m', at) + 1 - at);
  }
  EXPECT_EQ(coloured, to_text(look(space)));
}

TEST(PictureClean, ReplacesWhatIsNoText) {
  EXPECT_EQ(clean("a\x1b[31m\tb"), "a?[31m?b");
  EXPECT_EQ(clean("\xc3\xa9\xff\xe2\x82\xac\xe2\x82"), "\xc3\xa9?\xe2\x82\xac??");
  EXPECT_EQ(columns("\xc3\xa9\xe2\x82\xac"), 2U);
}

TEST(PictureClean, EscapedIsTextAndAnAttributesValueInMarkup) {
  EXPECT_EQ(escaped("<a href=\"x\" b='y'>&amp;"), "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
  EXPECT_EQ(escaped(std::string("a\0b\n\x1b\x7f\xc3\xa9\xff", 9)), "a?b???\xc3\xa9?");
}

TEST(PictureClean, WrapsBetweenWordsAndLongWordsWithin) {
  EXPECT_EQ(wrapped("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrapped("a bcdefgh i", 3), (std::vector<std::string>{"a", "bcd", "efg", "h i"}));
  EXPECT_TRUE(wrapped("", 3).empty());
}

TEST_F(Picture, JsonHasThePiecesWithWhatTheyAre) {
  ASSERT_TRUE(space.require({{.name = "w", .base = Iova{0x1000}, .size = 0x1000}}));
  ASSERT_TRUE(space.map(pointer(kVa), 0x1000, Prot::kReadWrite, Iova{0x1000}));
  const auto json = to_json(look(space));
  EXPECT_EQ(json.at("name"), "guest");
  EXPECT_EQ(json.at("pieces").size(), 3U);
  const auto& piece = json.at("pieces").at(1);
  EXPECT_EQ(piece.at("first"), "0x1000");
  EXPECT_EQ(piece.at("last"), "0x1fff");
  EXPECT_EQ(piece.at("state"), "mapped");
  EXPECT_EQ(piece.at("window"), "w");
  EXPECT_EQ(piece.at("mapped").at("bytes"), 0x1000);
  EXPECT_FALSE(piece.contains("reserved"));
}

}  // namespace
}  // namespace aperture::sw::windows
