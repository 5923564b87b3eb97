// SPDX-License-Identifier: Apache-2.0
#include "tb/axi/device_master.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace aperture::tb {

std::uint64_t Identity::user() const {
  const std::uint64_t process = process_id ? (std::uint64_t{1} << 20 | (*process_id & 0xfffff)) : 0;
  return static_cast<std::uint64_t>(type) << 45 | process << 24 | (device_id & 0xffffff);
}

std::uint8_t Identity::prot() const { return static_cast<std::uint8_t>((privileged ? 1 : 0) | (exec ? 4 : 0)); }

DeviceMaster::DeviceMaster(unsigned bus_bytes, Timing& timing) : bus_bytes_(bus_bytes), timing_(timing) {}

Ticket DeviceMaster::submit(DeviceBurst burst, std::uint64_t now) {
  const Ticket ticket = first_ticket_ + kept_.size();
  Completion& c = kept_.emplace_back().completion;
  c.submitted = now;
  c.resps.reserve(burst.write ? 1 : burst.beats);
  if (!burst.write) c.data.reserve(std::size_t{burst.beats} << burst.size);
  ++outstanding_;
  Pending pending{ticket, {}};
  AddressChannel& a = pending.address;
  a.addr = burst.address;
  a.user = burst.who.user();
  a.id = burst.id & 0xf;
  a.len = static_cast<std::uint8_t>(burst.beats - 1);
  a.size = static_cast<std::uint8_t>(burst.size);
  a.burst = static_cast<std::uint8_t>(burst.type);
  a.prot = burst.who.prot();
  if (!burst.write) {
    reads_.push_back(pending);
    return ticket;
  }
  Data data{ticket, {}};
  std::size_t at = 0;
  for (unsigned i = 0; i < burst.beats; ++i) {
    const Beat beat = beat_of(a, i, bus_bytes_);
    WriteChannel w;
    for (unsigned j = 0; j < beat.size; ++j, ++at) {
      if (at >= burst.data.size()) continue;
      reinterpret_cast<std::byte*>(w.data.data())[beat.lane + j] = burst.data[at];
      const bool strobe = burst.strobes.empty() || (at < burst.strobes.size() && burst.strobes[at]);
      if (strobe) w.strb = static_cast<std::uint16_t>(w.strb | 1U << (beat.lane + j));
    }
    w.last = i + 1 == burst.beats;
    data.beats.push_back(w);
  }
  data_.push_back(std::move(data));
  writes_.push_back(pending);
  return ticket;
}

const Completion& DeviceMaster::at(Ticket ticket) const {
  if (ticket < first_ticket_ || kept_.at(ticket - first_ticket_).taken) throw std::out_of_range("the ticket was taken");
  return kept_[ticket - first_ticket_].completion;
}

Completion DeviceMaster::take(Ticket ticket) {
  Completion result = at(ticket);
  if (result.done) kept_[ticket - first_ticket_].taken = true;
  while (!kept_.empty() && kept_.front().taken) {
    kept_.pop_front();
    ++first_ticket_;
  }
  return result;
}

void DeviceMaster::observe(const AxiPins& pins, std::uint64_t now) {
  if (pins.ar.valid && pins.ar.ready) {
    Completion& c = completion(reads_.front().ticket);
    c.accepted = now;
    c.taken = true;
    reading_[pins.ar.id].push_back({reads_.front().ticket, reads_.front().address, 0});
    reads_.pop_front();
  }
  if (pins.aw.valid && pins.aw.ready) {
    Completion& c = completion(writes_.front().ticket);
    c.accepted = now;
    c.taken = true;
    writing_[pins.aw.id].push_back(writes_.front().ticket);
    writes_.pop_front();
  }
  if (pins.w.valid && pins.w.ready && ++data_.front().sent == data_.front().beats.size()) data_.pop_front();
  if (pins.r.valid && pins.r.ready) take_read(pins.r, now);
  if (pins.b.valid && pins.b.ready) take_answer(pins.b, now);
}

void DeviceMaster::take_read(const ReadChannel& r, std::uint64_t now) {
  auto& queue = reading_[r.id & 0xf];
  if (queue.empty()) return;
  Reading& reading = queue.front();
  Completion& c = completion(reading.ticket);
  if (reading.beats == 0) c.first = now;
  const Beat beat = beat_of(reading.address, reading.beats++, bus_bytes_);
  const auto* lanes = reinterpret_cast<const std::byte*>(r.data.data()) + beat.lane;
  c.data.insert(c.data.end(), lanes, lanes + beat.size);
  c.resps.push_back(static_cast<Resp>(r.resp));
  c.resp = std::max(c.resp, static_cast<Resp>(r.resp));
  if (!r.last) return;
  c.answered = now;
  c.done = true;
  --outstanding_;
  queue.pop_front();
}

void DeviceMaster::take_answer(const AnswerChannel& b, std::uint64_t now) {
  auto& queue = writing_[b.id & 0xf];
  if (queue.empty()) return;
  Completion& c = completion(queue.front());
  c.resp = static_cast<Resp>(b.resp);
  c.resps.push_back(c.resp);
  c.answered = now;
  c.done = true;
  --outstanding_;
  queue.pop_front();
}

void DeviceMaster::offer(AddressChannel& pins, Channel channel, Queue<Pending>& queue, std::uint64_t next) {
  if (pins.valid && !pins.ready) return;
  pins.valid = false;
  if (queue.empty() || held(channel) || timing_.stalls()) return;
  const bool ready = pins.ready;
  pins = queue.front().address;
  pins.ready = ready;
  pins.valid = true;
  completion(queue.front().ticket).offered = next;
}

void DeviceMaster::offer_data(WriteChannel& w) {
  if (w.valid && !w.ready) return;
  w.valid = false;
  if (data_.empty() || held(Channel::kW) || timing_.stalls()) return;
  if (data_after_address_ && !completion(data_.front().ticket).taken) return;
  const bool ready = w.ready;
  w = data_.front().beats[data_.front().sent];
  w.ready = ready;
  w.valid = true;
}

void DeviceMaster::drive(AxiPins& pins, std::uint64_t next) {
  offer(pins.ar, Channel::kAr, reads_, next);
  offer(pins.aw, Channel::kAw, writes_, next);
  offer_data(pins.w);
  pins.r.ready = !held(Channel::kR) && !timing_.stalls();
  pins.b.ready = !held(Channel::kB) && !timing_.stalls();
}

}  // namespace aperture::tb
