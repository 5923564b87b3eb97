// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "rtl/support/axi_memory.hpp"
#include "rtl/support/dma_bench.hpp"

namespace aperture::test {

/// The pseudo-random bytes of GENERATE and CHECK, written from the description in the register documentation.
std::vector<std::byte> prbs(std::uint64_t seed, std::size_t length);
/// The pattern repeated from the first byte.
std::vector<std::byte> repeated(std::uint64_t pattern, std::size_t length);
std::uint32_t crc32_of(const std::vector<std::byte>& bytes);
std::vector<std::byte> bytes_of(const AxiMemory& memory, std::uint64_t address, std::size_t length);

/// What a descriptor must leave behind when nothing fails. `written` is what dst holds afterwards, empty if nothing is
/// written.
struct Expected {
  regs::DmaStatus status{};
  std::uint64_t bytes{};
  std::uint32_t crc{};
  std::vector<std::byte> written;
};
Expected expect(const Descriptor& d, const AxiMemory& memory);

}  // namespace aperture::test
