// SPDX-License-Identifier: Apache-2.0
#include "card/identity.hpp"

#include <fmt/format.h>

#include "card/registers.hpp"

namespace aperture::card {
namespace {

constexpr std::uint64_t kId = 0x5254'5041;
constexpr unsigned kMajor = 1;

}  // namespace

Result<Identity> identify(Card& card) {
  Mmio& mmio = card.mmio();
  const std::uint64_t id = read(mmio, regs::card::id);
  if (id == 0xffff'ffff)
    return fail(
        Code::kCardDead, EIO,
        fmt::format("{}: reads give all ones; the card does not answer: its FPGA is not configured, its link is down, "
                    "or COMMAND.memory is off",
                    card.description()));
  if (id == 0)
    return fail(
        Code::kEnvironment, ENODEV,
        fmt::format("{}: the identity register reads 0; the card is held in reset, its clock does not run, or BAR 2 is "
                    "not the card's register page",
                    card.description()));
  if (id != kId)
    return fail(
        Code::kEnvironment, ENODEV,
        fmt::format("{}: the identity register reads {:#010x} instead of {:#010x}; BAR 2 belongs to another design, or "
                    "its bytes are swapped",
                    card.description(), id, kId));

  Identity identity;
  const std::uint64_t version = read(mmio, regs::card::version);
  identity.major = static_cast<unsigned>(regs::card::version_f::major.get(version));
  identity.minor = static_cast<unsigned>(regs::card::version_f::minor.get(version));
  if (identity.major != kMajor)
    return fail(
        Code::kEnvironment, ENODEV,
        fmt::format(
            "{}: the card has register layout {}.{}, this driver knows {}.x; use the driver that belongs to the "
            "bitstream",
            card.description(), identity.major, identity.minor, kMajor));
  identity.build = read(mmio, regs::card::build);
  identity.clock_hz = read(mmio, regs::card::clock_hz);

  namespace f = regs::card::parameters_f;
  const std::uint64_t parameters = read(mmio, regs::card::parameters);
  auto size = [parameters](const regs::Field& field) { return static_cast<unsigned>(field.get(parameters)); };
  identity.data_width = size(f::data_width);
  identity.channels = size(f::channels);
  identity.tlb_ways = size(f::tlb_ways);
  identity.tlb_sets = size(f::tlb_sets);
  identity.tlb_large = size(f::tlb_large);
  identity.contexts = size(f::contexts);
  identity.slots = size(f::slots);
  identity.pending = size(f::pending);
  identity.vectors = size(f::vectors);
  return identity;
}

}  // namespace aperture::card
