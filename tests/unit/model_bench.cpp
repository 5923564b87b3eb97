// SPDX-License-Identifier: Apache-2.0
#include "unit/model_bench.hpp"

namespace aperture::tb::test {
namespace {

std::vector<std::byte> bytes_of(std::uint64_t value, unsigned size, bool big_endian) {
  std::vector<std::byte> bytes(size);
  for (unsigned i = 0; i < size; ++i) bytes[big_endian ? size - 1 - i : i] = static_cast<std::byte>(value >> 8 * i);
  return bytes;
}

}  // namespace

void ModelTest::poke(std::uint64_t address, std::uint64_t value, unsigned size) {
  model.write_memory(address, bytes_of(value, size, big_endian));
}

std::uint64_t ModelTest::peek(std::uint64_t address, unsigned size) {
  const auto bytes = model.read_memory(address, size);
  std::uint64_t value = 0;
  for (unsigned i = 0; i < size; ++i) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[big_endian ? i : size - 1 - i]);
  }
  return value;
}

std::uint64_t ModelTest::table(std::uint64_t size) {
  next_table = (next_table + size - 1) / size * size;
  const std::uint64_t address = next_table;
  next_table += size;
  return address;
}

void ModelTest::put(std::uint32_t device, const Dc& dc) {
  const bool extended = (read64(0) & bit(22)) != 0;
  const std::uint64_t at = kDdt + device * (extended ? 64U : 32U);
  const std::array<std::uint64_t, 8> words{dc.tc | 1,        dc.iohgatp,          dc.ta,      dc.fsc, dc.msiptp,
                                           dc.msi_addr_mask, dc.msi_addr_pattern, dc.reserved};
  for (unsigned i = 0; i < (extended ? 8U : 4U); ++i) poke(at + i * 8, words[i]);
}

std::uint64_t ModelTest::map(std::uint64_t root, unsigned levels, std::uint64_t address, std::uint64_t to,
                             std::uint64_t flags, unsigned level, unsigned top_bits) {
  std::uint64_t at = root;
  for (unsigned i = levels - 1;; --i) {
    const unsigned index_bits = 9 + (i == levels - 1 ? top_bits : 0);
    const std::uint64_t entry = at + (address >> (12 + 9 * i) & (bit(index_bits) - 1)) * 8;
    if (i == level) {
      poke(entry, to >> 12 << 10 | flags);
      return entry;
    }
    if ((peek(entry) & V) == 0) poke(entry, table() >> 12 << 10 | V);
    at = (peek(entry) >> 10 & (bit(44) - 1)) << 12;
  }
}

std::vector<Record> ModelTest::records() {
  std::vector<Record> found;
  const std::uint32_t tail = read32(52);
  for (std::uint32_t i = read32(48); i != tail; i = (i + 1) % 16) {
    const std::uint64_t word = peek(kFq + i * 32);
    found.push_back({.cause = static_cast<unsigned>(word & 0xfff),
                     .pid = static_cast<std::uint32_t>(word >> 12 & 0xfffff),
                     .pv = (word & bit(32)) != 0,
                     .priv = (word & bit(33)) != 0,
                     .ttyp = static_cast<unsigned>(word >> 34 & 0x3f),
                     .did = static_cast<std::uint32_t>(word >> 40),
                     .iotval = peek(kFq + i * 32 + 16),
                     .iotval2 = peek(kFq + i * 32 + 24)});
  }
  write32(48, tail);
  return found;
}

Record ModelTest::record() {
  const auto found = records();
  EXPECT_EQ(found.size(), 1U);
  return found.size() == 1 ? found.front() : Record{};
}

AccessResult ModelTest::write(std::uint64_t iova, std::uint64_t value, unsigned length) {
  return access(
      {.device_id = kDevice, .write = true, .iova = iova, .length = length, .data = bytes_of(value, length, false)});
}

}  // namespace aperture::tb::test
