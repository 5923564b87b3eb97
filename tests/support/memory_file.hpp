// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "base/file_descriptor.hpp"

namespace aperture::test {

/// A file in memory of `size` bytes, and a mapping of all of it.
class MemoryFile {
 public:
  explicit MemoryFile(std::size_t size, int sharing = MAP_SHARED)
      : size_(size), file_(::memfd_create("test", MFD_CLOEXEC)) {
    if (!file_ || ::ftruncate(file_.get(), static_cast<off_t>(size)) != 0) throw std::runtime_error("no memfd");
    void* const first = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, sharing, file_.get(), 0);
    if (first == MAP_FAILED) throw std::runtime_error("no mapping of a memfd");
    data_ = static_cast<std::byte*>(first);
  }
  ~MemoryFile() { ::munmap(data_, size_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return file_.get(); }
  /// The mapping stays.
  void close() { file_.reset(); }
  std::byte* data() const { return data_; }
  std::byte* at(std::size_t offset) const { return data_ + offset; }

 private:
  std::size_t size_;
  FileDescriptor file_;
  std::byte* data_{};
};

}  // namespace aperture::test
