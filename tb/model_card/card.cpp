// SPDX-License-Identifier: Apache-2.0
#include "tb/model_card/card.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "card/pci.hpp"
#include "regs/registers.hpp"

namespace aperture::tb::model {
namespace {

namespace r = regs::card;

constexpr std::uint32_t kId = 0x5254'5041;
constexpr std::uint32_t kVersion = 0x0001'0000;
constexpr std::uint64_t kClockHz = 100'000'000;
constexpr unsigned kDataWidth = 64;
constexpr unsigned kIommuVectors = 16;
constexpr std::uint64_t kIsolationTimeout = 65536;
constexpr std::uint64_t kAccessCycles = 8;
constexpr std::uint64_t kResetCycles = 64;

}  // namespace

Result<std::unique_ptr<ModelCard>> ModelCard::make(const CardOptions& options) {
  std::unique_ptr<ModelCard> card(new ModelCard(options));
  if (auto done = card->iommu_.reset(options.straps); !done) return std::unexpected(done.error());
  return card;
}

ModelCard::ModelCard(const CardOptions& options)
    : options_(options), bus_(iommu_), registers_(r::kBlock, {r::isolation_timeout, r::irq_enable}) {
  Memory& memory = iommu_.memory();
  memory.seed(options.seed);
  memory.set_space(options.straps.pas());
  memory.set_frame_run(options.frame_run);
  for (unsigned i = 0; i < kChannels; ++i) channels_.emplace_back(i, bus_);
  registers_.set(r::id, kId);
  registers_.set(r::version, kVersion);
  registers_.set(r::clock_hz, kClockHz);
  registers_.set(r::isolation_timeout, kIsolationTimeout);
  // There are no caches and no walk slots.
  std::uint64_t parameters = r::parameters_f::data_width.set(0, kDataWidth);
  parameters = r::parameters_f::channels.set(parameters, kChannels);
  registers_.set(r::parameters, r::parameters_f::vectors.set(parameters, kIommuVectors + kChannels));
}

std::string ModelCard::description() const { return "model (functional)"; }

// ---- registers ----------------------------------------------------------------------------------------------------

void ModelCard::begin_access(card::Bar bar, std::uint64_t offset, unsigned size) {
  if (offset % size != 0 || offset >= card::pci::kBarSize) {
    throw std::out_of_range(
        fmt::format("register access of {} bytes at {:#x} of BAR {}", size, offset, static_cast<int>(bar)));
  }
  for (const std::uint64_t end = clock_ + kAccessCycles; clock_ < end;) go_on(end);
}

std::uint32_t ModelCard::read32(card::Bar bar, std::uint64_t offset) {
  begin_access(bar, offset, 4);
  return static_cast<std::uint32_t>(read(bar, static_cast<std::uint32_t>(offset), 4));
}

std::uint64_t ModelCard::read64(card::Bar bar, std::uint64_t offset) {
  begin_access(bar, offset, 8);
  return read(bar, static_cast<std::uint32_t>(offset), 8);
}

void ModelCard::write32(card::Bar bar, std::uint64_t offset, std::uint32_t value) {
  begin_access(bar, offset, 4);
  write(bar, static_cast<std::uint32_t>(offset), 4, value);
}

void ModelCard::write64(card::Bar bar, std::uint64_t offset, std::uint64_t value) {
  begin_access(bar, offset, 8);
  write(bar, static_cast<std::uint32_t>(offset), 8, value);
}

std::uint64_t ModelCard::read(card::Bar bar, std::uint32_t offset, unsigned size) {
  if (bar == card::Bar::kIommu) return offset < regs::iommu::kBlock.size ? iommu_.read_register(offset, size) : 0;
  std::uint64_t value = read_word(offset);
  if (size == 8) value |= std::uint64_t{read_word(offset + 4)} << 32;
  return value;
}

void ModelCard::write(card::Bar bar, std::uint32_t offset, unsigned size, std::uint64_t value) {
  if (bar == card::Bar::kIommu) {
    if (offset < regs::iommu::kBlock.size) iommu_.write_register(offset, size, value);
  } else {
    write_word(offset, static_cast<std::uint32_t>(value));
    if (size == 8) write_word(offset + 4, static_cast<std::uint32_t>(value >> 32));
  }
  deliver();
}

Channel* ModelCard::channel_at(std::uint32_t offset) {
  const regs::Block& block = regs::dma::kBlock;
  const std::uint64_t index = offset < block.base ? kChannels : (offset - block.base) / block.instance_stride;
  return index < kChannels ? &channels_[index] : nullptr;
}

std::uint32_t ModelCard::read_word(std::uint32_t offset) {
  if (offset < r::kBlock.size) {
    refresh_registers();
    return registers_.word(offset);
  }
  Channel* channel = channel_at(offset);
  return channel == nullptr ? 0 : channel->read(offset % regs::dma::kBlock.instance_stride, clock_);
}

void ModelCard::write_word(std::uint32_t offset, std::uint32_t value) {
  if (offset < r::kBlock.size) {
    if (offset == r::reset.offset && r::reset_f::go.get(value) != 0) reset();
    if (offset == r::irq_rearm.offset) armed_ |= value;
    registers_.host_write(offset, value);
  } else if (Channel* channel = channel_at(offset); channel != nullptr) {
    channel->write(offset % regs::dma::kBlock.instance_stride, value);
  }
}

void ModelCard::refresh_registers() {
  registers_.set(r::cycle, clock_);
  const bool resetting = clock_ < reset_ends_at_;
  registers_.set(r::status, r::status_f::resetting.set(r::status_f::busy.set(0, resetting || busy()), resetting));
  const Bus::Counters& counters = bus_.counters();
  registers_.set(r::translations, counters.translations);
  registers_.set(r::tlb_misses, counters.translations);
  registers_.set(r::walk_reads, iommu_.walk_reads());
  registers_.set(r::faults, counters.faults);
  registers_.set(r::read_bytes, counters.read_bytes);
  registers_.set(r::write_bytes, counters.write_bytes);
  registers_.set(r::irq_pending, wires_);
  registers_.set(r::irq_rearm, armed_);
}

/// Channels and IOMMU start anew at once; that it takes time is seen in STATUS alone. A request meanwhile is ignored.
void ModelCard::reset() {
  if (clock_ < reset_ends_at_) return;
  for (Channel& channel : channels_) channel.reset();
  static_cast<void>(iommu_.reset(options_.straps));
  bus_.clear_counters();
  engine_free_at_ = clock_;
  reset_ends_at_ = clock_ + kResetCycles;
}

// ---- memory -------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<card::DmaBuffer>> ModelCard::allocate(std::uint64_t size, std::uint64_t alignment) {
  return iommu_.memory().allocate(size, alignment);
}

