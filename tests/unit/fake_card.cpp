// SPDX-License-Identifier: Apache-2.0
#include "unit/fake_card.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace aperture::test {
namespace {

namespace iommu = regs::iommu;
namespace dma = regs::dma;

std::uint64_t bit(const regs::Field& field, std::uint64_t value = 1) { return field.set(0, value); }

}  // namespace

class FakeCard::Buffer final : public card::DmaBuffer {
 public:
  Buffer(FakeCard& card, std::uint64_t size, std::uint64_t address)
      : card_(card), address_(address), bytes_(static_cast<std::byte*>(std::aligned_alloc(4096, size))), size_(size) {
    std::memset(bytes_, 0, size);
    card_.areas_[address_] = {bytes_, size_};
    ++card_.buffers;
  }
  ~Buffer() override {
    card_.areas_.erase(address_);
    --card_.buffers;
    ++card_.freed_buffers;
    std::free(bytes_);
  }
  std::span<std::byte> bytes() override { return {bytes_, size_}; }
  BusAddress address() const override { return {address_}; }

 private:
  FakeCard& card_;
  std::uint64_t address_;
  std::byte* bytes_;
  std::uint64_t size_;
};

class FakeCard::Pinned final : public card::PinnedMemory {
 public:
  Pinned(FakeCard& card, std::vector<card::BusExtent> extents) : card_(card), extents_(std::move(extents)) {
    ++card_.pins;
  }
  ~Pinned() override {
    for (const auto& extent : extents_) card_.areas_.erase(extent.address.value);
    --card_.pins;
  }
  const std::vector<card::BusExtent>& extents() const override { return extents_; }

 private:
  FakeCard& card_;
  std::vector<card::BusExtent> extents_;
};

FakeCard::FakeCard() {
  namespace caps = iommu::capabilities_f;
  capabilities = bit(caps::version, 0x10) | bit(caps::sv39) | bit(caps::sv48) | bit(caps::sv57) | bit(caps::pas, 56) |
                 bit(caps::igs, static_cast<std::uint64_t>(regs::Igs::kWsi));
}

FakeCard::~FakeCard() = default;

std::byte* FakeCard::at(std::uint64_t address) {
  auto area = areas_.upper_bound(address);
  if (area == areas_.begin()) throw std::out_of_range("nothing at this bus address");
  --area;
  if (address - area->first >= area->second.size) throw std::out_of_range("nothing at this bus address");
  return area->second.first + (address - area->first);
}

std::uint64_t FakeCard::load(std::uint64_t address) {
  std::uint64_t value;
  std::memcpy(&value, at(address), 8);
  return value;
}

Result<std::unique_ptr<card::DmaBuffer>> FakeCard::allocate(std::uint64_t size, std::uint64_t alignment) {
  if (allocations_left && (*allocations_left)-- == 0) {
    allocations_left = 0;
    return fail(Code::kNoMemory, ENOMEM, "no memory left in this test");
  }
  next_address_ = (next_address_ + alignment - 1) / alignment * alignment;
  auto buffer = std::make_unique<Buffer>(*this, (size + 4095) / 4096 * 4096, next_address_);
  next_address_ += size + 4096;
  return buffer;
}

Result<std::unique_ptr<card::PinnedMemory>> FakeCard::pin(std::byte* first, std::uint64_t size, bool) {
  std::vector<card::BusExtent> extents;
  const std::uint64_t piece = spread ? kPageSize : size;
  if (!spread) next_address_ = (next_address_ + (1ULL << 30) - 1) >> 30 << 30;
  for (std::uint64_t offset = 0; offset < size; offset += piece) {
    areas_[next_address_] = {first + offset, piece};
    extents.push_back({{next_address_}, piece});
    next_address_ += piece + kPageSize;
  }
  return std::make_unique<Pinned>(*this, std::move(extents));
}

std::vector<BusRange> FakeCard::outer_ranges() const { return {{{0}, {(1ULL << 56) - 1}}}; }

// ---- registers

