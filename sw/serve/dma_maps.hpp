// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which bus addresses the client lets the function reach, and what lies there.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "card/vfio_user/protocol.hpp"
#include "serve/shared_file.hpp"

namespace aperture::sw::serve {

class DmaMaps {
 public:
  static constexpr std::size_t kMost = 65535;  ///< maps: what clients take for granted

  /// Without a file: memory that only the client can access. A map of just the range of an earlier one replaces it.
  /// EINVAL: flags, size, alignment (4096) or the end of the address space make no sense, or the file does not cover
  /// it; EACCES: the file is not open for what the flags allow; EEXIST: overlaps another; ENOSPC: kMost are there.
  Result<> map(const card::vfio_user::DmaMap& request, FileDescriptor file);
  /// Takes back what lies in the range, whole maps or parts of them; nothing there is no error. EINVAL: flags or size
  /// make no sense.
  Result<> unmap(const card::vfio_user::DmaUnmap& request);
  void clear() { maps_.clear(); }
  std::size_t size() const { return maps_.size(); }

  /// Reads or writes memory that is shared as a file and may be accessed so. False: it is not, or not all of it.
  bool read(std::uint64_t address, std::span<std::byte> to) const;
  bool write(std::uint64_t address, std::span<const std::byte> from) const;
  /// As SharedFile::exchange. nullopt: as `false` above.
  std::optional<bool> exchange(std::uint64_t address, std::span<const std::byte> expected,
                               std::span<const std::byte> desired) const;

 private:
  struct Map {
    std::uint64_t last;  ///< address
    std::uint32_t flags;
    std::uint64_t offset;
    std::shared_ptr<SharedFile> file;  ///< or none
  };
  using Maps = std::map<std::uint64_t, Map>;

  /// The map that holds all of a non-empty range; end(): none does.
  Maps::const_iterator find(std::uint64_t address, std::size_t size) const;
  void cut(std::uint64_t first, std::uint64_t last);

  Maps maps_;  ///< by first address, not overlapping
  SharedFiles files_;
};

}  // namespace aperture::sw::serve
