// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

namespace aperture::ioas::test {

/// Zeroed host memory at a multiple of `alignment`.
class Memory {
 public:
  explicit Memory(std::size_t size, std::size_t alignment = std::size_t{2} << 20)
      : data_(static_cast<std::byte*>(std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment))) {
    std::fill_n(data_.get(), size, std::byte{0});
  }
  std::byte* data() { return data_.get(); }
  std::byte* at(std::size_t offset) { return data_.get() + offset; }
  std::span<std::byte> bytes(std::size_t offset, std::size_t length) { return {at(offset), length}; }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> data_;
};

}  // namespace aperture::ioas::test