bool FakeCard::commands_waiting() {
  const std::uint64_t csr = reg(iommu::cqcsr);
  const std::uint64_t errors = bit(iommu::cqcsr_f::cqmf) | bit(iommu::cqcsr_f::cmd_to) | bit(iommu::cqcsr_f::cmd_ill);
  return iommu::cqcsr_f::cqen.get(csr) != 0 && (csr & errors) == 0 && reg(iommu::cqh) != reg(iommu::cqt);
}

bool FakeCard::channel_waiting(unsigned channel) {
  return dma::ctrl_f::enable.get(reg(dma::ctrl, channel)) != 0 &&
         dma::status_f::ring_error.get(reg(dma::status, channel)) == 0 &&
         reg(dma::head, channel) != reg(dma::tail, channel);
}

bool FakeCard::busy() {
  if (idle_early) return false;
  if (stuck || frozen || commands_waiting()) return true;
  for (unsigned channel = 0; channel < kChannels; ++channel)
    if (channel_waiting(channel)) return true;
  return false;
}

std::uint64_t FakeCard::read(int bar, std::uint64_t offset) {
  if (gone) return ~std::uint64_t{0};
  const std::pair<int, std::uint64_t> place{bar, offset};
  auto is = [&](const regs::Register& r) { return place == std::pair{r.bar, r.offset}; };
  if (is(iommu::capabilities)) return capabilities;
  if (is(regs::card::id)) return id;
  if (is(regs::card::version)) return bit(regs::card::version_f::major);
  if (is(regs::card::cycle)) return frozen ? cycle : ++cycle;
  if (is(regs::card::status)) return busy() ? 1 : 0;
  if (is(regs::card::clock_hz)) return 100'000'000;
  if (is(regs::card::parameters))
    return bit(regs::card::parameters_f::data_width, 64) | bit(regs::card::parameters_f::channels, kChannels);
  return registers_[bar][offset];
}

void FakeCard::write(int bar, std::uint64_t offset, std::uint64_t value) {
  const std::pair<int, std::uint64_t> place{bar, offset};
  auto is = [&](const regs::Register& r) { return place == std::pair{r.bar, r.offset}; };
  std::uint64_t& word = registers_[bar][offset];
  if (is(regs::card::reset)) {
    reset();
  } else if (is(iommu::ddtp)) {
    if (iommu::ddtp_f::iommu_mode.get(value) <= levels_max + 1) word = value & ~iommu::ddtp_f::busy.mask();
  } else if (is(iommu::cqb) || is(iommu::fqb)) {
    const std::uint64_t log2 = std::min<std::uint64_t>(iommu::cqb_f::log2szm1.get(value), queue_log2_max - 1);
    word = iommu::cqb_f::log2szm1.set(value, log2);
  } else if (is(iommu::cqcsr)) {
    const std::uint64_t w1c = value & 0xf00;
    if (iommu::cqcsr_f::cqen.get(value) > iommu::cqcsr_f::cqen.get(word)) reg(iommu::cqh) = 0;
    word = ((word & 0xf00) & ~w1c) | (value & 3) | (iommu::cqcsr_f::cqen.get(value) << 16);
  } else if (is(iommu::fqcsr)) {
    const std::uint64_t w1c = value & 0x300;
    if (iommu::fqcsr_f::fqen.get(value) > iommu::fqcsr_f::fqen.get(word)) reg(iommu::fqt) = 0;
    word = ((word & 0x300) & ~w1c) | (value & 3) | (iommu::fqcsr_f::fqen.get(value) << 16);
  } else if (is(iommu::ipsr)) {
    word &= ~value;
  } else if (bar == 2 && offset >= dma::kBlock.base) {
    const auto channel = static_cast<unsigned>((offset - dma::kBlock.base) / dma::kBlock.instance_stride);
    const std::uint64_t local = offset - channel * dma::kBlock.instance_stride;
    if (local == dma::status.offset) {
      word &= ~value;
    } else {
      if (local == dma::ctrl.offset && dma::ctrl_f::enable.get(value) > dma::ctrl_f::enable.get(word)) {
        reg(dma::head, channel) = 0;
        phase_[channel] = 1;
      }
      word = value;
    }
  } else {
    word = value;
  }
}

