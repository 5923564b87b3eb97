// SPDX-License-Identifier: Apache-2.0
#include "rtl/support/axi_memory.hpp"

#include <algorithm>
#include <cstring>

namespace aperture::test {

void AxiMemory::store(std::uint64_t address, std::span<const std::byte> bytes) {
  for (const std::byte b : bytes) {
    pages_[address >> 12][address & 0xfff] = b;
    ++address;
  }
}

void AxiMemory::load(std::uint64_t address, std::span<std::byte> bytes) const {
  for (std::byte& b : bytes) {
    const auto page = pages_.find(address >> 12);
    b = page == pages_.end() ? std::byte{0} : page->second[address & 0xfff];
    ++address;
  }
}

std::uint64_t AxiMemory::load64(std::uint64_t address) const {
  std::uint64_t value{};
  load(address, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

void AxiMemory::store64(std::uint64_t address, std::uint64_t value) {
  store(address, std::as_bytes(std::span(&value, 1)));
}

std::uint64_t AxiMemory::delay() {
  return profile.latency + (profile.jitter ? std::uniform_int_distribution<unsigned>(0, profile.jitter)(random_) : 0);
}

void AxiMemory::error(const std::string& what) {
  if (errors_.size() < 20) errors_.push_back("cycle " + std::to_string(cycle_) + ": " + what);
}

bool AxiMemory::touches(const Bad& bad, const AxiBurst& burst) {
  return std::ranges::any_of(bad, [&](const auto& r) { return burst.first <= r.second && r.first <= burst.last; });
}

void AxiMemory::check_address(const char* channel, const AxiAddress& a, AxiBurst& burst) {
  const std::string name = channel;
  if (a.burst != 1) error(name + ": burst type is not INCR");
  if (1U << a.size != beat_bytes_) error(name + ": size is not the bus width");
  const std::uint64_t aligned = a.addr & ~std::uint64_t{beat_bytes_ - 1};
  burst.first = a.addr;
  burst.last = aligned + std::uint64_t{beat_bytes_} * (a.len + 1) - 1;
  if (burst.first >> 12 != burst.last >> 12) error(name + ": burst crosses 4 KiB");
}

void AxiMemory::pick_read() {
  std::vector<unsigned> ids;
  if (profile.out_of_order) {
    for (const auto& [id, queue] : read_queues_) {
      if (!queue.empty() && queue.front().due <= cycle_) ids.push_back(id);
    }
  } else if (!read_order_.empty() && read_queues_[read_order_.front()].front().due <= cycle_) {
    ids.push_back(read_order_.front());
  }
  if (ids.empty() || !chance(profile.ready)) return;
  const unsigned id = ids[std::uniform_int_distribution<std::size_t>(0, ids.size() - 1)(random_)];
  const Read& read = read_queues_[id].front();
  const std::uint64_t base =
      (read.address.addr & ~std::uint64_t{beat_bytes_ - 1}) + std::uint64_t{beat_bytes_} * read.beat;
  now_.rvalid = true;
  now_.rid = id;
  now_.rlast = read.beat == read.address.len;
  now_.rresp = read.bad ? 2 : 0;
  load(base, std::span(now_.rdata).first(beat_bytes_));
  if (read.bad) now_.rdata.fill(std::byte{0xee});
}

void AxiMemory::pick_write() {
  std::vector<unsigned> ids;
  if (profile.out_of_order) {
    for (const auto& [id, queue] : write_queues_) {
      if (!queue.empty() && queue.front().due <= cycle_) ids.push_back(id);
    }
  } else if (!write_order_.empty() && write_queues_[write_order_.front()].front().due <= cycle_) {
    ids.push_back(write_order_.front());
  }
  if (ids.empty() || hold_b || !chance(profile.ready)) return;
  const unsigned id = ids[std::uniform_int_distribution<std::size_t>(0, ids.size() - 1)(random_)];
  now_.bvalid = true;
  now_.bid = id;
  now_.bresp = write_queues_[id].front().bad ? 2 : 0;
}

const AxiSlave& AxiMemory::drive() {
  now_ = AxiSlave{};
  now_.arready = chance(profile.ready);
  now_.awready = chance(profile.ready);
  // Data is taken only once its address was: the strictest slave allowed.
  now_.wready = !filling_.empty() && chance(profile.ready);
  pick_read();
  pick_write();
  return now_;
}

void AxiMemory::clock(const AxiMaster& m) {
  if (ar_held_ && !(m.arvalid && m.ar == before_.ar)) error("AR changed before it was accepted");
  if (aw_held_ && !(m.awvalid && m.aw == before_.aw)) error("AW changed before it was accepted");
  if (w_held_ && !(m.wvalid && m.wdata == before_.wdata && m.wstrb == before_.wstrb && m.wlast == before_.wlast)) {
    error("W changed before it was accepted");
  }
  ar_held_ = m.arvalid && !now_.arready;
  aw_held_ = m.awvalid && !now_.awready;
  w_held_ = m.wvalid && !now_.wready;
  before_ = m;
  if (!m.rready || !m.bready) error("R or B is not accepted");

  if (now_.rvalid && m.rready) {
    auto& queue = read_queues_[now_.rid];
    if (now_.rlast) {
      queue.pop_front();
      read_order_.erase(std::ranges::find(read_order_, now_.rid));
      --reads_;
    } else {
      ++queue.front().beat;
    }
  }
  if (now_.bvalid && m.bready) {
    auto& queue = write_queues_[now_.bid];
    if (!queue.front().bad) {
      for (const auto& [address, value] : queue.front().bytes) store(address, std::span(&value, 1));
    }
    queue.pop_front();
    write_order_.erase(std::ranges::find(write_order_, now_.bid));
    --writes_;
  }
  if (m.wvalid && now_.wready) {
    Write& write = filling_.front();
    const std::size_t beat = write.due++;  // counts beats until the data is complete
    const std::uint64_t base = (write.address.addr & ~std::uint64_t{beat_bytes_ - 1}) + beat * beat_bytes_;
    for (unsigned i = 0; i < beat_bytes_; ++i) {
      if (!(m.wstrb >> i & 1)) continue;
      if (base + i < write.address.addr) error("W: strobe below the burst's address");
      write.bytes.emplace_back(base + i, m.wdata[i]);
    }
    if (m.wlast != (beat == write.address.len)) error("W: WLAST at the wrong beat");
    if (beat == write.address.len) {
      write.due = cycle_ + delay();
      write_order_.push_back(write.address.id);
      write_queues_[write.address.id].push_back(std::move(write));
      filling_.pop_front();
    }
  }
  if (m.arvalid && now_.arready) {
    AxiBurst burst{m.ar, false, cycle_};
    check_address("AR", m.ar, burst);
    read_queues_[m.ar.id].push_back({m.ar, cycle_ + delay(), 0, touches(bad_reads_, burst)});
    read_order_.push_back(m.ar.id);
    bursts_.push_back(burst);
    ++reads_;
  }
  if (m.awvalid && now_.awready) {
    AxiBurst burst{m.aw, true, cycle_};
    check_address("AW", m.aw, burst);
    filling_.push_back({m.aw, 0, touches(bad_writes_, burst), {}});
    bursts_.push_back(burst);
    ++writes_;
  }
  ++cycle_;
}

}  // namespace aperture::test
