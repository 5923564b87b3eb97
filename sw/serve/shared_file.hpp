// SPDX-License-Identifier: Apache-2.0
#pragma once

// Files that a client shares as memory. Thousands of maps may name parts of one file: it is mapped once.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <tuple>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"

namespace aperture::sw::serve {

/// One file. Memory that is sealed against shrinking is mapped; another file, which its owner might cut off at any
/// time, is read and written by system calls, so that the worst is an access that fails.
class SharedFile {
 public:
  /// EACCES: neither readable nor writable; EINVAL: neither memory nor a regular file.
  static Result<std::shared_ptr<SharedFile>> open(FileDescriptor file);
  ~SharedFile();
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;

  std::uint64_t size() const { return size_; }  ///< when it was opened
  bool readable() const { return readable_; }
  bool writable() const { return writable_; }
  bool mapped() const { return bytes_ != nullptr; }
  /// False: not all of it was there. The range lies within `size`.
  bool read(std::uint64_t offset, std::span<std::byte> to) const;
  bool write(std::uint64_t offset, std::span<const std::byte> from) const;
  /// Writes `desired` if `expected` is there, and whether it was; nullopt: as `false` above. Both have 1, 2, 4 or 8
  /// bytes. Indivisible if the file is mapped and the offset aligned to as many.
  std::optional<bool> exchange(std::uint64_t offset, std::span<const std::byte> expected,
                               std::span<const std::byte> desired) const;

 private:
  SharedFile() = default;

  FileDescriptor file_;
  std::uint64_t size_ = 0;
  bool readable_ = false;
  bool writable_ = false;
  std::byte* bytes_ = nullptr;
};

/// Those that are in use.
class SharedFiles {
 public:
  /// The one that is open already, if it is this file, opened as this descriptor is, and has at least `size` bytes.
  Result<std::shared_ptr<SharedFile>> open(FileDescriptor file, std::uint64_t size);

 private:
  using Key = std::tuple<std::uint64_t, std::uint64_t, int>;  ///< device, inode, access mode
  std::map<Key, std::weak_ptr<SharedFile>> files_;
  std::size_t sweep_at_ = 16;  ///< size at which those that are no longer in use go
};

}  // namespace aperture::sw::serve
