// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/card.hpp"
#include "card/vfio_user/client.hpp"

namespace aperture::card::vfio_user {

/// Whether the driver's own memory is shared with the server, or only there when it asks. Pinned memory of others is
/// never shared: it has no file.
enum class Dma { kMemfd, kInBand };

/// Memory of this process for a card behind a socket. Which bus address it has is chosen here: pinned memory keeps its
/// alignment up to 1 GiB, so that it can be mapped by large leaves.
class Memory final : public DmaMemory {
 public:
  Memory(Client& client, Windows& windows, Dma dma) : client_(client), windows_(windows), dma_(dma) {}

  Result<std::unique_ptr<DmaBuffer>> allocate(std::uint64_t size, std::uint64_t alignment) override;
  Result<std::unique_ptr<PinnedMemory>> pin(std::byte* first, std::uint64_t size, bool writable) override;
  std::vector<BusRange> outer_ranges() const override { return {Windows::kSpace}; }

 private:
  class Mapped;
  class Buffer;
  class Pinned;

  /// Gives memory an address and tells the server; `file`, if any, holds it from its beginning.
  Result<std::unique_ptr<Mapped>> map(std::byte* bytes, std::uint64_t size, bool writable, std::uint64_t alignment,
                                      std::uint64_t phase, FileDescriptor file);

  Client& client_;
  Windows& windows_;
  Dma dma_;
};

}  // namespace aperture::card::vfio_user
