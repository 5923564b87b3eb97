// SPDX-License-Identifier: Apache-2.0
#include "fake_edu.hpp"

namespace aperture::ioas::test {

FakeEdu::FakeEdu(aperture::test::FakeKernel& kernel, const std::string& address, unsigned group, RefusedRead refused,
                 std::uint64_t dma_mask)
    : kernel_(kernel), function_(kernel.add(address, group, 0x1234, 0x11e8)), refused_(refused), dma_mask_(dma_mask) {
  function_.mappable = false;
  function_.bars.at(0)[0] = 0x0100'00ed;
  function_.on_write = [this](std::uint64_t offset) {
    if (offset == 0x98) run();
  };
}

void FakeEdu::run() {
  auto& registers = function_.bars.at(0);
  std::uint64_t& command = registers[0x98 / 8];
  if ((command & 1) == 0) return;
  const bool to_memory = (command & 2) != 0;
  const std::uint64_t iova = registers[(to_memory ? 0x88 : 0x80) / 8];
  const std::uint64_t inside = registers[(to_memory ? 0x80 : 0x88) / 8] - 0x40000;
  for (std::uint64_t i = 0; i < registers[0x90 / 8]; ++i) {
    std::byte* const memory = kernel_.reach(function_, (iova + i) & dma_mask_, to_memory);
    std::byte& own = buffer_.at(inside + i);
    if (memory != nullptr)
      (to_memory ? *memory : own) = to_memory ? own : *memory;
    else if (!to_memory && refused_ == RefusedRead::kZeros)
      own = std::byte{0};
  }
  command &= ~std::uint64_t{1};
}

}  // namespace aperture::ioas::test
