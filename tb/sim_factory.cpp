// SPDX-License-Identifier: Apache-2.0
#include "tb/sim_factory.hpp"

#include <fmt/format.h>

#include <bit>
#include <memory>
#include <utility>

#include "tb/bench.hpp"
#include "tb/card/dut.hpp"

namespace aperture::tb {
namespace {

bool in_use = false;
/// Of sim-fpga: half a microsecond of the bus, and what its bridge reaches.
constexpr unsigned kFpgaLatency = 60;
constexpr unsigned kFpgaAddressBits = 32;

/// An open simulated card: the bench's, until closed.
class OpenCard final : public card::Card {
 public:
  explicit OpenCard(card::Card& inner) : inner_(inner) { in_use = true; }
  ~OpenCard() override { in_use = false; }
  OpenCard(const OpenCard&) = delete;
  OpenCard& operator=(const OpenCard&) = delete;

  card::Mmio& mmio() override { return inner_.mmio(); }
  card::DmaMemory& memory() override { return inner_.memory(); }
  card::Interrupts& interrupts() override { return inner_.interrupts(); }
  Result<> function_reset() override { return inner_.function_reset(); }
  std::string description() const override { return inner_.description(); }

 private:
  card::Card& inner_;
};

Result<std::unique_ptr<card::Card>> open(const card::Options& keys) {
  if (in_use) return fail(Code::kInUse, EBUSY, "a simulated card is open already; a process has one");
  auto options = parse_options(keys);
  if (!options) return std::unexpected(options.error());
  if (!has_width(options->width)) {
    return fail(Code::kUnsupported, EOPNOTSUPP, fmt::format("sim: this build has no card of {} bits", options->width));
  }
  return std::make_unique<OpenCard>(Bench::start(*options).card());
}

template <typename T>
Result<> take(T& to, const card::Options& keys, std::string_view key, std::uint64_t first, std::uint64_t last) {
  const auto value = keys.number(key, to);
  if (!value) return std::unexpected(value.error());
  if (*value < first || *value > last) {
    return fail(Code::kInvalid, EINVAL, fmt::format("{}={} is not within {} to {}", key, *value, first, last));
  }
  to = static_cast<T>(*value);
  return {};
}

Result<std::unique_ptr<card::Card>> open_fpga(const card::Options& keys) {
  if (in_use) return fail(Code::kInUse, EBUSY, "a simulated card is open already; a process has one");
  if (!has_fpga()) return fail(Code::kUnsupported, EOPNOTSUPP, "sim-fpga: this build has no card as an FPGA has it");
  Options o;
  o.top = Top::kFpga;
  o.profile = Profile::kPcie;
  o.exclusives = false;
  o.latency = kFpgaLatency;
  o.straps.set_pas(kFpgaAddressBits);
  for (const auto& ok :
       {take(o.payload, keys, "payload", 128, 256), take(o.latency, keys, "latency", 1, 100'000),
        take(o.seed, keys, "seed", 0, ~std::uint64_t{0}), take(o.frame_run, keys, "frame_run", 1, 1U << 18)}) {
    if (!ok) return std::unexpected(ok.error());
  }
  if (!std::has_single_bit(o.payload)) return fail(Code::kInvalid, EINVAL, "sim-fpga: payload is 128 or 256");
  if (!std::has_single_bit(o.frame_run)) return fail(Code::kInvalid, EINVAL, "sim-fpga: frame_run is a power of two");
  return std::make_unique<OpenCard>(Bench::start(o).card());
}

}  // namespace

Result<Options> parse_options(const card::Options& keys) {
  Options o;
  const std::uint64_t any = ~std::uint64_t{0};
  for (const auto& ok :
       {take(o.width, keys, "width", 64, 128), take(o.latency, keys, "latency", 1, 100'000),
        take(o.seed, keys, "seed", 0, any), take(o.wave_from, keys, "wave_from", 0, any),
        take(o.wave_cycles, keys, "wave_cycles", 0, any), take(o.frame_run, keys, "frame_run", 1, 1U << 18)}) {
    if (!ok) return std::unexpected(ok.error());
  }
  if (!std::has_single_bit(o.width)) return fail(Code::kInvalid, EINVAL, "sim: width is 64 or 128");
  if (!std::has_single_bit(o.frame_run)) return fail(Code::kInvalid, EINVAL, "sim: frame_run is a power of two");
  const auto profile = parse_profile(keys.text("profile", name(o.profile)));
  if (!profile) return std::unexpected(profile.error());
  o.profile = *profile;
  o.wave = keys.text("wave");
  if (keys.has("wave_trigger")) {
    const auto trigger = parse_wave_trigger(keys.text("wave_trigger"));
    if (!trigger) return std::unexpected(trigger.error());
    if (o.wave.empty()) return fail(Code::kInvalid, EINVAL, "sim: wave_trigger needs a file: wave=FILE");
    o.wave_trigger = *trigger;
  }
  if (keys.has("straps")) {
    const auto straps = read_straps(keys.text("straps"));
    if (!straps) return std::unexpected(straps.error());
    o.straps = *straps;
  }
  return o;
}

card::Factory factory() {
  card::Factory f{};
  f.name = "sim";
  f.help = "the card's RTL, simulated in this process";
  f.keys = {{"profile", "memory: ideal, ddr, pcie, hostile (default ideal)"},
            {"latency", "memory latency in cycles (default 20)"},
            {"width", "data width in bits: 64 or 128 (default 64)"},
            {"straps", "JSON file of straps, or the object itself (default: everything on)"},
            {"seed", "of everything random (default 1)"},
            {"wave", "FST file to write"},
            {"wave_from", "first cycle in it (default 0); with wave_trigger the earliest"},
            {"wave_cycles", "number of cycles in it (default 0: all)"},
            {"wave_trigger", "what starts it: fault (a fault record), write:OFFSET (a register, BAR 2 at 0x10000)"},
            {"frame_run", "pinned pages consecutive on the bus, a power of two (default 1)"}};
  f.open = open;
  return f;
}

card::Factory fpga_factory() {
  card::Factory f{};
  f.name = "sim-fpga";
  f.help = "the same as an FPGA has it: its top behind a model of an AXI-PCIe bridge, with two clocks";
  f.keys = {{"payload", "bytes of the bridge's longest packet: 128 or 256 (default 128)"},
            {"latency", "memory latency in cycles of the bus (default 60)"},
            {"seed", "of everything random (default 1)"},
            {"frame_run", "pinned pages consecutive on the bus, a power of two (default 1)"}};
  f.open = open_fpga;
  return f;
}

void register_sim_card() {
  card::registry().add(factory());
  card::registry().add(fpga_factory());
}

}  // namespace aperture::tb
