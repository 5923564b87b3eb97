// SPDX-License-Identifier: Apache-2.0
#include "dma/channel.hpp"

#include <fmt/format.h>

#include <atomic>
#include <utility>

#include "card/pci.hpp"
#include "card/registers.hpp"
#include "card/wait.hpp"

namespace aperture::dma {
namespace {

constexpr unsigned kFirstVector = card::pci::kFirstChannelVector;

std::atomic_ref<std::uint64_t> word(card::DmaBuffer& buffer, std::size_t index) {
  return std::atomic_ref<std::uint64_t>(reinterpret_cast<std::uint64_t*>(buffer.bytes().data())[index]);
}

std::uint64_t control(const Identity& identity, bool interrupts) {
  namespace f = regs::dma::ctrl_f;
  std::uint64_t value = f::enable.mask();
  value = f::irq_enable.set(value, interrupts);
  value = f::process_id_valid.set(value, identity.process_id.has_value());
  value = f::privileged.set(value, identity.privileged);
  value = f::execute.set(value, identity.execute);
  value = f::translated.set(value, identity.translated);
  value = f::ats.set(value, identity.ats);
  value = f::wrong_process.set(value, identity.wrong_process);
  return f::write_after_stop.set(value, identity.write_after_stop);
}

}  // namespace

Channel::Channel(riscv::Iommu& iommu, unsigned index, const Identity& identity, const ChannelOptions& options)
    : iommu_(iommu),
      index_(index),
      identity_(identity),
      options_(options),
      entries_(1U << options.log2),
      completions_(entries_) {}

Result<std::unique_ptr<Channel>> Channel::open(riscv::Iommu& iommu, unsigned index, const Identity& identity,
                                               const ChannelOptions& options) {
  const std::scoped_lock lock(iommu.mutex());
  card::Card& card = iommu.card();
  const std::uint64_t channels =
      regs::card::parameters_f::channels.get(card::read(card.mmio(), regs::card::parameters));
  if (index >= channels)
    return fail(Code::kInvalid, EINVAL, fmt::format("there is no DMA channel {}: the card has {}", index, channels));
  if (options.log2 < 1 || options.log2 > 6)
    return fail(Code::kInvalid, EINVAL, fmt::format("a DMA ring has 2^1 to 2^6 entries, not 2^{}", options.log2));
  std::unique_ptr<Channel> channel(new Channel(iommu, index, identity, options));
  for (auto* page : {&channel->ring_, &channel->records_}) {
    auto allocated = card.memory().allocate(kPageSize, kPageSize);
    if (!allocated) return std::unexpected(std::move(allocated.error()));
    *page = std::move(*allocated);
  }
  if (auto done = channel->stop(); !done) return std::unexpected(std::move(done.error()));
  if (auto done = channel->start(); !done) return std::unexpected(std::move(done.error()));
  return channel;
}

Channel::~Channel() {
  const std::scoped_lock lock(iommu_.mutex());
  (void)stop();
  ring_.reset();
  records_.reset();
}

std::uint64_t Channel::read(const regs::Register& reg) { return card::read(iommu_.card().mmio(), reg, 0, index_); }
void Channel::write(const regs::Register& reg, std::uint64_t value) {
  card::write(iommu_.card().mmio(), reg, value, 0, index_);
}

std::uint64_t Channel::counter(const regs::Register& reg) {
  const std::scoped_lock lock(iommu_.mutex());
  return read(reg);
}

Result<> Channel::stop() {
  const std::scoped_lock lock(iommu_.mutex());
  const std::uint64_t value = read(regs::dma::ctrl);
  write(regs::dma::ctrl, regs::dma::ctrl_f::enable.set(value, 0));
  running_ = false;
  auto done = card::wait(
      iommu_.card(), {.who = fmt::format("DMA channel {}", index_), .what = "its stop", .cycles = options_.wait_cycles},
      [this] { return regs::dma::status_f::running.get(read(regs::dma::status)) == 0; });
  if (done) iommu_.channel_asks(index_, {});
  harvest();
  return done;
}

Result<> Channel::start(const Identity& identity) {
  identity_ = identity;
  return start();
}

Result<> Channel::start() {
  const std::scoped_lock lock(iommu_.mutex());
  if (regs::dma::status_f::running.get(read(regs::dma::status)) != 0)
    return fail(Code::kInUse, EBUSY, fmt::format("DMA channel {} is running", index_));
  const std::uint32_t ring_id = options_.ring_device_id.value_or(iommu_.last_device_id());
  if (auto done = iommu_.pass_through(ring_id); !done) return done;

  for (card::DmaBuffer* page : {ring_.get(), records_.get()})
    for (std::size_t i = 0; i < kPageSize / 8; ++i) word(*page, i).store(0, std::memory_order_relaxed);
  submitted_ = completed_ = 0;

  namespace r = regs::dma;
  write(r::device_id, identity_.device_id);
  write(r::process_id, identity_.process_id.value_or(0));
  write(r::address_mask, identity_.address_mask);
  write(r::ring_device_id, ring_id);
  write(r::ring_base, ring_->address().value);
  write(r::record_base, records_->address().value);
  write(r::ring_log2, options_.log2);
  write(r::tail, 0);
  write(r::status, r::status_f::irq.mask() | r::status_f::ring_error.mask());
  if (options_.interrupts) {
    card::Mmio& mmio = iommu_.card().mmio();
    const std::uint64_t vector = std::uint64_t{1} << (kFirstVector + index_);
    card::write(mmio, regs::card::irq_enable, card::read(mmio, regs::card::irq_enable) | vector);
    card::write(mmio, regs::card::irq_rearm, vector);
  }
  iommu_.channel_asks(index_, identity_.ats ? std::optional(identity_.device_id) : std::nullopt);
  write(r::ctrl, control(identity_, options_.interrupts));
  running_ = true;
  return {};
}

void Channel::put(Ticket ticket, const Job& job) {
  namespace d = regs::descriptor;
  const std::size_t base = (ticket % entries_) * (d::kSize / 8);
  auto store = [&](std::size_t index, std::uint64_t value) {
    word(*ring_, base + index).store(value, std::memory_order_relaxed);
  };
  std::uint64_t control = d::control::op.set(0, static_cast<std::uint64_t>(job.op));
  control = d::control::irq.set(control, options_.interrupts);
  control = d::control::stray_read.set(control, job.stray_read);
  control = d::control::cookie.set(control, ticket);
  store(d::src::kWord, job.source.value);
  store(d::dst::kWord, job.destination.value);
  store(d::length::kWord, d::length::bytes.set(0, job.length));
  store(d::pattern::kWord, job.pattern);
  store(d::control::kWord, control);
}

Result<Ticket> Channel::submit(const Job& job) { return submit(std::vector{job}); }

Result<Ticket> Channel::submit(const std::vector<Job>& jobs) {
  const std::scoped_lock lock(iommu_.mutex());
  if (!running_) return fail(Code::kInvalid, EIO, fmt::format("DMA channel {} is stopped", index_));
  for (const Job& job : jobs)
    if (job.length > regs::descriptor::length::bytes.max())
      return fail(Code::kInvalid, EINVAL, fmt::format("a DMA job moves less than 2^40 bytes, not {:#x}", job.length));
  harvest();
  if (submitted_ - completed_ + jobs.size() > capacity())
    return fail(Code::kNoSpace, ENOSPC,
                fmt::format("the ring of DMA channel {} is full: {} of {} in flight, {} more wanted", index_,
                            submitted_ - completed_, capacity(), jobs.size()));
  const Ticket first = submitted_;
  for (const Job& job : jobs) put(submitted_++, job);
  write(regs::dma::tail, submitted_ % entries_);
  return first;
}

void Channel::harvest() {
  namespace r = regs::record;
  for (; completed_ < submitted_; ++completed_) {
    const std::size_t slot = completed_ % entries_;
    const std::size_t base = slot * (r::kSize / 8);
    const std::uint64_t phase = (completed_ / entries_) % 2 == 0 ? 1 : 0;
    const std::uint64_t last = word(*records_, base + r::status::kWord).load(std::memory_order_acquire);
    if (r::status::phase.get(last) != phase) return;
    completions_[slot] = {
        .status = static_cast<regs::DmaStatus>(r::status::status.get(last)),
        .bytes = word(*records_, base + r::bytes::kWord).load(std::memory_order_relaxed),
        .crc = static_cast<std::uint32_t>(r::status::crc.get(last)),
        .cycles = word(*records_, base + r::cycles::kWord).load(std::memory_order_relaxed),
        .address = word(*records_, base + r::address::kWord).load(std::memory_order_relaxed),
    };
  }
}

void Channel::acknowledge() {
  if (!options_.interrupts) return;
  write(regs::dma::status, regs::dma::status_f::irq.mask());
  card::write(iommu_.card().mmio(), regs::card::irq_rearm, std::uint64_t{1} << (kFirstVector + index_));
}

Result<std::optional<Completion>> Channel::poll(Ticket ticket) {
  const std::scoped_lock lock(iommu_.mutex());
  if (ticket >= submitted_ || ticket + entries_ < submitted_)
    return fail(Code::kNotFound, ENOENT, fmt::format("DMA channel {} does not know job {} (any more)", index_, ticket));
  harvest();
  if (ticket >= completed_) return std::nullopt;
  return completions_[ticket % entries_];
}

Result<Completion> Channel::wait(Ticket ticket, std::uint64_t cycles) {
  std::unique_lock lock(iommu_.mutex());
  if (auto known = poll(ticket); !known) return std::unexpected(std::move(known.error()));
  riscv::PageRequestHandlers& handlers = iommu_.page_request_handlers();
  const unsigned vector = kFirstVector + index_;
  const bool wired = options_.interrupts && vector < iommu_.card().interrupts().vectors();
  card::Waiter waiter(iommu_.card(), {.who = fmt::format("DMA channel {}", index_),
                                      .what = fmt::format("the record of job {}", ticket),
                                      .cycles = cycles,
                                      .vectors = (wired ? std::uint64_t{1} << vector : 0) | handlers.vectors()});
  for (;;) {
    const std::uint64_t rounds = handlers.rounds();
    auto done = waiter.poll([this, ticket] {
      harvest();
      if (completed_ <= ticket) acknowledge();
      return completed_ > ticket;
    });
    if (done && *done) {
      acknowledge();
      return completions_[ticket % entries_];
    }
    const bool idle = !done && done.error().code == Code::kCardIdle;
    const bool ring_error = !done && regs::dma::status_f::ring_error.get(read(regs::dma::status)) != 0;
    lock.unlock();
    if (!done && !idle) return std::unexpected(std::move(done.error()));
    // A page that the job needs may be what it waits for: without an answer the card stays idle.
    auto served = handlers.serve();
    if (!served) return std::unexpected(std::move(served.error()));
    if (*served == riscv::PageRequestHandlers::Served::kElsewhere && idle) handlers.wait_for_others();
    if (idle && *served == riscv::PageRequestHandlers::Served::kNothing && handlers.rounds() == rounds) {
      if (ring_error)
        return fail(
            Code::kFault, EIO,
            fmt::format("DMA channel {} could not read its ring or store a record (status.ring_error) at job {}",
                        index_, completed_));
      return std::unexpected(std::move(done.error()));
    }
    lock.lock();
  }
}

Result<Completion> Channel::run(const Job& job, std::uint64_t cycles) {
  auto ticket = submit(job);
  if (!ticket) return std::unexpected(std::move(ticket.error()));
  return wait(*ticket, cycles);
}

Result<Completion> Channel::copy(Iova source, Iova destination, std::uint64_t length) {
  return run({.op = regs::DmaOp::kCopy, .source = source, .destination = destination, .length = length});
}
Result<Completion> Channel::crc(Iova source, std::uint64_t length) {
  return run({.op = regs::DmaOp::kCrc, .source = source, .length = length});
}
Result<Completion> Channel::fill(Iova destination, std::uint64_t length, std::uint64_t pattern) {
  return run({.op = regs::DmaOp::kFill, .destination = destination, .length = length, .pattern = pattern});
}
Result<Completion> Channel::generate(Iova destination, std::uint64_t length, std::uint64_t seed) {
  return run({.op = regs::DmaOp::kGenerate, .destination = destination, .length = length, .pattern = seed});
}
Result<Completion> Channel::check(Iova source, std::uint64_t length, std::uint64_t seed) {
  return run({.op = regs::DmaOp::kCheck, .source = source, .length = length, .pattern = seed});
}
Result<Completion> Channel::stray_write(Iova destination, std::uint64_t pattern) {
  return run({.op = regs::DmaOp::kStray, .destination = destination, .length = 8, .pattern = pattern});
}
Result<Completion> Channel::stray_read(Iova source) {
  return run({.op = regs::DmaOp::kStray, .source = source, .length = 8, .stray_read = true});
}

}  // namespace aperture::dma
