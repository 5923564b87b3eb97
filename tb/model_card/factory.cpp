// SPDX-License-Identifier: Apache-2.0
#include "tb/model_card/factory.hpp"

#include <fmt/format.h>

#include <bit>
#include <memory>
#include <utility>

#include "tb/model_card/card.hpp"

namespace aperture::tb::model {
namespace {

constexpr std::uint64_t kLongestRun = 1U << 18;

Result<std::unique_ptr<card::Card>> open(const card::Options& keys) {
  CardOptions options;
  const auto seed = keys.number("seed", options.seed);
  if (!seed) return std::unexpected(seed.error());
  options.seed = *seed;
  const auto run = keys.number("frame_run", options.frame_run);
  if (!run) return std::unexpected(run.error());
  if (!std::has_single_bit(*run) || *run > kLongestRun) {
    return fail(Code::kInvalid, EINVAL,
                fmt::format("model: frame_run={} is not a power of two of at most {}", *run, kLongestRun));
  }
  options.frame_run = static_cast<unsigned>(*run);
  if (keys.has("straps")) {
    const auto straps = read_straps(keys.text("straps"));
    if (!straps) return std::unexpected(straps.error());
    options.straps = *straps;
  }
  auto card = ModelCard::make(options);
  if (!card) return std::unexpected(card.error());
  return std::move(*card);
}

}  // namespace

card::Factory factory() {
  card::Factory f{};
  f.name = "model";
  f.help = "a functional model of the card, in this process: fast, and without the RTL";
  f.keys = {{"straps", "JSON file of straps, or the object itself (default: everything on)"},
            {"seed", "of bus addresses (default 1)"},
            {"frame_run", "pinned pages consecutive on the bus, a power of two (default 1)"}};
  f.open = open;
  return f;
}

}  // namespace aperture::tb::model
