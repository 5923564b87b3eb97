// SPDX-License-Identifier: Apache-2.0
#include "tb/axi/memory_port.hpp"

#include <algorithm>
#include <cstring>

#include "tb/axi/burst.hpp"

namespace aperture::tb {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};

Resp resp_of(MemoryAnswer answer) {
  switch (answer) {
    case MemoryAnswer::kOk:
    case MemoryAnswer::kPoison:
      return Resp::kOkay;
    case MemoryAnswer::kError:
      return Resp::kSlverr;
    case MemoryAnswer::kDecode:
    case MemoryAnswer::kPending:
      return Resp::kDecerr;
  }
  return Resp::kDecerr;
}

/// A burst has at most 256 beats.
std::uint64_t access_of(std::uint64_t burst, unsigned beat) { return burst << 8 | beat; }

}  // namespace

MemoryPort::MemoryPort(Port port, unsigned bus_bytes, Timing& timing, BeatTarget& target, ExclusiveMonitor& exclusives,
                       std::uint64_t seed)
    : port_(port), bus_bytes_(bus_bytes), timing_(timing), target_(target), exclusives_(exclusives), random_(seed) {}

void MemoryPort::observe(const AxiPins& pins, std::uint64_t now) {
  if (pins.ar.valid && pins.ar.ready) {
    Plan plan = timing_.read(port_, pins.ar, now);
    std::uint64_t& last = last_read_[pins.ar.id % last_read_.size()];
    plan.perform = last = std::max(plan.perform, last);
    reads_.push_back({pins.ar, bursts_++, plan.perform, std::max(plan.answer, plan.perform + 1), false, false, 0, {}});
    next_read_ = std::min(next_read_, plan.perform);
  }
  if (pins.w.valid && pins.w.ready) {
    if (data_.empty() || data_.back().complete) data_.emplace_back();
    data_.back().beats.push_back(pins.w);
    data_.back().complete = pins.w.last;
  }
  if (pins.aw.valid && pins.aw.ready) addresses_.push_back(pins.aw);
  if (!addresses_.empty() && !data_.empty()) accept_writes(now);
  if (pins.r.valid && pins.r.ready && pins.r.last) {
    const auto it =
        std::find_if(reads_.begin(), reads_.end(), [&](const ReadBurst& b) { return b.address.id == pins.r.id; });
    if (it == reads_.end()) return;
    const auto index = static_cast<int>(it - reads_.begin());
    if (current_read_ == index) current_read_ = -1;
    if (current_read_ > index) --current_read_;
    erase(reads_, read_from_, static_cast<std::size_t>(index));
  }
}

void MemoryPort::accept_writes(std::uint64_t now) {
  while (!addresses_.empty() && !data_.empty() && data_.front().complete) {
    const unsigned packet = timing_.traits().packet_bytes;
    if (packet == 0) {
      accept_write(addresses_.front(), std::move(data_.front().beats), now, true);
    } else {
      accept_packets(addresses_.front(), data_.front().beats, packet, now);
    }
    addresses_.pop_front();
    data_.pop_front();
  }
}

void MemoryPort::accept_packets(const AddressChannel& burst, const WriteBeats& beats, unsigned packet,
                                std::uint64_t now) {
  for (unsigned first = 0; first < beats.size();) {
    WriteBeats piece;
    unsigned next = first;
    do {
      piece.push_back(beats[next++]);
    } while (next < beats.size() && beat_of(burst, next, bus_bytes_).address % packet != 0);
    AddressChannel address = burst;
    address.addr = beat_of(burst, first, bus_bytes_).address;
    address.len = static_cast<std::uint8_t>(next - first - 1);
    accept_write(address, std::move(piece), now, next == beats.size());
    first = next;
  }
}

void MemoryPort::accept_write(const AddressChannel& address, WriteBeats beats, std::uint64_t now, bool answered) {
  Plan plan = timing_.write(port_, address, now);
  std::uint64_t& last = last_write_[address.id % last_write_.size()];
  plan.perform = last = std::max(plan.perform, last);
  // Whether an exclusive write succeeds is known only then.
  if (address.lock) plan.answer = std::max(plan.answer, plan.perform + 1);
  writes_.push_back({address, bursts_++, std::move(beats), plan.perform, plan.answer});
  next_write_ = std::min(next_write_, plan.perform);
  if (answered) return;
  writes_.back().answered = true;
  ++posted_;
}

template <typename Burst>
void MemoryPort::perform_due(Queue<Burst>& bursts, std::size_t& from, std::uint64_t& next, std::uint64_t now) {
  next = kNever;
  for (std::size_t i = from; i < bursts.size(); ++i) {
    Burst& burst = bursts[i];
    if (!burst.performed) {
      if (burst.perform > now) {
        next = std::min(next, burst.perform);
        continue;
      }
      perform(burst);
      if (!burst.performed) {
        next = now + 1;
        continue;
      }
    }
    if (i == from) ++from;
  }
}

