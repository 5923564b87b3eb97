// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "support/fake_kernel.hpp"

namespace aperture::ioas::test {

/// The edu device on a kernel in memory. Its DMA takes no time.
class FakeEdu {
 public:
  enum class RefusedRead : std::uint8_t { kZeros, kNothing };  ///< what the buffer gets
  FakeEdu(aperture::test::FakeKernel& kernel, const std::string& address, unsigned group, RefusedRead refused,
          std::uint64_t dma_mask = ~std::uint64_t{0});
  FakeEdu(const FakeEdu&) = delete;
  FakeEdu& operator=(const FakeEdu&) = delete;

 private:
  void run();
  aperture::test::FakeKernel& kernel_;
  aperture::test::FakeKernel::Function& function_;
  RefusedRead refused_;
  std::uint64_t dma_mask_;
  std::array<std::byte, 4096> buffer_{};
};

}  // namespace aperture::ioas::test
