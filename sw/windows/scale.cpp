// SPDX-License-Identifier: Apache-2.0
#include "windows/scale.hpp"

#include <bit>
#include <cstdint>

namespace aperture::sw::windows {
namespace {

/// 1 for less than 256 bytes, one more for each further factor of 256; of the interesting twice that.
std::uint64_t weight(const Piece& piece) {
  const std::uint64_t extent = piece.range.extent();
  const std::uint64_t log2 = extent == ioas::kMax ? 64 : static_cast<std::uint64_t>(std::bit_width(extent + 1)) - 1;
  return (1 + log2 / 8) * (piece.state >= State::kRequired ? 2 : 1);
}

}  // namespace

std::vector<unsigned> widths(std::span<const Piece> pieces, unsigned total, unsigned least) {
  std::vector<unsigned> out;
  const std::uint64_t served = pieces.size() * std::uint64_t{least};
  const std::uint64_t spare = served < total ? total - served : 0;
  std::uint64_t left = total - spare;
  std::uint64_t sum = 0;
  for (const Piece& piece : pieces) sum += weight(piece);
  std::uint64_t seen = 0;
  for (const Piece& piece : pieces) {
    const std::uint64_t own = left < least ? left : least;
    const std::uint64_t before = spare * seen / sum;
    seen += weight(piece);
    out.push_back(static_cast<unsigned>(own + spare * seen / sum - before));
    left -= own;
  }
  return out;
}

}  // namespace aperture::sw::windows