void FakeCard::reset() {
  ++resets;
  registers_.clear();
  stuck = frozen = idle_early = false;
}

std::uint32_t FakeCard::read32(card::Bar bar, std::uint64_t offset) {
  return static_cast<std::uint32_t>(read(static_cast<int>(bar), offset));
}
std::uint64_t FakeCard::read64(card::Bar bar, std::uint64_t offset) { return read(static_cast<int>(bar), offset); }
void FakeCard::write32(card::Bar bar, std::uint64_t offset, std::uint32_t value) {
  write(static_cast<int>(bar), offset, value);
}
void FakeCard::write64(card::Bar bar, std::uint64_t offset, std::uint64_t value) {
  write(static_cast<int>(bar), offset, value);
}

// ---- work

std::uint64_t FakeCard::wait(std::uint64_t, std::uint64_t cycles) {
  if (!frozen && !gone) cycle += cycles;
  if (stuck || frozen || gone || idle_early) return 0;
  while (commands_waiting()) execute_command();
  for (unsigned channel = 0; channel < kChannels; ++channel)
    while (channel_waiting(channel)) execute_descriptor(channel);
  return 0;
}

void FakeCard::execute_command() {
  const std::uint64_t base = iommu::cqb_f::ppn.get(reg(iommu::cqb)) << 12;
  const std::uint64_t entries = std::uint64_t{2} << iommu::cqb_f::log2szm1.get(reg(iommu::cqb));
  const std::uint64_t address = base + reg(iommu::cqh) * regs::cmd::kSize;
  const riscv::Command command{load(address), load(address + 8)};
  const auto opcode = static_cast<regs::Opcode>(regs::cmd::w0::opcode.get(command.w0));
  if (opcode != regs::Opcode::kIotinval && opcode != regs::Opcode::kIodir && opcode != regs::Opcode::kIofence) {
    reg(iommu::cqcsr) |= bit(iommu::cqcsr_f::cmd_ill);
    return;
  }
  if (on_command) on_command(command);
  if (opcode == regs::Opcode::kIofence) {
    if (regs::cmd::w0::iofence_av.get(command.w0) != 0) {
      const auto data = static_cast<std::uint32_t>(regs::cmd::w0::iofence_data.get(command.w0));
      std::memcpy(at(regs::cmd::w1::iofence_addr.get(command.w1) << 2), &data, 4);
    }
    ++fences;
  }
  commands.push_back(command);
  reg(iommu::cqh) = (reg(iommu::cqh) + 1) % entries;
}

void FakeCard::record_fault(unsigned cause, unsigned ttyp, std::uint32_t device_id, std::uint64_t iova) {
  std::uint64_t& csr = reg(iommu::fqcsr);
  if (iommu::fqcsr_f::fqen.get(csr) == 0 || (csr & (bit(iommu::fqcsr_f::fqof) | bit(iommu::fqcsr_f::fqmf))) != 0)
    return;
  const std::uint64_t entries = std::uint64_t{2} << iommu::fqb_f::log2szm1.get(reg(iommu::fqb));
  std::uint64_t& tail = reg(iommu::fqt);
  if ((tail + 1) % entries == reg(iommu::fqh)) {
    csr |= bit(iommu::fqcsr_f::fqof);
    return;
  }
  namespace w0 = regs::fault::w0;
  const std::uint64_t record[4] = {bit(w0::cause, cause) | bit(w0::ttyp, ttyp) | bit(w0::did, device_id), 0, iova, 0};
  std::memcpy(at((iommu::fqb_f::ppn.get(reg(iommu::fqb)) << 12) + tail * regs::fault::kSize), record, sizeof record);
  tail = (tail + 1) % entries;
}