template <typename Burst>
void MemoryPort::erase(Queue<Burst>& bursts, std::size_t& from, std::size_t index) {
  if (index < from) --from;
  if (index == 0) {
    bursts.pop_front();
  } else {
    bursts.erase(bursts.begin() + static_cast<std::ptrdiff_t>(index));
  }
}

void MemoryPort::perform_due_writes(std::uint64_t now) {
  perform_due(writes_, write_from_, next_write_, now);
  // Posted writes were answered before.
  while (posted_ != 0 && write_from_ != 0) {
    const auto end = writes_.begin() + static_cast<std::ptrdiff_t>(write_from_);
    const auto it = std::find_if(writes_.begin(), end, [](const WriteBurst& b) { return b.answered; });
    if (it == end) break;
    erase(writes_, write_from_, static_cast<std::size_t>(it - writes_.begin()));
    --posted_;
  }
}

void MemoryPort::perform_due_reads(std::uint64_t now) { perform_due(reads_, read_from_, next_read_, now); }

void MemoryPort::perform(ReadBurst& burst) {
  burst.performed = true;
  if (burst.beats.size() == 0) burst.beats.resize(std::size_t{burst.address.len} + 1);
  for (unsigned i = 0; i < burst.beats.size(); ++i) {
    if (burst.beats[i].answer != MemoryAnswer::kPending) continue;
    const Beat beat = beat_of(burst.address, i, bus_bytes_);
    auto* lanes = reinterpret_cast<std::byte*>(burst.beats[i].data.data());
    burst.beats[i].answer = target_.read(port_, access_of(burst.number, i), burst.address.user, beat.address,
                                         std::span(lanes + beat.lane, beat.size));
    if (burst.beats[i].answer == MemoryAnswer::kPending) burst.performed = false;
  }
  if (!burst.performed || !exclusive(burst.address) || burst.beats[0].answer != MemoryAnswer::kOk) return;
  const Beat beat = beat_of(burst.address, 0, bus_bytes_);
  const auto* lanes = reinterpret_cast<const std::byte*>(burst.beats[0].data.data()) + beat.lane;
  exclusives_.reserve(port_, burst.address.id, burst.address.addr, std::span(lanes, beat.size));
  burst.reserved = true;
}

void MemoryPort::perform_exclusive(WriteBurst& burst) {
  const AddressChannel& address = burst.address;
  const Beat beat = beat_of(address, 0, bus_bytes_);
  if (burst.expected.empty()) {
    const auto expected = exclusives_.reserved(port_, address.id, address.addr, beat.size);
    burst.performed = expected.empty();
    if (burst.performed) return;
    burst.expected.assign(expected.begin(), expected.end());
  }
  const auto* lanes = reinterpret_cast<const std::byte*>(burst.beats[0].data.data()) + beat.lane;
  std::array<std::byte, ExclusiveMonitor::kMost> data{};
  for (std::size_t i = 0; i < beat.size; ++i) {
    data[i] = (burst.beats[0].strb >> (beat.lane + i) & 1U) != 0 ? lanes[i] : burst.expected[i];
  }
  bool held = false;
  const MemoryAnswer answer = target_.exchange(port_, access_of(burst.number, 0), address.user, beat.address,
                                               burst.expected, std::span(data).first(beat.size), held);
  burst.pending = answer == MemoryAnswer::kPending;
  burst.performed = !burst.pending;
  if (burst.pending) return;
  burst.resp = resp_of(answer);
  if (!held) return;
  exclusives_.written(beat.address, beat.size);
  if (burst.resp == Resp::kOkay) burst.resp = Resp::kExokay;
}

void MemoryPort::perform(WriteBurst& burst) {
  if (exclusive(burst.address)) return perform_exclusive(burst);
  burst.performed = true;
  for (unsigned i = 0; i < burst.beats.size(); ++i) {
    if (!burst.beats[i].valid) continue;
    const Beat beat = beat_of(burst.address, i, bus_bytes_);
    const auto* lanes = reinterpret_cast<const std::byte*>(burst.beats[i].data.data());
    const std::uint32_t strobes = (burst.beats[i].strb & lanes_of(beat)) >> beat.lane;
    const MemoryAnswer answer = target_.write(port_, access_of(burst.number, i), burst.address.user, beat.address,
                                              std::span(lanes + beat.lane, beat.size), strobes);
    if (answer == MemoryAnswer::kPending) {
      burst.performed = false;
      continue;
    }
    burst.beats[i].valid = false;
    burst.resp = std::max(burst.resp, resp_of(answer));
    if (strobes != 0) exclusives_.written(beat.address, beat.size);
  }
  burst.pending = !burst.performed;
}

