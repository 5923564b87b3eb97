// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "vfio/kernel.hpp"

namespace aperture::vfio {

/// A BAR. Every access is one aligned bus access of its size: a load or store where the kernel lets the region be
/// mapped, else a read or write of the device's file. A write makes all earlier writes to memory visible to the device
/// first; a read is ordered before later loads of memory. Unaligned or beyond the end: programmer error (throws
/// std::out_of_range). A device that is gone reads all ones.
class Region {
 public:
  /// `offset`: of the region in the file; `map`: try to map it.
  Region(Kernel& kernel, int fd, std::uint64_t offset, std::uint64_t size, bool map, std::string name);
  ~Region();
  Region(Region&& other) noexcept;
  Region& operator=(Region&&) = delete;

  std::uint64_t size() const { return size_; }
  bool mapped() const { return memory_ != nullptr; }
  std::uint32_t read32(std::uint64_t offset) const { return read<std::uint32_t>(offset); }
  std::uint64_t read64(std::uint64_t offset) const { return read<std::uint64_t>(offset); }
  void write32(std::uint64_t offset, std::uint32_t value) const { write(offset, value); }
  void write64(std::uint64_t offset, std::uint64_t value) const { write(offset, value); }

 private:
  template <typename Word>
  Word read(std::uint64_t offset) const;
  template <typename Word>
  void write(std::uint64_t offset, Word value) const;
  void check(std::uint64_t offset, std::uint64_t width) const;

  Kernel& kernel_;
  int fd_;
  std::uint64_t offset_;
  std::uint64_t size_;
  std::string name_;
  std::byte* memory_{};
};

}  // namespace aperture::vfio