FakeCard::Walk FakeCard::translate(std::uint32_t device_id, std::uint64_t iova, bool write,
                                   std::optional<std::uint32_t> process_id) {
  const std::uint64_t ddtp = reg(iommu::ddtp);
  const unsigned mode = static_cast<unsigned>(ddtp & 15);
  if (mode == 0) return {.address = {}, .cause = 256};
  if (mode == 1) return {.address = iova};
  const unsigned bits[3] = {7, 9, 8};
  unsigned shift = mode == 2 ? 0 : mode == 3 ? 7 : 16;
  std::uint64_t table = (ddtp >> 10) << 12;
  for (unsigned level = mode - 2; level > 0; --level) {
    const std::uint64_t entry = load(table + 8 * ((device_id >> shift) & ((1U << bits[level]) - 1)));
    if ((entry & 1) == 0) return {.address = {}, .cause = 258};
    table = (entry >> 10) << 12;
    shift = level == 2 ? 7 : 0;
  }
  const std::uint64_t context = table + 32 * (device_id & 0x7f);
  const std::uint64_t tc = load(context);
  if ((tc & 1) == 0) return {.address = {}, .cause = 258};
  namespace dc = regs::dc::tc;
  const std::uint64_t second = load(context + 8);
  std::uint64_t first = load(context + 24);
  if (dc::pdtv.get(tc) != 0) {
    if (!process_id && dc::dpe.get(tc) == 0) {
      first = 0;
    } else {
      const std::uint32_t id = process_id.value_or(0);
      const unsigned width[4] = {0, 8, 17, 20};
      const auto levels = static_cast<unsigned>(first >> 60);
      if (id >> width[levels] != 0) return {.address = {}, .cause = 260};
      table = (first & ((1ULL << 44) - 1)) << 12;
      for (unsigned level = levels - 1; level > 0; --level) {
        const std::uint64_t entry = load(table + 8 * (level == 2 ? id >> 17 : (id >> 8) & 511));
        if ((entry & 1) == 0) return {.address = {}, .cause = 266};
        table = (entry >> 10) << 12;
      }
      const std::uint64_t place = table + 16 * (id & 255);
      if ((load(place) & 1) == 0) return {.address = {}, .cause = 266};
      first = load(place + 8);
    }
  } else if (process_id) {
    return {.address = {}, .cause = 260};
  }

  Walk walk{.address = iova};
  if (first >> 60 != 0) {
    walk = walk_table(first, iova, write, 0, dc::sade.get(tc) != 0, second);
    if (!walk.address) return walk;
  }
  if (second >> 60 == 0) return walk;
  const unsigned reads = walk.reads;
  walk = walk_table(second, *walk.address, write, 2, dc::gade.get(tc) != 0, 0);
  walk.reads += reads;
  return walk;
}

FakeCard::Walk FakeCard::walk_table(std::uint64_t root, std::uint64_t iova, bool write, unsigned more_bits, bool updates,
                                    std::uint64_t behind) {
  const unsigned levels = static_cast<unsigned>(root >> 60) - 5;
  const unsigned width = 12 + 9 * levels;
  Walk walk;
  walk.cause = (write ? 15 : 13) + (more_bits != 0 ? 8 : 0);
  const std::int64_t sign = static_cast<std::int64_t>(iova) >> (width - 1);
  if (more_bits == 0 ? sign != 0 && sign != -1 : iova >> (width + more_bits) != 0) return walk;
  std::uint64_t table = (root & ((1ULL << 44) - 1)) << 12;
  for (unsigned level = levels; level-- > 0;) {
    const unsigned low = 12 + 9 * level;
    const std::uint64_t index = iova >> low & ((level + 1 == levels ? 512ULL << more_bits : 512) - 1);
    std::uint64_t place = table + 8 * index;
    if (behind >> 60 != 0) {
      const Walk of_table = walk_table(behind, place, false, 2, false, 0);
      if (!of_table.address) return of_table;
      place = *of_table.address;
    }
    std::uint64_t entry = load(place);
    ++walk.reads;
    if ((entry & 1) == 0) return walk;
    const std::uint64_t base = ((entry >> 10) & ((1ULL << 44) - 1)) << 12;
    if ((entry & 0xe) == 0) {
      table = base;
      continue;
    }
    if (updates && (entry & 1) != 0 && (!write || (entry & 4) != 0)) {
      entry |= write ? 0xc0 : 0x40;
      std::memcpy(at(place), &entry, 8);
    }
    const bool napot = entry >> 63 != 0;
    const std::uint64_t span = napot ? 0x1'0000 : 1ULL << low;
    const std::uint64_t physical = napot ? base & ~0x8000ULL : base;
    const std::uint64_t needed = write ? 0xd7 : 0x53;  // V R U A, and W D
    if ((napot && (level != 0 || (base & 0xf000) != 0x8000)) || (physical & (span - 1)) != 0 ||
        (entry & needed) != needed)
      return walk;
    walk.address = physical | (iova & (span - 1));
    walk.leaf = span;
    walk.entry = entry;
    return walk;
  }
  return walk;
}

