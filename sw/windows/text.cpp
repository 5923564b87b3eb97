// SPDX-License-Identifier: Apache-2.0
#include "windows/text.hpp"

#include <fmt/core.h>

#include "ioas/text.hpp"
#include "windows/clean.hpp"
#include "windows/scale.hpp"

namespace aperture::sw::windows {
namespace {

constexpr State kStates[] = {State::kMapped, State::kRequired, State::kAllowed,
                             State::kUsable, State::kReserved, State::kBlocked};
constexpr unsigned kBar = 96;
constexpr std::size_t kMargin = 2;
constexpr std::size_t kWords = 40;  ///< the column in which a piece's words begin

const char* colour(State state) {
  constexpr const char* kCodes[] = {"32", "90", "36", "33", "34", "31;1"};
  return kCodes[static_cast<std::size_t>(state)];
}

std::string painted(const std::string& text, State state, bool colours) {
  return colours && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", colour(state), text) : text;
}

std::string title(const Space& space) {
  std::string text = space.name.empty() ? "IOAS" : "IOAS \"" + space.name + "\"";
  text += ": ";
  if (space.devices.empty()) text += "no device";
  for (std::size_t i = 0; i < space.devices.size(); ++i) text += (i == 0 ? "" : ", ") + space.devices[i];
  text += "; alignment " + size_text({{0}, {space.alignment - 1}});
  if (!space.windows.empty()) text += fmt::format("; windows: {}", space.windows.size());
  if (!space.maps.empty()) text += fmt::format("; maps: {}", space.maps.size());
  return clean(text);
}

std::string bar(const std::vector<Piece>& list, bool colours) {
  const std::vector<unsigned> wide = widths(list, kBar);
  std::string text;
  for (std::size_t i = 0; i < list.size(); ++i) {
    text += painted(std::string(wide[i], symbol(list[i].state)), list[i].state, colours);
  }
  return text;
}

}  // namespace

std::string legend(bool colours) {
  std::string text;
  for (const State state : kStates) {
    text += (text.empty() ? "" : "   ") + painted(std::string(2, symbol(state)), state, colours) + " ";
    text += name(state);
  }
  return text + "\n";
}

std::string to_text(const Space& space, bool colours) {
  std::string out;
  for (const std::string& line : wrapped(title(space), kColumns)) out += line + "\n";
  const std::vector<Piece> list = pieces(space);
  out += "\n" + std::string(kMargin, ' ') + bar(list, colours) + "\n\n";
  for (const Piece& piece : list) {
    const std::string sign = painted(std::string(4, symbol(piece.state)), piece.state, colours);
    std::string head =
        fmt::format("{:<2}{:<18}  {}{:>12}  ", "", ioas::hex(piece.range.first.value), sign, size_text(piece.range));
    for (const std::string& line : wrapped(clean(piece.text()), kColumns - kWords)) {
      out += head + line + "\n";
      head = std::string(kWords, ' ');
    }
  }
  out += fmt::format("{:<2}{:<18}  end\n", "", ioas::hex(ioas::kMax));
  for (const ioas::Report& report : space.refused) {
    out += "\n";
    const std::string text = clean(report.subject + " refused: " + report.reason);
    for (const std::string& line : wrapped(text, kColumns - kMargin)) out += std::string(kMargin, ' ') + line + "\n";
  }
  return out;
}

}  // namespace aperture::sw::windows
