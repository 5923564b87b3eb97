// SPDX-License-Identifier: Apache-2.0
#include "card/vfio_user/memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "card/user_memory.hpp"

namespace aperture::card::vfio_user {
namespace {

constexpr std::uint64_t kLargestLeaf = std::uint64_t{1} << 30;

/// Memory that no process can take back, so that the server may map it.
FileDescriptor make_file(std::uint64_t size) {
  FileDescriptor file(::memfd_create("aperture", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0 ||
      ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    file.reset();
  return file;
}

}  // namespace

/// A range that the server knows.
class Memory::Mapped {
 public:
  Mapped(Memory& memory, BusAddress address, std::uint64_t size) : memory_(memory), address_(address), size_(size) {}
  ~Mapped() {
    Message request = memory_.client_.make(Command::kDmaUnmap);
    request.append(DmaUnmap{sizeof(DmaUnmap), 0, address_.value, size_});
    // A server that does not answer has lost its connection, and with it what was mapped.
    (void)memory_.client_.call(std::move(request));
    memory_.windows_.remove(address_);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  BusAddress address() const { return address_; }

 private:
  Memory& memory_;
  BusAddress address_;
  std::uint64_t size_;
};

class Memory::Buffer final : public DmaBuffer {
 public:
  explicit Buffer(std::span<std::byte> bytes) : bytes_(bytes) {}
  ~Buffer() override {
    mapped.reset();
    ::munmap(bytes_.data(), bytes_.size());
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  std::span<std::byte> bytes() override { return bytes_; }
  BusAddress address() const override { return mapped->address(); }

  std::unique_ptr<Mapped> mapped;

 private:
  std::span<std::byte> bytes_;
};

class Memory::Pinned final : public PinnedMemory {
 public:
  Pinned(std::unique_ptr<Mapped> mapped, std::uint64_t size)
      : mapped_(std::move(mapped)), extents_{{mapped_->address(), size}} {}
  const std::vector<BusExtent>& extents() const override { return extents_; }

 private:
  std::unique_ptr<Mapped> mapped_;
  std::vector<BusExtent> extents_;
};

Result<std::unique_ptr<Memory::Mapped>> Memory::map(std::byte* bytes, std::uint64_t size, bool writable,
                                                    std::uint64_t alignment, std::uint64_t phase, FileDescriptor file) {
  const auto address = windows_.add(bytes, size, writable, alignment, phase);
  if (!address) return fail(Code::kNoMemory, ENOMEM, fmt::format("no bus addresses are left for {} bytes", size));
  Message request = client_.make(Command::kDmaMap);
  request.append(DmaMap{sizeof(DmaMap), DmaMap::kRead | (writable ? DmaMap::kWrite : 0), 0, address->value, size});
  if (file) request.fds.push_back(std::move(file));
  if (const auto reply = client_.call(std::move(request)); !reply) {
    windows_.remove(*address);
    return std::unexpected(reply.error());
  }
  return std::make_unique<Mapped>(*this, *address, size);
}

Result<std::unique_ptr<DmaBuffer>> Memory::allocate(std::uint64_t size, std::uint64_t alignment) {
  if (size == 0 || size > Windows::kSpace.last.value || !std::has_single_bit(alignment) || alignment < kPageSize)
    return fail(Code::kInvalid, EINVAL,
                "a DMA buffer has a size, and an alignment that is a power of two from 4096 on");
  const std::uint64_t whole = (size + kPageSize - 1) & ~(kPageSize - 1);
  FileDescriptor file;
  if (dma_ == Dma::kMemfd && client_.server().max_msg_fds > 0) {
    file = make_file(whole);
    if (!file) return fail(Code::kNoMemory, ENOMEM, fmt::format("no shared memory for {} bytes", size));
  }
  const int flags = file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
  void* bytes = ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, flags, file.get(), 0);
  if (bytes == MAP_FAILED) return fail(Code::kNoMemory, ENOMEM, fmt::format("no memory for {} bytes", size));
  auto buffer = std::make_unique<Buffer>(std::span(static_cast<std::byte*>(bytes), whole));
  auto mapped = map(buffer->bytes().data(), whole, true, alignment, 0, std::move(file));
  if (!mapped) return std::unexpected(std::move(mapped.error()));
  buffer->mapped = std::move(*mapped);
  return buffer;
}

Result<std::unique_ptr<PinnedMemory>> Memory::pin(std::byte* first, std::uint64_t size, bool writable) {
  const auto start = reinterpret_cast<std::uintptr_t>(first);
  if (size == 0 || size % kPageSize != 0 || start % kPageSize != 0)
    return fail(Code::kInvalid, EINVAL, "pinned memory starts and ends at multiples of 4096");
  if (!accessible(first, size, writable))
    return fail(Code::kFault, EFAULT, "the memory to pin is not mapped with the access asked for");
  const std::uint64_t alignment = std::min(std::bit_floor(size), kLargestLeaf);
  auto mapped = map(first, size, writable, alignment, start & (alignment - 1), {});
  if (!mapped) return std::unexpected(std::move(mapped.error()));
  return std::make_unique<Pinned>(std::move(*mapped), size);
}

}  // namespace aperture::card::vfio_user
