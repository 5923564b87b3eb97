// SPDX-License-Identifier: Apache-2.0
#include "card/vfio/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace aperture::card {
namespace {

std::vector<BusRange> usable(const std::vector<BusRange>& ranges, std::uint64_t limit) {
  std::vector<BusRange> out;
  for (const BusRange& range : ranges) {
    const std::uint64_t first = std::max(range.first.value, kPageSize);
    const std::uint64_t last = std::min(range.last.value, limit);
    if (first <= last) out.push_back({{first}, {last}});
  }
  return out;
}

constexpr std::uint64_t round_up(std::uint64_t size, std::uint64_t unit) { return (size + unit - 1) & ~(unit - 1); }

}  // namespace

class VfioMemory::Buffer final : public DmaBuffer {
 public:
  Buffer(VfioMemory& memory, std::list<Piece>::iterator piece, BusAddress address, std::uint64_t size)
      : memory_(memory), piece_(piece), address_(address), size_(size) {}
  ~Buffer() override { memory_.free(piece_, address_, round_up(size_, kPageSize)); }
  std::span<std::byte> bytes() override { return {piece_->memory + (address_ - piece_->range.first), size_}; }
  BusAddress address() const override { return address_; }

 private:
  VfioMemory& memory_;
  std::list<Piece>::iterator piece_;
  BusAddress address_;
  std::uint64_t size_;
};

class VfioMemory::Pinned final : public PinnedMemory {
 public:
  Pinned(VfioMemory& memory, BusExtent extent) : memory_(memory), extents_{extent} {}
  ~Pinned() override { memory_.unmap(extents_.front().address, extents_.front().length); }
  const std::vector<BusExtent>& extents() const override { return extents_; }

 private:
  VfioMemory& memory_;
  std::vector<BusExtent> extents_;
};

VfioMemory::VfioMemory(vfio::Kernel& kernel, std::shared_ptr<vfio::Space> space, std::vector<BusRange> ranges,
                       std::uint64_t limit)
    : kernel_(kernel), space_(std::move(space)), ranges_(std::move(ranges)), bus_(usable(ranges_, limit)) {}

VfioMemory::~VfioMemory() {
  while (!pieces_.empty()) drop_piece(pieces_.begin());
}

Result<BusAddress> VfioMemory::map(std::byte* first, std::uint64_t size, std::uint64_t alignment, std::uint64_t phase,
                                   bool writable) {
  const auto address = bus_.take(size, alignment, phase & (alignment - 1));
  if (!address)
    return fail(
        Code::kNoMemory, ENOMEM,
        fmt::format("no {:#x} bus addresses at a multiple of {:#x} are left in the ranges of the kernel's IOMMU", size,
                    alignment));
  const auto prot = writable ? ioas::Prot::kReadWrite : ioas::Prot::kRead;
  if (auto mapped = space_->map(first, size, Iova{address->value}, prot); !mapped) {
    bus_.give(*address, size);
    return std::unexpected(std::move(mapped.error()));
  }
  return *address;
}

void VfioMemory::unmap(BusAddress address, std::uint64_t size) noexcept {
  // Where the kernel keeps a map, its addresses are not used again.
  if (space_->unmap(Iova{address.value}, size)) bus_.give(address, size);
}

Result<std::list<VfioMemory::Piece>::iterator> VfioMemory::add_piece(std::uint64_t size, std::uint64_t alignment) {
  auto memory = kernel_.allocate(size, true);
  if (!memory) memory = kernel_.allocate(size, false);
  if (!memory) return fail(Code::kNoMemory, memory.error(), fmt::format("no memory for {} bytes of DMA buffers", size));
  const auto address = map(*memory, size, alignment, 0, true);
  if (!address) {
    kernel_.unmap(*memory, size);
    return std::unexpected(address.error());
  }
  const BusRange range{*address, *address + (size - 1)};
  pieces_.push_front({*memory, range, BusAllocator({range})});
  return pieces_.begin();
}

void VfioMemory::drop_piece(std::list<Piece>::iterator piece) noexcept {
  const auto [memory, size] = std::pair{piece->memory, piece->size()};
  unmap(piece->range.first, size);
  kernel_.unmap(memory, size);
  pieces_.erase(piece);
}

Result<std::unique_ptr<DmaBuffer>> VfioMemory::allocate(std::uint64_t size, std::uint64_t alignment) {
  if (size > ~std::uint64_t{0} / 2)
    return fail(Code::kNoMemory, ENOMEM, fmt::format("no memory for {} bytes of DMA buffers", size));
  const std::uint64_t whole = round_up(size, kPageSize);
  auto piece = pieces_.begin();
  std::optional<BusAddress> address;
  for (; piece != pieces_.end(); ++piece)
    if ((address = piece->free.take(whole, alignment))) break;
  if (!address) {
    auto added = add_piece(round_up(whole, kPiece), std::max(alignment, kPiece));
    if (!added) return std::unexpected(std::move(added.error()));
    piece = *added;
    address = piece->free.take(whole, alignment);
  }
  auto buffer = std::make_unique<Buffer>(*this, piece, *address, size);
  std::memset(buffer->bytes().data(), 0, size);
  return buffer;
}

void VfioMemory::free(std::list<Piece>::iterator piece, BusAddress address, std::uint64_t size) noexcept {
  piece->free.give(address, size);
  // One piece stays for the next buffer; a driver that builds and drops a table again and again maps nothing.
  if (piece->free.whole() && (pieces_.size() > 1 || piece->size() > kPiece)) drop_piece(piece);
}

Result<std::unique_ptr<PinnedMemory>> VfioMemory::pin(std::byte* first, std::uint64_t size, bool writable) {
  const auto address = reinterpret_cast<std::uintptr_t>(first);
  if (size == 0 || ((address | size) & (kPageSize - 1)) != 0)
    return fail(Code::kInvalid, EINVAL, "pinned memory has to be whole pages of 4 KiB");
  // The low bits of the memory's own address, so that large pages of memory are large pages of both IOMMUs.
  const std::uint64_t alignment = std::clamp(std::bit_floor(size), kPageSize, std::uint64_t{1} << 30);
  auto bus = map(first, size, alignment, address, writable);
  if (!bus && bus.error().number == ENOMEM && alignment > kPageSize) bus = map(first, size, kPageSize, 0, writable);
  if (!bus) return std::unexpected(std::move(bus.error()));
  return std::make_unique<Pinned>(*this, BusExtent{*bus, size});
}

}  // namespace aperture::card
