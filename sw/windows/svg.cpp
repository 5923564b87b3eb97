// SPDX-License-Identifier: Apache-2.0
#include "windows/svg.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "ioas/text.hpp"
#include "windows/clean.hpp"
#include "windows/scale.hpp"
#include "windows/text.hpp"

namespace aperture::sw::windows {
namespace {

constexpr unsigned kMargin = 32;
constexpr unsigned kBarHeight = 52;
constexpr unsigned kRow = 22;
constexpr unsigned kLeastPiece = 24;  ///< that slanted labels have room
constexpr unsigned kLeastBar = 1056;
constexpr unsigned kLabels = 112;      ///< height of the slanted labels
constexpr unsigned kOverhang = 96;     ///< of the last of them, to the right
constexpr unsigned kCharacter = 7;     ///< width of one in a table, roughly
constexpr std::size_t kWordsAt = 620;  ///< where a row's words begin

constexpr const char* kDefinitions = R"svg(<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.mono { font: 12px ui-monospace, monospace }
.name { font-size: 20px; font-weight: 600 }
.faint { fill: #66707a }
.page { fill: #ffffff }
.card { fill: #f7f9fb; stroke: #dde3e9 }
.tick { stroke: #9aa5b1 }
.rule { stroke: #e6ebf0 }
.piece { stroke: #ffffff; stroke-width: 1.5 }
.usable { fill: #d3efdb }
.allowed { fill: #8fd8d2 }
.required { fill: #ffd66b }
.mapped { fill: #4c8dee }
.reserved { fill: #d4dae0 }
.blocked { fill: #e5484d }
.size { font-size: 11px; text-anchor: middle; pointer-events: none }
.on-dark { fill: #ffffff }
.refused { fill: #b4232a }
.bracket { fill: none; stroke: #b98900; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .faint { fill: #9aa5b1 } .page { fill: #0d1117 } .card { fill: #161b22; stroke: #30363d }
.tick { stroke: #6e7681 } .rule { stroke: #262c34 } .piece { stroke: #161b22 } .usable { fill: #1f5130 }
.allowed { fill: #1d6f6a } .required { fill: #a67c00 } .reserved { fill: #3a424b } .refused { fill: #ff7b72 }
}
</style>
<defs>
<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<path d="M0 0V7" stroke="#7d8894" stroke-opacity=".45" stroke-width="3"/></pattern>
<pattern id="cross" width="9" height="9" patternUnits="userSpaceOnUse">
<path d="M0 0L9 9M9 0L0 9" stroke="#ffffff" stroke-opacity=".5" stroke-width="1.5"/></pattern>
</defs>
)svg";

std::string label(unsigned x, unsigned y, const std::string& classes, const std::string& text) {
  return fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>\n", x, y, classes, escaped(text));
}

std::string box(unsigned x, unsigned y, unsigned width, unsigned height, const std::string& rest) {
  return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {}", x, y, width, height, rest);
}

std::string tooltip(const Piece& piece) {
  return fmt::format("<title>{} - {}\n{}\n{}</title>", ioas::hex(piece.range.first.value),
                     ioas::hex(piece.range.last.value), size_text(piece.range), escaped(piece.text()));
}

/// A rectangle, with the pattern of its state over it.
std::string painted(State state, unsigned x, unsigned y, unsigned width, unsigned height, const std::string& attributes,
                    const std::string& inside) {
  std::string out =
      box(x, y, width, height, fmt::format("class=\"piece {}\" {}>{}</rect>\n", name(state), attributes, inside));
  const char* pattern = state == State::kReserved ? "hatch" : state == State::kBlocked ? "cross" : nullptr;
  if (pattern != nullptr) {
    out += box(x, y, width, height, fmt::format("fill=\"url(#{})\" pointer-events=\"none\"/>\n", pattern));
  }
  return out;
}

/// One card, with its top at `top`.
class Card {
 public:
  Card(const Space& space, unsigned bar) : space_(space), pieces_(windows::pieces(space)), bar_(bar) {
    for (const Piece& piece : pieces_) words_.push_back(wrapped(clean(piece.text()), row_width() / kCharacter));
    const std::size_t wide = (bar_ + kOverhang) / kCharacter;
    for (const ioas::Report& report : space.refused) {
      for (std::string& line : wrapped(clean(report.subject + " refused: " + report.reason), wide)) {
        refused_.push_back(std::move(line));
      }
    }
  }

  unsigned height() const {
    std::size_t rows = 1 + refused_.size();
    for (const auto& lines : words_) rows += lines.size();
    return 72 + kLabels + kBarHeight + 44 + static_cast<unsigned>(rows) * kRow + (refused_.empty() ? 0 : 12);
  }

  std::string draw(unsigned top) const {
    std::string out = box(kMargin / 2, top, bar_ + kMargin + kOverhang, height() - 8, "rx=\"10\" class=\"card\"/>\n");
    out += label(kMargin, top + 34, "name", space_.name.empty() ? "IOAS" : space_.name);
    out += label(kMargin, top + 56, "faint", subtitle());
    out += draw_bar(top + 64 + kLabels);
    out += draw_rows(top + 64 + kLabels + kBarHeight + 44);
    return out;
  }

 private:
  unsigned row_width() const { return bar_ + kOverhang - static_cast<unsigned>(kWordsAt) + kMargin; }

  std::string subtitle() const {
    std::string text = space_.devices.empty() ? "no device attached" : "attached:";
    for (std::size_t i = 0; i < space_.devices.size(); ++i) text += (i == 0 ? " " : ", ") + space_.devices[i];
    text += "  ·  alignment " + size_text({{0}, {space_.alignment - 1}});
    text += fmt::format("  ·  windows: {}  ·  maps: {}", space_.windows.size(), space_.maps.size());
    return wrapped(clean(text), (bar_ + kOverhang) / kCharacter).front();
  }

  std::string tick(unsigned x, unsigned y, std::uint64_t address) const {
    return fmt::format(
        "<path class=\"tick\" d=\"M{0} {1}v-8\"/>\n"
        "<text class=\"mono\" transform=\"translate({0} {2}) rotate(-40)\">{3}</text>\n",
        x, y, y - 12, ioas::hex(address));
  }

  std::string draw_bar(unsigned y) const {
    const std::vector<unsigned> wide = widths(pieces_, bar_, kLeastPiece);
    std::string out;
    unsigned x = kMargin;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const Piece& piece = pieces_[i];
      const std::string range = fmt::format("data-first=\"{}\" data-last=\"{}\"", ioas::hex(piece.range.first.value),
                                            ioas::hex(piece.range.last.value));
      out += painted(piece.state, x, y, wide[i], kBarHeight, range, tooltip(piece));
      out += tick(x, y, piece.range.first.value);
      const std::string size = size_text(piece.range);
      if (size.size() * kCharacter < wide[i]) {
        const bool dark = piece.state == State::kMapped || piece.state == State::kBlocked;
        out += label(x + wide[i] / 2, y + kBarHeight / 2 + 4, dark ? "size on-dark" : "size", size);
      }
      if (!piece.window.empty()) out += bracket(i, x, y + kBarHeight + 5, wide);
      x += wide[i];
    }
    return out + tick(x, y, ioas::kMax);
  }

  /// Below the first piece of a window: its name, over all of its pieces.
  std::string bracket(std::size_t at, unsigned x, unsigned y, const std::vector<unsigned>& wide) const {
    if (at != 0 && pieces_[at - 1].window == pieces_[at].window) return {};
    unsigned width = 0;
    for (std::size_t i = at; i < pieces_.size() && pieces_[i].window == pieces_[at].window; ++i) width += wide[i];
    std::string text = clean(pieces_[at].window);
    const std::size_t room = std::max<std::size_t>(width / kCharacter, 1);
    if (columns(text) > room) text = wrapped(text, room).front();
    return fmt::format("<path class=\"bracket\" d=\"M{} {}v5h{}v-5\"/>\n", x + 1, y, width - 2) +
           label(x + width / 2, y + 19, "size", text);
  }

  std::string draw_rows(unsigned y) const {
    std::string out;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const Piece& piece = pieces_[i];
      out += fmt::format("<path class=\"rule\" d=\"M{} {}h{}\"/>\n", kMargin, y - 15, bar_ + kOverhang);
      out += painted(piece.state, kMargin, y - 11, 26, 14, "rx=\"3\"", {});
      out += label(kMargin + 40, y, "mono",
                   ioas::hex(piece.range.first.value) + " - " + ioas::hex(piece.range.last.value));
      out += label(kMargin + 350, y, "", size_text(piece.range));
      out += label(kMargin + 450, y, "faint", std::string(name(piece.state)));
      for (const std::string& line : words_[i]) {
        out += label(kWordsAt, y, "", line);
        y += kRow;
      }
    }
    if (!refused_.empty()) y += 12;
    for (const std::string& line : refused_) {
      out += label(kMargin, y, "refused", line);
      y += kRow;
    }
    return out;
  }

  const Space& space_;
  std::vector<Piece> pieces_;
  unsigned bar_;
  std::vector<std::vector<std::string>> words_;
  std::vector<std::string> refused_;
};

std::string draw_legend(unsigned y) {
  std::string out;
  unsigned x = kMargin;
  for (const State state :
       {State::kMapped, State::kRequired, State::kAllowed, State::kUsable, State::kReserved, State::kBlocked}) {
    out += painted(state, x, y - 12, 26, 15, "rx=\"3\"", {});
    out += label(x + 34, y, "", std::string(name(state)));
    x += 124;
  }
  return out + label(x + 20, y, "faint", "widths go by the logarithm of the size");
}

std::string svg(std::span<const Space> spaces, const char* definitions) {
  unsigned bar = kLeastBar;
  for (const Space& space : spaces) {
    bar = std::max(bar, static_cast<unsigned>(pieces(space).size()) * (kLeastPiece + 4));
  }
  std::string cards;
  unsigned y = 56;
  for (const Space& space : spaces) {
    const Card card(space, bar);
    cards += card.draw(y);
    y += card.height() + 8;
  }
  const unsigned width = bar + 2 * kMargin + kOverhang;
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\">\n", width,
             y + 8) +
         definitions + box(0, 0, width, y + 8, "class=\"page\"/>\n") + draw_legend(34) + cards + "</svg>\n";
}

}  // namespace

std::string to_svg(std::span<const Space> spaces) { return svg(spaces, kDefinitions); }

std::string svg_in_page(std::span<const Space> spaces) { return svg(spaces, ""); }

std::string svg_definitions() {
  return fmt::format("<svg width=\"0\" height=\"0\" style=\"position: absolute\">\n{}</svg>\n", kDefinitions);
}

}  // namespace aperture::sw::windows