bool FakeCard::access(std::uint32_t device_id, std::uint64_t iova, std::byte* data, std::uint64_t size, bool write,
                      std::uint64_t& failed) {
  for (std::uint64_t done = 0; done < size;) {
    const std::uint64_t piece = std::min(size - done, kPageSize - (iova + done) % kPageSize);
    const Walk walk = translate(device_id, iova + done, write);
    if (!walk.address) {
      record_fault(walk.cause, write ? 3 : 2, device_id, iova + done);
      failed = iova + done;
      return false;
    }
    if (write)
      std::memcpy(at(*walk.address), data + done, piece);
    else
      std::memcpy(data + done, at(*walk.address), piece);
    done += piece;
  }
  return true;
}

void FakeCard::execute_descriptor(unsigned channel) {
  const auto ring_id = static_cast<std::uint32_t>(reg(dma::ring_device_id, channel));
  const auto device_id = static_cast<std::uint32_t>(reg(dma::device_id, channel));
  const std::uint64_t mask = reg(dma::address_mask, channel);
  const std::uint64_t head = reg(dma::head, channel);
  std::uint64_t descriptor[8]{};
  std::uint64_t failed = 0;
  if (!access(ring_id, reg(dma::ring_base, channel) + 64 * head, reinterpret_cast<std::byte*>(descriptor), 64, false,
              failed)) {
    reg(dma::status, channel) |= bit(dma::status_f::ring_error);
    return;
  }
  const auto op = static_cast<regs::DmaOp>(descriptor[0] & 0xff);
  const std::uint64_t source = descriptor[1] & mask;
  const std::uint64_t target = descriptor[2] & mask;
  std::vector<std::byte> data(descriptor[3]);
  auto status = regs::DmaStatus::kOk;
  const bool reads = op == regs::DmaOp::kCopy || op == regs::DmaOp::kCrc || (descriptor[0] >> 9 & 1) != 0;
  const bool writes = op == regs::DmaOp::kCopy || op == regs::DmaOp::kFill || (op == regs::DmaOp::kStray && !reads);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(descriptor[4] >> (8 * (i % 8)));
  if (reads && !access(device_id, source, data.data(), data.size(), false, failed))
    status = regs::DmaStatus::kReadError;
  const unsigned long crc = reads ? crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()) : 0;
  if (status == regs::DmaStatus::kOk && writes && !access(device_id, target, data.data(), data.size(), true, failed))
    status = regs::DmaStatus::kWriteError;

  std::uint64_t record[4] = {
      status == regs::DmaStatus::kOk ? data.size() : 0, 10 + data.size() / 8, failed,
      crc | (descriptor[0] >> 16 & 0xffff) << 32 | static_cast<std::uint64_t>(status) << 48 | phase_[channel] << 63};
  if (!access(ring_id, reg(dma::record_base, channel) + 32 * head, reinterpret_cast<std::byte*>(record), 32, true,
              failed)) {
    reg(dma::status, channel) |= bit(dma::status_f::ring_error);
    return;
  }
  const std::uint64_t entries = 1ULL << reg(dma::ring_log2, channel);
  reg(dma::head, channel) = (head + 1) % entries;
  if (head + 1 == entries) phase_[channel] ^= 1;
}

}  // namespace aperture::test
