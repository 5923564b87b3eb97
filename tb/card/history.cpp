// SPDX-License-Identifier: Apache-2.0
#include "tb/card/history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace aperture::tb {
namespace {

using Out = std::back_insert_iterator<std::string>;

template <typename C>
bool head(Out out, std::uint64_t cycle, Port port, Channel channel, const C& c) {
  if (!c.valid) return false;
  fmt::format_to(out, "{:>10} {:<7} {:<2} V{} ", cycle, name(port), name(channel), c.ready ? 'R' : '-');
  return true;
}

void address(Out out, std::uint64_t cycle, Port port, Channel channel, const AddressChannel& a) {
  if (!head(out, cycle, port, channel, a)) return;
  fmt::format_to(out, "id {:<2} addr {:#018x} len {} size {} burst {} prot {} user {:#x} qosid {:#x}{}\n", a.id, a.addr,
                 a.len, a.size, a.burst, a.prot, a.user, a.qosid, a.lock ? " exclusive" : "");
}

}  // namespace

void History::add(const Pins& pins, std::uint64_t cycle) {
  if (ring_.empty()) return;
  Entry& entry = ring_[count_++ % ring_.size()];
  entry.cycle = cycle;
  entry.pins = pins;
}

std::string History::text() const {
  std::string all;
  Out out(all);
  const std::uint64_t kept = std::min<std::uint64_t>(count_, ring_.size());
  std::uint32_t wires = 0;
  for (std::uint64_t i = count_ - kept; i < count_; ++i) {
    const auto& [cycle, pins] = ring_[i % ring_.size()];
    if (!pins.reset_n) fmt::format_to(out, "{:>10} reset\n", cycle);
    for (std::size_t p = 0; p < kPorts; ++p) {
      const Port port = static_cast<Port>(p);
      const AxiPins& a = pins.axi[p];
      address(out, cycle, port, Channel::kAw, a.aw);
      if (head(out, cycle, port, Channel::kW, a.w)) {
        fmt::format_to(out, "data {:016x}{:016x} strb {:#06x}{}\n", a.w.data[1], a.w.data[0], a.w.strb,
                       a.w.last ? " last" : "");
      }
      if (head(out, cycle, port, Channel::kB, a.b)) fmt::format_to(out, "id {:<2} resp {}\n", a.b.id, a.b.resp);
      address(out, cycle, port, Channel::kAr, a.ar);
      if (head(out, cycle, port, Channel::kR, a.r)) {
        fmt::format_to(out, "id {:<2} resp {} data {:016x}{:016x}{}{}\n", a.r.id, a.r.resp, a.r.data[1], a.r.data[0],
                       a.r.poison ? " poison" : "", a.r.last ? " last" : "");
      }
    }
    if (pins.wires != wires) fmt::format_to(out, "{:>10} wires   {:#010x}\n", cycle, pins.wires);
    wires = pins.wires;
    if (pins.message_valid) {
      fmt::format_to(out, "{:>10} message V{} vector {}\n", cycle, pins.message_ready ? 'R' : '-', pins.message_vector);
    }
  }
  return all;
}

bool History::save(const std::filesystem::path& file) const {
  std::ofstream out(file);
  out << text();
  return static_cast<bool>(out.flush());
}

}  // namespace aperture::tb
