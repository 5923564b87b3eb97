// SPDX-License-Identifier: Apache-2.0
#include "tb/memory/memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/compare_exchange.hpp"
#include "card/user_memory.hpp"

namespace aperture::tb {
namespace {

/// Frames at a time, 8 GiB: pinned memory is really there, and each frame is an entry of a table.
constexpr std::uint64_t kMostFrames = std::uint64_t{1} << 21;
constexpr std::uint64_t kAddressMask = (std::uint64_t{1} << Memory::kAddressBits) - 1;

/// Calls f(address, offset, bytes) for each piece of the range that lies in one frame.
template <typename F>
void each_piece(std::uint64_t address, std::size_t size, F f) {
  for (std::size_t done = 0; done < size;) {
    const std::uint64_t at = (address + done) & kAddressMask;
    const std::size_t piece = std::min<std::size_t>(size - done, kPageSize - at % kPageSize);
    f(at, done, piece);
    done += piece;
  }
}

}  // namespace

class Memory::Buffer final : public card::DmaBuffer {
 public:
  Buffer(Memory& memory, std::span<std::byte> bytes, std::uint64_t address)
      : memory_(memory), bytes_(bytes), address_(address) {}
  ~Buffer() override {
    for (std::uint64_t offset = 0; offset < bytes_.size(); offset += kPageSize) {
      memory_.retire((address_ + offset) / kPageSize);
    }
    ::munmap(bytes_.data(), bytes_.size());
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  std::span<std::byte> bytes() override { return bytes_; }
  BusAddress address() const override { return {address_}; }

 private:
  Memory& memory_;
  std::span<std::byte> bytes_;
  std::uint64_t address_;
};

class Memory::Pinned final : public card::PinnedMemory {
 public:
  explicit Pinned(Memory& memory) : memory_(memory) {}
  ~Pinned() override {
    for (const auto& extent : extents_) {
      for (std::uint64_t offset = 0; offset < extent.length; offset += kPageSize) {
        memory_.retire((extent.address.value + offset) / kPageSize);
      }
    }
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  const std::vector<card::BusExtent>& extents() const override { return extents_; }
  void append(std::uint64_t address, std::uint64_t length) {
    if (!extents_.empty() && extents_.back().address.value + extents_.back().length == address) {
      extents_.back().length += length;
    } else {
      extents_.push_back({{address}, length});
    }
  }

 private:
  Memory& memory_;
  std::vector<card::BusExtent> extents_;
};

Memory::Memory(std::uint64_t seed) : random_(seed) {}

std::byte* Memory::find(std::uint64_t address) const {
  const auto it = frames_.find(address / kPageSize);
  return it == frames_.end() ? nullptr : it->second.bytes + address % kPageSize;
}

std::byte* Memory::find_or_make(std::uint64_t address) {
  Frame& frame = frames_[address / kPageSize];
  if (frame.bytes == nullptr) {
    frame.own = std::make_unique<std::byte[]>(kPageSize);
    frame.bytes = frame.own.get();
  }
  return frame.bytes + address % kPageSize;
}

void Memory::read(std::uint64_t address, std::span<std::byte> out) const {
  each_piece(address, out.size(), [&](std::uint64_t at, std::size_t offset, std::size_t size) {
    const std::byte* bytes = find(at);
    if (bytes != nullptr) {
      std::memcpy(out.data() + offset, bytes, size);
    } else {
      std::memset(out.data() + offset, 0, size);
    }
  });
}

void Memory::write(std::uint64_t address, std::span<const std::byte> data) {
  each_piece(address, data.size(), [&](std::uint64_t at, std::size_t offset, std::size_t size) {
    retired_.erase(at / kPageSize);
    std::memcpy(find_or_make(at), data.data() + offset, size);
  });
}

std::uint64_t Memory::read64(std::uint64_t address) const {
  std::uint64_t value = 0;
  read(address, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

void Memory::write64(std::uint64_t address, std::uint64_t value) {
  write(address, std::as_bytes(std::span(&value, 1)));
}

std::uint32_t Memory::read32(std::uint64_t address) const {
  std::uint32_t value = 0;
  read(address, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

void Memory::write32(std::uint64_t address, std::uint32_t value) {
  write(address, std::as_bytes(std::span(&value, 1)));
}

void Memory::fault(std::uint64_t first, std::uint64_t size, MemoryFault kind) {
  const std::uint64_t last = first + size - 1;
  std::vector<Faulty> kept;
  for (const Faulty& old : faults_) {
    if (old.last < first || old.first > last) {
      kept.push_back(old);
      continue;
    }
    if (old.first < first) kept.push_back({old.first, first - 1, old.kind});
    if (old.last > last) kept.push_back({last + 1, old.last, old.kind});
  }
  if (kind != MemoryFault::kNone) kept.push_back({first, last, kind});
  faults_ = std::move(kept);
}

MemoryFault Memory::fault_at(std::uint64_t address, std::size_t size) const {
  MemoryFault worst = MemoryFault::kNone;
  for (const Faulty& f : faults_) {
    if (f.first <= address + size - 1 && address <= f.last && worst != MemoryFault::kError) worst = f.kind;
  }
  return worst;
}

void Memory::clear() {
  std::erase_if(frames_, [](const auto& item) { return item.second.own != nullptr; });
}

MemoryAnswer Memory::card_read(std::uint64_t address, std::span<std::byte> out) {
  std::memset(out.data(), 0, out.size());
  if (address > kAddressMask) return MemoryAnswer::kDecode;
  const MemoryFault kind = faults_.empty() ? MemoryFault::kNone : fault_at(address, out.size());
  if (kind == MemoryFault::kError) return MemoryAnswer::kError;
  const std::byte* bytes = find(address);
  if (bytes != nullptr) {
    std::memcpy(out.data(), bytes, out.size());
  } else if (retired_.contains(address / kPageSize)) {
    ++stale_accesses_;
    return MemoryAnswer::kError;
  }
  return kind == MemoryFault::kPoison ? MemoryAnswer::kPoison : MemoryAnswer::kOk;
}

MemoryAnswer Memory::writable(std::uint64_t address, std::size_t size, bool touches, std::byte*& bytes) {
  if (address > kAddressMask) return MemoryAnswer::kDecode;
  if (!faults_.empty() && fault_at(address, size) == MemoryFault::kError) return MemoryAnswer::kError;
  const auto it = frames_.find(address / kPageSize);
  if (it != frames_.end() && !it->second.writable) return MemoryAnswer::kError;
  if (it == frames_.end() && retired_.contains(address / kPageSize)) {
    if (touches) ++stale_accesses_;
    return MemoryAnswer::kError;
  }
  if (touches) bytes = it != frames_.end() ? it->second.bytes + address % kPageSize : find_or_make(address);
  return MemoryAnswer::kOk;
}

MemoryAnswer Memory::card_write(std::uint64_t address, std::span<const std::byte> data, std::uint32_t strobes) {
  std::byte* bytes = nullptr;
  const MemoryAnswer answer = writable(address, data.size(), strobes != 0, bytes);
  if (answer != MemoryAnswer::kOk || strobes == 0) return answer;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if ((strobes >> i & 1U) != 0) bytes[i] = data[i];
  }
  return MemoryAnswer::kOk;
}

MemoryAnswer Memory::card_exchange(std::uint64_t address, std::span<const std::byte> expected,
                                   std::span<const std::byte> data, bool& held) {
  std::byte* bytes = nullptr;
  const MemoryAnswer answer = writable(address, data.size(), true, bytes);
  held = answer == MemoryAnswer::kOk && compare_exchange(bytes, expected, data);
  return answer;
}

std::uint64_t Memory::place(std::uint64_t count, std::uint64_t align) {
  const std::uint64_t end = (std::uint64_t{1} << space_bits_) / kPageSize;
  std::uint64_t first = kFirstHandedOut / kPageSize;
  if (first >= end) first = end / 2;
  first = (first + align - 1) / align * align;
  if (first + count > end) return 0;
  const std::uint64_t places = (end - count - first) / align + 1;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::uint64_t base = first + random_() % places * align;
    bool free = true;
    for (std::uint64_t i = 0; i < count && free; ++i)
      free = !frames_.contains(base + i) && !retired_.contains(base + i);
    if (free) return base;
  }
  return 0;
}

void Memory::insert(std::uint64_t frame, std::byte* bytes, bool writable) {
  frames_.insert_or_assign(frame, Frame{bytes, nullptr, writable});
}

void Memory::retire(std::uint64_t frame) {
  frames_.erase(frame);
  retired_.insert(frame);
}

Result<std::unique_ptr<card::DmaBuffer>> Memory::allocate(std::uint64_t size, std::uint64_t alignment) {
  if (size == 0 || !std::has_single_bit(alignment) || alignment < kPageSize) {
    return fail(Code::kInvalid, EINVAL,
                "a DMA buffer has a size, and an alignment that is a power of two from 4096 on");
  }
  const std::uint64_t count = size / kPageSize + (size % kPageSize != 0 ? 1 : 0);
  const std::uint64_t base = place(count, alignment / kPageSize);
  if (base == 0)
    return fail(Code::kNoMemory, ENOMEM, "the simulated bus has no room for " + std::to_string(size) + " bytes");
  void* bytes = ::mmap(nullptr, count * kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) return fail(Code::kNoMemory, ENOMEM, "no memory for " + std::to_string(size) + " bytes");
  auto* first = static_cast<std::byte*>(bytes);
  for (std::uint64_t i = 0; i < count; ++i) insert(base + i, first + i * kPageSize, true);
  return std::make_unique<Buffer>(*this, std::span(first, count * kPageSize), base * kPageSize);
}

Result<std::unique_ptr<card::PinnedMemory>> Memory::pin(std::byte* first, std::uint64_t size, bool writable) {
  const auto start = reinterpret_cast<std::uintptr_t>(first);
  if (size == 0 || size % kPageSize != 0 || start % kPageSize != 0) {
    return fail(Code::kInvalid, EINVAL, "pinned memory starts and ends at multiples of 4096");
  }
  if (size / kPageSize > kMostFrames - std::min<std::uint64_t>(frames_.size(), kMostFrames)) {
    return fail(Code::kNoMemory, ENOMEM,
                "the simulated bus has no frames for " + std::to_string(size) + " bytes more: it has 8 GiB of them");
  }
  if (!card::accessible(first, size, writable)) {
    return fail(Code::kFault, EFAULT, "the memory to pin is not mapped with the access asked for");
  }
  auto pinned = std::make_unique<Pinned>(*this);
  const std::uint64_t run = frame_run_;
  for (std::uint64_t offset = 0; offset < size;) {
    // A run keeps the alignment that the memory has, so that it can be mapped by a large leaf.
    const std::uint64_t within = (start + offset) / kPageSize % run;
    const std::uint64_t count = std::min(run - within, (size - offset) / kPageSize);
    const std::uint64_t base = place(run, run);
    if (base == 0) return fail(Code::kNoMemory, ENOMEM, "the simulated bus has no room for pinned pages");
    for (std::uint64_t i = 0; i < count; ++i) insert(base + within + i, first + offset + i * kPageSize, writable);
    pinned->append((base + within) * kPageSize, count * kPageSize);
    offset += count * kPageSize;
  }
  return pinned;
}

}  // namespace aperture::tb
