// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "card/card.hpp"
#include "card/vfio/bus_allocator.hpp"
#include "vfio/kernel.hpp"
#include "vfio/space.hpp"

namespace aperture::card {

/// Memory that a card reaches through the kernel's IOMMU. One map of the kernel's serves a whole pinned object, and one
/// serves many buffers: they come from pieces of 2 MiB, in huge pages when there are some.
class VfioMemory final : public DmaMemory {
 public:
  static constexpr std::uint64_t kPiece = std::uint64_t{2} << 20;

  /// `ranges`: what the kernel can map; bus addresses are taken below `limit` only, and never 0.
  VfioMemory(vfio::Kernel& kernel, std::shared_ptr<vfio::Space> space, std::vector<BusRange> ranges,
             std::uint64_t limit);
  ~VfioMemory() override;

  Result<std::unique_ptr<DmaBuffer>> allocate(std::uint64_t size, std::uint64_t alignment) override;
  Result<std::unique_ptr<PinnedMemory>> pin(std::byte* first, std::uint64_t size, bool writable) override;
  std::vector<BusRange> outer_ranges() const override { return ranges_; }

 private:
  class Buffer;
  class Pinned;
  /// Memory of ours under one map of the kernel's.
  struct Piece {
    std::byte* memory;
    BusRange range;
    BusAllocator free;
    std::uint64_t size() const { return range.extent() + 1; }
  };
  Result<std::list<Piece>::iterator> add_piece(std::uint64_t size, std::uint64_t alignment);
  void drop_piece(std::list<Piece>::iterator piece) noexcept;
  void free(std::list<Piece>::iterator piece, BusAddress address, std::uint64_t size) noexcept;
  Result<BusAddress> map(std::byte* first, std::uint64_t size, std::uint64_t alignment, std::uint64_t phase,
                         bool writable);
  void unmap(BusAddress address, std::uint64_t size) noexcept;

  vfio::Kernel& kernel_;
  std::shared_ptr<vfio::Space> space_;
  std::vector<BusRange> ranges_;
  BusAllocator bus_;
  std::list<Piece> pieces_;
};

}  // namespace aperture::card