Result<std::unique_ptr<card::PinnedMemory>> ModelCard::pin(std::byte* first, std::uint64_t size, bool writable) {
  return iommu_.memory().pin(first, size, writable);
}

std::vector<BusRange> ModelCard::outer_ranges() const {
  return {{BusAddress{0}, BusAddress{(std::uint64_t{1} << options_.straps.pas()) - 1}}};
}

// ---- time, messages -----------------------------------------------------------------------------------------------

unsigned ModelCard::vectors() const { return card::pci::kVectors; }

std::uint64_t ModelCard::wait(std::uint64_t mask, std::uint64_t cycles) {
  const std::uint64_t end = clock_ + std::min(cycles, ~clock_);
  while ((latched_ & mask) == 0 && clock_ < end) go_on(end);
  const std::uint64_t taken = latched_ & mask;
  latched_ &= ~mask;
  return taken;
}

bool ModelCard::busy() const {
  return engine_free_at_ > clock_ ||
         std::ranges::any_of(channels_, [](const Channel& channel) { return channel.busy(); });
}

void ModelCard::go_on(std::uint64_t end) {
  if (clock_ < engine_free_at_) {
    move_clock(std::min(end, engine_free_at_));
    return;
  }
  std::uint64_t next = end;
  for (unsigned i = 0; i < kChannels; ++i) {
    Channel& channel = channels_[(turn_ + i) % kChannels];
    const auto due = channel.due();
    if (!due) continue;
    if (*due <= clock_) {
      turn_ = (turn_ + i + 1) % kChannels;
      engine_free_at_ = clock_ + channel.step(clock_);
      deliver();
      return;
    }
    next = std::min(next, *due);
  }
  move_clock(next);
}

void ModelCard::move_clock(std::uint64_t to) {
  iommu_.advance(to - clock_);
  clock_ = to;
  deliver();
}

void ModelCard::deliver() {
  std::uint32_t wires = 0;
  // What answers a message may make the IOMMU send more.
  for (bool more = true; more;) {
    const Messages sent = iommu_.messages();
    wires = sent.wires;
    more = !sent.invalidations.empty();
    for (const auto& msi : sent.msis) iommu_.memory().write(msi.address, msi.data);
    for (const auto& response : sent.group_responses) {
      for (Channel& channel : channels_) {
        if (channel.claims(response.device_id)) channel.respond(response);
      }
    }
    for (const auto& invalidation : sent.invalidations) {
      bool claimed = false;
      for (Channel& channel : channels_) {
        if (!channel.claims(invalidation.device_id)) continue;
        channel.invalidate(invalidation);
        claimed = true;
      }
      if (claimed) iommu_.complete_invalidation(invalidation.device_id, 1U << invalidation.itag, 1);
    }
  }
  for (unsigned i = 0; i < kChannels; ++i) {
    if (channels_[i].interrupt()) wires |= 1U << (kIommuVectors + i);
  }
  wires_ = wires;
  const std::uint32_t due = wires_ & armed_ & static_cast<std::uint32_t>(registers_.get(r::irq_enable));
  armed_ &= ~due;
  latched_ |= due;
}

}  // namespace aperture::tb::model
