// SPDX-License-Identifier: Apache-2.0
#include "tb/axi/checker.hpp"

#include <fmt/format.h>

#include <utility>

#include "tb/axi/burst.hpp"

namespace aperture::tb {
namespace {

bool same(const AddressChannel& a, const AddressChannel& b) {
  return a.addr == b.addr && a.user == b.user && a.id == b.id && a.len == b.len && a.size == b.size &&
         a.burst == b.burst && a.prot == b.prot && a.lock == b.lock && a.qosid == b.qosid;
}
bool same(const WriteChannel& a, const WriteChannel& b) {
  return a.data == b.data && a.strb == b.strb && a.last == b.last;
}
bool same(const AnswerChannel& a, const AnswerChannel& b) { return a.id == b.id && a.resp == b.resp; }
bool same(const ReadChannel& a, const ReadChannel& b) {
  return a.data == b.data && a.id == b.id && a.resp == b.resp && a.poison == b.poison && a.last == b.last;
}

std::string show(const AddressChannel& a) {
  return fmt::format("id {} address {:#x} length {} size {} burst {} user {:#x} prot {}{}", a.id, a.addr, a.len, a.size,
                     a.burst, a.user, a.prot, a.lock ? " exclusive" : "");
}
std::string show(const WriteChannel& w) {
  return fmt::format("data {:016x}{:016x} strobes {:#x} last {}", w.data[1], w.data[0], w.strb, w.last);
}
std::string show(const AnswerChannel& b) { return fmt::format("id {} resp {}", b.id, b.resp); }
std::string show(const ReadChannel& r) {
  return fmt::format("id {} resp {} data {:016x}{:016x} last {}", r.id, r.resp, r.data[1], r.data[0], r.last);
}

/// Of an INCR burst.
bool within_page(const AddressChannel& a) {
  const std::uint64_t size = std::uint64_t{1} << a.size;
  return (a.addr & 0xfff & ~(size - 1)) + (a.len + std::uint64_t{1}) * size <= 0x1000;
}

constexpr unsigned kResetArrives = 4;
constexpr const char* kStable = "A3.2.1: VALID once raised stays, with the same payload, until READY";

}  // namespace

std::string Violation::text() const { return fmt::format("{} cycle {}: {} (rule {})", name(port), cycle, what, rule); }

Checker::Checker(Port port, unsigned bus_bytes, Report report)
    : port_(port), bus_bytes_(bus_bytes), report_(std::move(report)) {}

void Checker::fail(std::uint64_t cycle, std::string rule, std::string what) {
  report_(Violation{port_, cycle, std::move(rule), std::move(what)});
}

template <typename C>
void Checker::check_stable(Channel channel, C& before, const C& now, std::uint64_t cycle) {
  if (before.valid) {
    if (!now.valid) {
      fail(cycle, kStable,
           fmt::format("{}VALID fell before {}READY; it offered {}", name(channel), name(channel), show(before)));
    } else if (!same(before, now)) {
      fail(cycle, kStable,
           fmt::format("{} payload changed while it waited: {} became {}", name(channel), show(before), show(now)));
    }
  }
  if (now.valid && !now.ready) {
    before = now;
  } else {
    before.valid = false;
  }
}

inline void Checker::check_address(Channel channel, const AddressChannel& a, std::uint64_t cycle) {
  // Most bursts are of this kind, which breaks no rule; AXI4-Lite has no bursts.
  const bool usual = static_cast<BurstType>(a.burst) == BurstType::kIncr && a.id < kIds && 1U << a.size <= bus_bytes_ &&
                     within_page(a);
  if (!usual && port_ != Port::kMmio) check_unusual_address(channel, a, cycle);
}

void Checker::check_unusual_address(Channel channel, const AddressChannel& a, std::uint64_t cycle) {
  const auto type = static_cast<BurstType>(a.burst);
  const unsigned beats = a.len + 1U;
  const std::uint64_t size = std::uint64_t{1} << a.size;
  const auto report = [&](const char* rule) { fail(cycle, rule, fmt::format("{} {}", name(channel), show(a))); };
  if (a.id >= kIds) report("A5.1: the id has no more bits than the port");
  if (size > bus_bytes_) report("A3.4.1: a beat is no wider than the data bus");
  if (a.burst == 3) report("A3.4.1: burst type 3 is reserved");
  if (type == BurstType::kFixed && beats > 16) report("A3.4.1: a FIXED burst has at most 16 beats");
  if (type == BurstType::kWrap) {
    if (beats != 2 && beats != 4 && beats != 8 && beats != 16) report("A3.4.1: a WRAP burst has 2, 4, 8 or 16 beats");
    if (a.addr % size != 0) report("A3.4.1: a WRAP burst starts aligned to its beat size");
  }
  if (type == BurstType::kIncr && !within_page(a)) report("A3.4.1: a burst does not cross a 4 KiB boundary");
}

void Checker::check_exclusive(Channel channel, const AddressChannel& a, std::uint64_t cycle) {
  const std::uint64_t bytes = (std::uint64_t{a.len} + 1) << a.size;
  const auto report = [&](const char* rule) { fail(cycle, rule, fmt::format("{} {}", name(channel), show(a))); };
  if ((bytes & (bytes - 1)) != 0 || bytes > 128) {
    report("A7.2.4: an exclusive access has a power of two of bytes, 128 at the most");
  } else if (a.addr % bytes != 0) {
    report("A7.2.4: an exclusive access is aligned to all of its bytes");
  }
  if (a.len > 15) report("A7.2.4: an exclusive access has at most 16 beats");
  Exclusive& exclusive = exclusives_[a.id % kIds];
  if (channel == Channel::kAr) {
    exclusive = {a, false};
    return;
  }
  const AddressChannel& read = exclusive.read;
  if (!exclusive.answered || read.addr != a.addr || read.len != a.len || read.size != a.size || read.burst != a.burst ||
      read.prot != a.prot) {
    report("A7.2.2: an exclusive write follows the answer of an exclusive read of its id and of the same bytes");
  }
  exclusive.answered = false;
}

void Checker::take_write_data(const WriteChannel& w, std::uint64_t cycle) {
  if (!write_open_) write_strobes_.emplace_back();
  write_open_ = !w.last && port_ != Port::kMmio;
  write_strobes_.back().push_back(w.strb);
  if (write_strobes_.back().size() > 256) {
    fail(cycle, "A3.4.1: a burst has at most 256 beats", "W data goes on without WLAST");
    write_open_ = false;
  }
}

void Checker::match_writes(std::uint64_t cycle) {
  while (!write_addresses_.empty() && !write_strobes_.empty()) {
    const AddressChannel& a = write_addresses_.front();
    const auto& strobes = write_strobes_.front();
    const bool open = write_open_ && write_strobes_.size() == 1;
    const std::size_t beats = std::size_t{a.len} + 1;
    if (open && strobes.size() < beats) return;
    if (open || strobes.size() != beats) {
      fail(cycle, "A3.4.1: WLAST marks the last beat of AWLEN + 1 and no other",
           fmt::format("AW {} got {} beats {} WLAST", show(a), strobes.size(), open ? "without" : "up to"));
    }
    for (unsigned i = 0; port_ != Port::kMmio && i < beats && i < strobes.size(); ++i) {
      const std::uint32_t lanes = lanes_of(beat_of(a, i, bus_bytes_));
      if ((strobes[i] & ~lanes) != 0) {
        fail(cycle, "A3.4.3: strobes only on the lanes of the beat",
             fmt::format("AW {} beat {} has strobes {:#x}, its lanes are {:#x}", show(a), i, strobes[i], lanes));
      }
    }
    Writes& writes = writes_[a.id % kIds];
    if (a.lock && writes.count < 64) writes.exclusive |= std::uint64_t{1} << writes.count;
    ++writes.count;
    if (open) write_open_ = false;
    write_addresses_.pop_front();
    write_strobes_.pop_front();
  }
}

void Checker::take_write_answer(const AnswerChannel& b, std::uint64_t cycle) {
  bool exclusive = false;
  if (b.id >= kIds || writes_[b.id].count == 0) {
    fail(cycle, "A3.3.1: one B per burst, after its address and its last data",
         fmt::format("B {} answers no complete write", show(b)));
  } else {
    Writes& writes = writes_[b.id];
    exclusive = (writes.exclusive & 1) != 0;
    writes.exclusive >>= 1;
    --writes.count;
    --writes_outstanding_;
  }
  if (b.resp == static_cast<std::uint8_t>(Resp::kExokay) && !exclusive) {
    fail(cycle, "A7.2: EXOKAY answers exclusive accesses only", fmt::format("B {}", show(b)));
  }
}

void Checker::take_read_data(const ReadChannel& r, std::uint64_t cycle) {
  const bool known = r.id < kIds && !reads_[r.id].empty();
  if (r.resp == static_cast<std::uint8_t>(Resp::kExokay) && !(known && reads_[r.id].front().exclusive)) {
    fail(cycle, "A7.2: EXOKAY answers exclusive accesses only", fmt::format("R {}", show(r)));
  }
  if (!known) {
    fail(cycle, "A3.3.1: R follows an accepted AR of its id", fmt::format("R {} answers no read", show(r)));
    return;
  }
  Read& read = reads_[r.id].front();
  --read.left;
  const bool last = r.last || port_ == Port::kMmio;
  if (last != (read.left == 0)) {
    fail(cycle, "A3.4.1: RLAST marks the last beat of ARLEN + 1 and no other",
         fmt::format("R {} with {} beats still to come", show(r), read.left));
  }
  if (last || read.left == 0) {
    if (read.exclusive) exclusives_[r.id].answered = true;
    reads_[r.id].pop_front();
    --reads_outstanding_;
  }
}

void Checker::check_reset(const AxiPins& pins, std::uint64_t cycle) {
  const auto low = [&](bool valid, Channel channel) {
    if (valid) fail(cycle, "A3.1.2: VALID is low during reset", fmt::format("{}VALID is high", name(channel)));
  };
  // A synchronous reset takes clocks to reach every register; until then they show what they held before.
  if (++reset_cycles_ > kResetArrives) {
    low(pins.aw.valid, Channel::kAw);
    low(pins.w.valid, Channel::kW);
    low(pins.b.valid, Channel::kB);
    low(pins.ar.valid, Channel::kAr);
    low(pins.r.valid, Channel::kR);
  }
}

void Checker::forget() {
  held_ = {};
  held_any_ = false;
  write_addresses_.clear();
  write_strobes_.clear();
  write_open_ = false;
  for (auto& id : reads_) id.clear();
  writes_.fill({});
  exclusives_.fill({});
  reads_outstanding_ = writes_outstanding_ = 0;
}

void Checker::check(const AxiPins& pins, bool reset_n, std::uint64_t cycle) {
  if (!reset_n) {
    check_reset(pins, cycle);
    forget();
    return;
  }
  reset_cycles_ = 0;
  const bool held = (pins.aw.valid && !pins.aw.ready) || (pins.w.valid && !pins.w.ready) ||
                    (pins.b.valid && !pins.b.ready) || (pins.ar.valid && !pins.ar.ready) ||
                    (pins.r.valid && !pins.r.ready);
  if (held || held_any_) {
    check_stable(Channel::kAw, held_.aw, pins.aw, cycle);
    check_stable(Channel::kW, held_.w, pins.w, cycle);
    check_stable(Channel::kB, held_.b, pins.b, cycle);
    check_stable(Channel::kAr, held_.ar, pins.ar, cycle);
    check_stable(Channel::kR, held_.r, pins.r, cycle);
    held_any_ = held;
  }
  // An answer in the cycle of its own request would need a path through both sides: requests are taken after answers.
  if (pins.r.valid && pins.r.ready) take_read_data(pins.r, cycle);
  if (pins.b.valid && pins.b.ready) take_write_answer(pins.b, cycle);
  if (pins.ar.valid && pins.ar.ready) {
    check_address(Channel::kAr, pins.ar, cycle);
    if (pins.ar.lock) check_exclusive(Channel::kAr, pins.ar, cycle);
    reads_[pins.ar.id % kIds].push_back({static_cast<std::uint16_t>(pins.ar.len + 1U), pins.ar.lock});
    ++reads_outstanding_;
  }
  bool written = false;
  if (pins.aw.valid && pins.aw.ready) {
    check_address(Channel::kAw, pins.aw, cycle);
    if (pins.aw.lock) check_exclusive(Channel::kAw, pins.aw, cycle);
    write_addresses_.push_back(pins.aw);
    ++writes_outstanding_;
    written = true;
  }
  if (pins.w.valid && pins.w.ready) {
    take_write_data(pins.w, cycle);
    written = true;
  }
  if (written) match_writes(cycle);
}

}  // namespace aperture::tb
