// SPDX-License-Identifier: Apache-2.0
#include "rtl/support/dma_reference.hpp"

#include <zlib.h>

#include <algorithm>

namespace aperture::test {

std::vector<std::byte> prbs(std::uint64_t seed, std::size_t length) {
  std::vector<std::byte> out(length);
  std::uint64_t x = seed == 0 ? 1 : seed;
  for (std::size_t i = 0; i < length; ++i) {
    if (i % 8 == 0) {
      x ^= x << 13;
      x ^= x >> 7;
      x ^= x << 17;
    }
    out[i] = static_cast<std::byte>(x >> (8 * (i % 8)));
  }
  return out;
}

std::vector<std::byte> repeated(std::uint64_t pattern, std::size_t length) {
  std::vector<std::byte> out(length);
  for (std::size_t i = 0; i < length; ++i) out[i] = static_cast<std::byte>(pattern >> (8 * (i % 8)));
  return out;
}

std::uint32_t crc32_of(const std::vector<std::byte>& bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));  // zlib wants unsigned char
}

std::vector<std::byte> bytes_of(const AxiMemory& memory, std::uint64_t address, std::size_t length) {
  std::vector<std::byte> out(length);
  memory.load(address, out);
  return out;
}

Expected expect(const Descriptor& d, const AxiMemory& memory) {
  Expected e;
  e.status = regs::DmaStatus::kOk;
  e.bytes = d.length;
  const auto source = [&] { return bytes_of(memory, d.src, d.length); };
  switch (d.op) {
    case regs::DmaOp::kNop:
      e.bytes = 0;
      return e;
    case regs::DmaOp::kCopy:
      e.written = source();
      e.crc = crc32_of(e.written);
      return e;
    case regs::DmaOp::kCrc:
      e.crc = crc32_of(source());
      return e;
    case regs::DmaOp::kFill:
      e.written = repeated(d.pattern, d.length);
      e.crc = crc32_of(e.written);
      return e;
    case regs::DmaOp::kGenerate:
      e.written = prbs(d.pattern, d.length);
      e.crc = crc32_of(e.written);
      return e;
    case regs::DmaOp::kCheck: {
      const auto have = source();
      const auto want = prbs(d.pattern, d.length);
      e.crc = crc32_of(have);
      const auto difference = std::ranges::mismatch(have, want).in1 - have.begin();
      if (static_cast<std::size_t>(difference) != have.size()) {
        e.status = regs::DmaStatus::kMismatch;
        e.bytes = static_cast<std::uint64_t>(difference);
      }
      return e;
    }
    case regs::DmaOp::kStray:
      if (d.stray_read) {
        e.crc = crc32_of(source());
      } else {
        e.written = repeated(d.pattern, d.length);
        e.crc = crc32_of(e.written);
      }
      return e;
  }
  e.status = regs::DmaStatus::kBadDescriptor;
  e.bytes = 0;
  return e;
}

}  // namespace aperture::test
