// SPDX-License-Identifier: Apache-2.0
#include "tb/card/history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string_view>

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

std::string process(bool valid, std::uint32_t id) { return valid ? fmt::format(" process {:#x}", id) : ""; }

void line(Out out, std::uint64_t cycle, std::string_view name, bool ready, const std::string& payload) {
  fmt::format_to(out, "{:>10} {:<7} V{} {}\n", cycle, name, ready ? 'R' : '-', payload);
}

void streams(Out out, std::uint64_t cycle, const StreamPins& s) {
  if (const AtsRequestPins& p = s.ats_req; p.valid) {
    line(out, cycle, "ats_req", p.ready,
         fmt::format("tag {} iova {:#018x} device {:#x}{} priv {} exec {} write {}", p.tag, p.iova, p.device_id,
                     process(p.pv, p.process_id), p.priv, p.exec, p.write));
  }
  if (const AtsCompletionPins& p = s.ats_rsp; p.valid) {
    line(out, cycle, "ats_rsp", p.ready,
         fmt::format("tag {} status {} page {:#x} lg {} r {} w {} x {} global {} priv {} u {}", p.tag, p.status, p.page,
                     p.lg, p.r, p.w, p.x, p.global, p.priv, p.untranslated));
  }
  if (const PageRequestPins& p = s.pr_req; p.valid) {
    line(out, cycle, "pr_req", p.ready,
         fmt::format("payload {:#018x} device {:#x}{} priv {} exec {}", p.payload, p.device_id,
                     process(p.pv, p.process_id), p.priv, p.exec));
  }
  if (const MessagePins& p = s.msg_out; p.valid) {
    line(out, cycle, "msg_out", p.ready,
         fmt::format("{} payload {:#018x} device {:#x}{} tag {}", p.response ? "response" : "invalidation", p.payload,
                     p.device_id, process(p.pv, p.process_id), p.itag));
  }
  if (const InvalidationCompletionPins& p = s.inv_cpl; p.valid) {
    line(out, cycle, "inv_cpl", p.ready, fmt::format("device {:#x} tags {:#x} cc {}", p.device_id, p.itags, p.cc));
  }
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
    streams(out, cycle, pins.streams);
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