int MemoryPort::choose_read(std::uint64_t next) {
  if (current_read_ >= 0) {
    const ReadBurst& current = reads_[static_cast<std::size_t>(current_read_)];
    return current.ready <= next ? current_read_ : -1;
  }
  if (reads_.empty()) return -1;
  if (timing_.traits().in_order) return reads_.front().performed && reads_.front().ready <= next ? 0 : -1;
  std::uint32_t ids = 0;
  int chosen = -1;
  unsigned due = 0;
  for (std::size_t i = 0; i < reads_.size(); ++i) {
    const ReadBurst& burst = reads_[i];
    const std::uint32_t id = 1U << (burst.address.id % 32U);
    if ((ids & id) != 0) continue;
    ids |= id;
    if (!burst.performed || burst.ready > next) continue;
    ++due;
    if (chosen < 0 || (timing_.traits().shuffles ? random_() % due == 0
                                                 : burst.ready < reads_[static_cast<std::size_t>(chosen)].ready)) {
      chosen = static_cast<int>(i);
    }
  }
  return chosen;
}

int MemoryPort::choose_write(std::uint64_t next) {
  if (writes_.empty()) return -1;
  if (timing_.traits().in_order) {
    const WriteBurst& first = writes_.front();
    return first.performed && !first.answered && first.ready <= next ? 0 : -1;
  }
  std::uint32_t ids = 0;
  int chosen = -1;
  unsigned due = 0;
  for (std::size_t i = 0; i < writes_.size(); ++i) {
    const WriteBurst& burst = writes_[i];
    if (burst.answered) continue;
    const std::uint32_t id = 1U << (burst.address.id % 32U);
    const bool first = (ids & id) == 0;
    ids |= id;
    // A posted write is answered before it is performed; all others are performed by then, unless memory takes longer.
    if (first && burst.ready <= next && !burst.pending) {
      ++due;
      if (chosen < 0 || (timing_.traits().shuffles ? random_() % due == 0
                                                   : burst.ready < writes_[static_cast<std::size_t>(chosen)].ready)) {
        chosen = static_cast<int>(i);
      }
    }
  }
  return chosen;
}

void MemoryPort::offer_read(ReadChannel& r, int index, std::uint64_t next) {
  ReadBurst& burst = reads_[static_cast<std::size_t>(index)];
  const unsigned beat_index = burst.sent++;
  const ReadBurst::Data& data = burst.beats[beat_index];
  r.valid = true;
  r.id = burst.address.id;
  r.data = data.data;
  r.resp = static_cast<std::uint8_t>(burst.reserved ? Resp::kExokay : resp_of(data.answer));
  r.poison = data.answer == MemoryAnswer::kPoison;
  // Translated traffic has no poison line: an error says it there.
  if (r.poison && port_ == Port::kData) r.resp = static_cast<std::uint8_t>(Resp::kSlverr);
  r.last = beat_index == burst.address.len;
  bool chunk_ends = false;
  if (timing_.traits().chunk_bytes != 0 && !r.last) {
    chunk_ends = beat_of(burst.address, beat_index + 1, bus_bytes_).address % timing_.traits().chunk_bytes == 0;
    if (chunk_ends) burst.ready = next + 1 + timing_.traits().chunk_gap;
  }
  const Interleave interleave = timing_.traits().interleave;
  const bool free = interleave == Interleave::kBeat || (interleave == Interleave::kChunk && chunk_ends);
  current_read_ = r.last || free ? -1 : index;
}

void MemoryPort::offer_write(AnswerChannel& b, int index) {
  WriteBurst& burst = writes_[static_cast<std::size_t>(index)];
  burst.answered = true;
  b.valid = true;
  b.id = burst.address.id;
  b.resp = static_cast<std::uint8_t>(burst.performed ? burst.resp : Resp::kOkay);
  if (burst.performed) {
    erase(writes_, write_from_, static_cast<std::size_t>(index));
  } else {
    ++posted_;
  }
}

void MemoryPort::drive(AxiPins& pins, std::uint64_t next) {
  pins.aw.ready = !timing_.stalls();
  pins.w.ready = !timing_.stalls();
  pins.ar.ready = !timing_.stalls();
  if (!pins.r.valid || pins.r.ready) {
    pins.r = ReadChannel{{}, 0, 0, false, false, false, pins.r.ready};
    // The last beat of a burst is taken before the next one of its id may start.
    const int index = timing_.stalls() ? -1 : choose_read(next);
    if (index >= 0) offer_read(pins.r, index, next);
  }
  if (!pins.b.valid || pins.b.ready) {
    pins.b = AnswerChannel{0, 0, false, pins.b.ready};
    const int index = timing_.stalls() ? -1 : choose_write(next);
    if (index >= 0) offer_write(pins.b, index);
  }
}

}  // namespace aperture::tb
