// SPDX-License-Identifier: Apache-2.0
// Whatever is in a space: its pictures are complete, fit their page, and are well-formed.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "ioas/text.hpp"
#include "windows/clean.hpp"
#include "windows/svg.hpp"
#include "windows/text.hpp"

namespace aperture::sw::windows {
namespace {

using ioas::kMax;

rc::Gen<std::uint64_t> address() {
  const auto power = rc::gen::map(rc::gen::inRange(0U, 64U), [](unsigned n) { return std::uint64_t{1} << n; });
  return rc::gen::oneOf(rc::gen::arbitrary<std::uint64_t>(), power, rc::gen::just(kMax),
                        rc::gen::just(std::uint64_t{0}),
                        rc::gen::map(rc::gen::inRange<std::uint64_t>(0, 256), [](std::uint64_t n) { return n << 12; }));
}

rc::Gen<IovaRange> range() {
  return rc::gen::map(rc::gen::pair(address(), address()), [](std::pair<std::uint64_t, std::uint64_t> ends) {
    return IovaRange{{std::min(ends.first, ends.second)}, {std::max(ends.first, ends.second)}};
  });
}

/// Ranges that do not overlap, ascending.
rc::Gen<std::vector<IovaRange>> disjoint() {
  return rc::gen::map(rc::gen::container<std::vector<IovaRange>>(range()), [](std::vector<IovaRange> list) {
    std::ranges::sort(list);
    std::vector<IovaRange> out;
    for (const IovaRange& one : list) {
      if (out.empty() || out.back().last < one.first) out.push_back(one);
    }
    return out;
  });
}

Space any_space() {
  const auto names = rc::gen::oneOf(rc::gen::arbitrary<std::string>(),
                                    rc::gen::element<std::string>("nic", "a&b<c>\"d\"", std::string(300, 'x')));
  Space space;
  space.name = *names;
  space.devices = *rc::gen::container<std::vector<std::string>>(names);
  for (const IovaRange& one : *rc::gen::container<std::vector<IovaRange>>(range())) {
    space.reservations.push_back({one, *rc::gen::element(ioas::Cause::kMsi, ioas::Cause::kDmaMask), 1, *names, 1});
  }
  for (const IovaRange& one : *disjoint()) {
    ioas::PlacedWindow window;
    window.window.name = *names;
    window.range = one;
    space.windows.push_back(window);
  }
  space.allowed = *disjoint();
  for (const IovaRange& one : *disjoint()) {
    space.maps.push_back({one, *rc::gen::element(ioas::Prot::kRead, ioas::Prot::kReadWrite)});
  }
  if (!space.windows.empty() && *rc::gen::arbitrary<bool>()) {
    ioas::Report report;
    report.subject = "attach " + *names;
    report.reason = *names;
    report.windows.push_back({space.windows[0].window.name,
                              ioas::Verdict::kBlocked,
                              space.windows[0].range,
                              {{*range(), ioas::Cause::kReserved, *names, 1}},
                              {}});
    report.maps_blocked.push_back({*range(), ioas::Cause::kGranule, *names, 1});
    space.refused.push_back(std::move(report));
  }
  return space;
}

RC_GTEST_PROP(PictureRandom, PiecesCoverTheSpaceOnceWithAllThatIsThere, ()) {
  const Space space = any_space();
  const auto list = pieces(space);
  RC_ASSERT(list.front().range.first.value == 0U);
  RC_ASSERT(list.back().range.last.value == kMax);
  for (std::size_t i = 1; i < list.size(); ++i) {
    RC_ASSERT(list[i].range.first.value == list[i - 1].range.last.value + 1);
  }
  std::size_t maps = 0;
  for (const Piece& piece : list) {
    maps += piece.maps;
    for (const auto& r : space.reservations) RC_ASSERT(!r.range.overlaps(piece.range) || !piece.reserved.empty());
    for (const auto& w : space.windows) {
      RC_ASSERT(!w.range.overlaps(piece.range) || w.window.name.empty() || piece.window == w.window.name);
    }
    for (const auto& m : space.maps) RC_ASSERT(!m.range.overlaps(piece.range) || piece.mapped != 0U);
  }
  RC_ASSERT(maps == space.maps.size());
}

RC_GTEST_PROP(PictureRandom, NoLineOfTextIsLongerThanAHundredColumns, ()) {
  std::istringstream lines(to_text(any_space()));
  for (std::string line; std::getline(lines, line);) RC_ASSERT(columns(line) <= kColumns);
}

/// What a parser of XML that is not ours says.
bool well_formed(const std::string& text) {
  FILE* parser = popen("xmllint --noout - 2>/dev/null", "w");
  if (parser == nullptr) return false;
  std::fwrite(text.data(), 1, text.size(), parser);
  return pclose(parser) == 0;
}

TEST(PictureSvg, IsWellFormedAndHasEveryPiece) {
  if (std::system("xmllint --version 2>/dev/null") != 0) GTEST_SKIP() << "xmllint is missing (libxml2-utils)";
  EXPECT_FALSE(well_formed("<svg>")) << "the parser notices";
  EXPECT_TRUE(rc::check("any space", [] {
    const std::vector<Space> spaces{any_space(), any_space()};
    const std::string svg = to_svg(spaces);
    RC_ASSERT(well_formed(svg));
    for (const Space& space : spaces) {
      for (const Piece& piece : pieces(space)) {
        RC_ASSERT(svg.find("data-first=\"" + ioas::hex(piece.range.first.value) + "\" data-last=\"" +
                           ioas::hex(piece.range.last.value) + "\"><title>") != std::string::npos);
      }
    }
  }));
}

}  // namespace
}  // namespace aperture::sw::windows
