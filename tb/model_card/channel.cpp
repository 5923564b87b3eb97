// SPDX-License-Identifier: Apache-2.0
#include "tb/model_card/channel.hpp"

#include <zlib.h>

#include <algorithm>
#include <utility>

namespace aperture::tb::model {
namespace {

namespace r = regs::dma;
using regs::DmaStatus;

constexpr std::uint64_t kPiece = 256;
constexpr std::uint64_t kAfterStopCycles = 4096;

// What things take. Nobody may rely on it; it is of the size that memory 20 cycles away gives.
constexpr std::uint64_t kTurnCycles = 2;
constexpr std::uint64_t kBurstCycles = 24;
constexpr std::uint64_t kBytesPerCycle = 8;

std::span<const std::byte> bytes_of(std::span<const std::uint64_t> words) { return std::as_bytes(words); }

}  // namespace

std::byte ByteSource::next() {
  if (random_ && at_ == 0) {
    word_ ^= word_ << 13;
    word_ ^= word_ >> 7;
    word_ ^= word_ << 17;
  }
  const auto byte = static_cast<std::byte>(word_ >> (8 * at_));
  at_ = (at_ + 1) % 8;
  return byte;
}

Channel::Channel(unsigned index, Bus& bus)
    : index_(index),
      bus_(bus),
      registers_(r::kBlock, {r::ctrl, r::device_id, r::process_id, r::address_mask, r::ring_base, r::record_base,
                             r::ring_device_id, r::ring_log2, r::tail}),
      ats_(index) {
  registers_.set(r::address_mask, ~std::uint64_t{0});
}

void Channel::reset() {
  Channel fresh(index_, bus_);
  registers_ = fresh.registers_;
  ats_ = fresh.ats_;
  state_ = State::kOff;
  stopping_ = halted_ = phase_ = irq_ = ring_error_ = false;
  head_ = 0;
  last_write_.reset();
}

// ---- registers ----------------------------------------------------------------------------------------------------

std::uint32_t Channel::read(std::uint32_t offset, std::uint64_t now) {
  std::uint64_t status =
      r::status_f::running.set(0, ctrl(r::ctrl_f::enable) || state_ == State::kIdle || state_ == State::kRun);
  status = r::status_f::irq.set(status, irq_);
  registers_.set(r::status, r::status_f::ring_error.set(status, ring_error_));
  registers_.set(r::head, head_);
  const std::uint64_t before = registers_.get(r::busy_cycles);
  if (state_ == State::kRun) registers_.add(r::busy_cycles, now - job_.begun);
  const std::uint32_t value = registers_.word(offset);
  registers_.set(r::busy_cycles, before);
  return value;
}

void Channel::write(std::uint32_t offset, std::uint32_t value) {
  if (offset == r::status.offset - r::kBlock.base) {
    if (r::status_f::irq.get(value) != 0) irq_ = false;
    if (r::status_f::ring_error.get(value) != 0) ring_error_ = false;
  }
  registers_.host_write(offset, value);
  if (state_ != State::kOff && !ctrl(r::ctrl_f::enable)) stopping_ = true;
}

bool Channel::interrupt() const { return irq_ && ctrl(r::ctrl_f::irq_enable); }

std::uint64_t Channel::ring_mask() const { return (std::uint64_t{1} << registers_.get(r::ring_log2)) - 1; }

bool Channel::more() const { return ((head_ ^ registers_.get(r::tail)) & ring_mask()) != 0; }

// ---- who it is ----------------------------------------------------------------------------------------------------

std::optional<std::uint32_t> Channel::process_id() const {
  const bool wrong = ctrl(r::ctrl_f::wrong_process);
  if (!wrong && !ctrl(r::ctrl_f::process_id_valid)) return std::nullopt;
  return static_cast<std::uint32_t>(registers_.get(r::process_id)) ^ (wrong ? 1U : 0U);
}

DeviceAccess Channel::data_access() const {
  DeviceAccess access;
  access.device_id = static_cast<std::uint32_t>(registers_.get(r::device_id));
  access.process_id = process_id();
  access.privileged = ctrl(r::ctrl_f::privileged);
  access.exec = ctrl(r::ctrl_f::execute);
  if (ctrl(r::ctrl_f::translated) && !ctrl(r::ctrl_f::ats)) access.type = AccessType::kTranslated;
  return access;
}

DeviceAccess Channel::ring_access(std::uint64_t address) const {
  return {.device_id = static_cast<std::uint32_t>(registers_.get(r::ring_device_id)), .iova = address};
}

bool Channel::claims(std::uint32_t device_id) const {
  return ctrl(r::ctrl_f::ats) && registers_.get(r::device_id) == device_id;
}

// ---- what it does -------------------------------------------------------------------------------------------------

std::optional<std::uint64_t> Channel::due() const {
  switch (state_) {
    case State::kOff:
      if (!ctrl(r::ctrl_f::enable)) return std::nullopt;
      break;
    case State::kIdle:
      if (enabled() && (halted_ || !more())) return std::nullopt;
      break;
    case State::kRun:
      if (enabled() && ats_.parked()) return std::nullopt;
      break;
    case State::kAfterStop:
      return after_stop_at_;
  }
  return 0;
}

std::uint64_t Channel::step(std::uint64_t now) {
  switch (state_) {
    case State::kOff:
      start();
      return kTurnCycles;
    case State::kIdle:
      return enabled() ? take(now) : turn_off(now);
    case State::kRun:
      return go_on(now);
    case State::kAfterStop:
      break;
  }
  return write_after_stop();
}

void Channel::start() {
  state_ = State::kIdle;
  stopping_ = halted_ = false;
  head_ = 0;
  phase_ = true;
  last_write_.reset();
  ats_.clear();
  for (const auto& counter : {r::bytes_read, r::bytes_written, r::read_bursts, r::read_latency, r::write_bursts,
                              r::write_latency, r::busy_cycles})
    registers_.set(counter, 0);
}

std::uint64_t Channel::turn_off(std::uint64_t now) {
  stopping_ = false;
  state_ = State::kOff;
  if (ctrl(r::ctrl_f::write_after_stop) && last_write_) {
    state_ = State::kAfterStop;
    after_stop_at_ = now + kAfterStopCycles;
  }
  return kTurnCycles;
}

std::uint64_t Channel::write_after_stop() {
  const std::vector<std::byte> ones(last_write_->second, std::byte{0xff});
  static_cast<void>(write_bursts(last_write_->first, ones));
  stopping_ = false;
  state_ = State::kOff;
  return kBurstCycles;
}

void Channel::ring_failed() {
  halted_ = irq_ = ring_error_ = true;
  state_ = State::kIdle;
}

std::uint64_t Channel::take(std::uint64_t now) {
  std::array<std::uint64_t, regs::descriptor::kSize / 8> descriptor{};
  const std::uint64_t address = registers_.get(r::ring_base) + head_ * regs::descriptor::kSize;
  if (bus_.read(ring_access(address), std::as_writable_bytes(std::span(descriptor)))) {
    job_ = job_of(descriptor);
    job_.begun = job_.ended = now;
    state_ = State::kRun;
  } else {
    ring_failed();
  }
  return kBurstCycles + regs::descriptor::kSize / kBytesPerCycle;
}

Channel::Job Channel::job_of(std::span<const std::uint64_t> descriptor) {
  namespace d = regs::descriptor;
  const std::uint64_t control = descriptor[d::control::kWord];
  const std::uint64_t length = descriptor[d::length::kWord];
  Job job;
  job.interrupts = d::control::irq.get(control) != 0;
  job.cookie = d::control::cookie.get(control);
  job.src = descriptor[d::src::kWord];
  job.dst = descriptor[d::dst::kWord];
  job.bad = (length & ~d::length::bytes.mask()) != 0;
  bool random = false;
  switch (static_cast<regs::DmaOp>(d::control::op.get(control))) {
    case regs::DmaOp::kNop:
      break;
    case regs::DmaOp::kCopy:
      job.reads = job.writes = true;
      break;
    case regs::DmaOp::kCrc:
      job.reads = true;
      break;
    case regs::DmaOp::kFill:
      job.writes = true;
      break;
    case regs::DmaOp::kGenerate:
      job.writes = random = true;
      break;
    case regs::DmaOp::kCheck:
      job.reads = job.checks = random = true;
      break;
    case regs::DmaOp::kStray:
      job.reads = d::control::stray_read.get(control) != 0;
      job.writes = !job.reads;
      break;
    default:
      job.bad = true;
  }
  job.source = ByteSource(descriptor[d::pattern::kWord], random);
  if (!job.bad && (job.reads || job.writes)) job.left = length;
  return job;
}

std::uint64_t Channel::go_on(std::uint64_t now) {
  if (ctrl(r::ctrl_f::ats) && ats_.take_refusal()) {
    job_.failure = Failure{DmaStatus::kPageRefused, job_.made, job_.asked};
  }
  if (job_.failure || job_.left == 0 || !enabled()) return finish();
  if (ctrl(r::ctrl_f::ats)) {
    if (const auto spent = translations()) return *spent;
  }
  return piece(now);
}

std::optional<std::uint64_t> Channel::translations() {
  for (const bool write : {false, true}) {
    if (!(write ? job_.writes : job_.reads)) continue;
    const std::uint64_t address = write ? job_.dst : job_.src;
    const std::uint64_t page = masked(address) & ~(kPageSize - 1);
    if (ats_.find(page, write) != nullptr) continue;
    job_.asked = address;
    const auto answer = ats_.ask(bus_, data_access(), page, write);
    if (answer == AtsCache::Answer::kRefused)
      job_.failure = Failure{DmaStatus::kTranslationRefused, job_.made, address};
    if (answer == AtsCache::Answer::kPageRefused) job_.failure = Failure{DmaStatus::kPageRefused, job_.made, address};
    return kBurstCycles;
  }
  return std::nullopt;
}

std::uint64_t Channel::piece_length() const {
  std::uint64_t room = kPiece - (job_.writes ? job_.dst : job_.src) % kPiece;
  // A translation is that of one page.
  if (ctrl(r::ctrl_f::ats) && job_.reads) room = std::min(room, kPageSize - job_.src % kPageSize);
  return std::min(job_.left, room);
}

std::uint64_t Channel::piece(std::uint64_t now) {
  std::vector<std::byte> data(piece_length());
  const std::uint64_t cycles = kBurstCycles + (data.size() + kBytesPerCycle - 1) / kBytesPerCycle;
  job_.ended = now + cycles;
  if (job_.reads) {
    if (const auto failed = read_bursts(data)) {
      job_.failure = Failure{DmaStatus::kReadError, job_.made, *failed};
      return cycles;
    }
  }
  if (!job_.reads || job_.checks) {
    for (std::size_t i = 0; i < data.size(); ++i) {
      const std::byte made = job_.source.next();
      if (!job_.reads) data[i] = made;
      if (data[i] != made && !job_.failure) job_.failure = Failure{DmaStatus::kMismatch, job_.made + i, job_.src};
    }
  }
  job_.crc = static_cast<std::uint32_t>(crc32_z(job_.crc, reinterpret_cast<const Bytef*>(data.data()), data.size()));
  if (job_.failure) return cycles;
  if (job_.writes) {
    last_write_ = {job_.dst, data.size()};
    if (const auto failed = write_bursts(job_.dst, data)) {
      job_.failure = Failure{DmaStatus::kWriteError, job_.made, *failed};
      return cycles;
    }
  }
  job_.src += data.size();
  job_.dst += data.size();
  job_.made += data.size();
  job_.left -= data.size();
  return cycles;
}

DeviceAccess Channel::burst(std::uint64_t address, bool write) const {
  DeviceAccess access = data_access();
  access.iova = address;
  if (!ctrl(r::ctrl_f::ats)) return access;
  const AtsCache::Entry* entry = ats_.find(address & ~(kPageSize - 1), write);
  if (entry == nullptr || entry->untranslated) return access;
  access.type = AccessType::kTranslated;
  access.iova = entry->target | address % kPageSize;
  return access;
}

std::optional<std::uint64_t> Channel::read_bursts(std::span<std::byte> to) {
  for (std::size_t done = 0; done < to.size();) {
    const std::uint64_t address = masked(job_.src + done);
    const std::size_t size = std::min<std::size_t>(to.size() - done, kPageSize - address % kPageSize);
    registers_.add(r::read_bursts, 1);
    registers_.add(r::read_latency, kBurstCycles + size / kBytesPerCycle);
    if (!bus_.read(burst(address, false), to.subspan(done, size))) return job_.src + done;
    registers_.add(r::bytes_read, size);
    done += size;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Channel::write_bursts(std::uint64_t first, std::span<const std::byte> from) {
  for (std::size_t done = 0; done < from.size();) {
    const std::uint64_t address = masked(first + done);
    const std::size_t size = std::min<std::size_t>(from.size() - done, kPageSize - address % kPageSize);
    registers_.add(r::write_bursts, 1);
    registers_.add(r::write_latency, kBurstCycles + size / kBytesPerCycle);
    if (!bus_.write(burst(address, true), from.subspan(done, size))) return first + done;
    registers_.add(r::bytes_written, size);
    done += size;
  }
  return std::nullopt;
}

std::uint64_t Channel::finish() {
  namespace rec = regs::record;
  Failure end{DmaStatus::kOk, job_.made, 0};
  if (job_.bad) {
    end.status = DmaStatus::kBadDescriptor;
  } else if (job_.failure) {
    end = *job_.failure;
  } else if (job_.left != 0) {
    end.status = DmaStatus::kStopped;
  }
  ats_.unpark();
  std::array<std::uint64_t, rec::kSize / 8> record{};
  record[rec::bytes::kWord] = end.bytes;
  record[rec::cycles::kWord] = job_.ended - job_.begun;
  record[rec::address::kWord] = masked(end.address);
  std::uint64_t& status = record[rec::status::kWord];
  status = rec::status::crc.set(status, job_.crc);
  status = rec::status::cookie.set(status, job_.cookie);
  status = rec::status::status.set(status, static_cast<std::uint64_t>(end.status));
  status = rec::status::phase.set(status, phase_);
  const std::uint64_t cycles = kBurstCycles + rec::kSize / kBytesPerCycle;
  registers_.add(r::busy_cycles, job_.ended - job_.begun + cycles);
  if (!bus_.write(ring_access(registers_.get(r::record_base) + head_ * rec::kSize), bytes_of(record))) {
    ring_failed();
    return cycles;
  }
  if (job_.interrupts) irq_ = true;
  state_ = State::kIdle;
  if (head_ == ring_mask()) phase_ = !phase_;
  head_ = head_ == ring_mask() ? 0 : head_ + 1;
  return cycles;
}

}  // namespace aperture::tb::model
