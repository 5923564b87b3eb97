// SPDX-License-Identifier: Apache-2.0
// The IOMMU's own accesses to memory. RISC-V IOMMU, chapter "Memory-mapped register interface", section "IOMMU
// capabilities": the address space ends at 2^PAS; chapter "Data Structures", section "Endianness of in-memory data
// structures".
#include "tb/model/model.hpp"

namespace aperture::tb::model {
namespace {

std::uint64_t gather(std::span<const std::byte> bytes, bool big_endian) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t at = big_endian ? i : bytes.size() - 1 - i;
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[at]);
  }
  return value;
}

void scatter(std::uint64_t value, std::span<std::byte> bytes, bool big_endian) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t at = big_endian ? bytes.size() - 1 - i : i;
    bytes[at] = static_cast<std::byte>(value >> 8 * i);
  }
}

}  // namespace

Model::Reply Model::load(std::uint64_t address, std::span<std::uint64_t> doublewords, bool big_endian) {
  std::array<std::byte, 64> bytes{};
  const auto used = std::span(bytes).first(doublewords.size() * 8);
  if (address > ones(cap_.pas())) return Reply::kError;
  const MemoryAnswer answer = memory_.card_read(address, used);
  if (answer != MemoryAnswer::kOk) return answer == MemoryAnswer::kPoison ? Reply::kPoison : Reply::kError;
  for (std::size_t i = 0; i < doublewords.size(); ++i) doublewords[i] = gather(used.subspan(i * 8, 8), big_endian);
  return Reply::kOk;
}

Model::Reply Model::load_pte(std::uint64_t address, unsigned size, bool big_endian, std::uint64_t& pte) {
  std::array<std::byte, 8> bytes{};
  const auto used = std::span(bytes).first(size);
  if (address > ones(cap_.pas())) return Reply::kError;
  const MemoryAnswer answer = memory_.card_read(address, used);
  if (answer != MemoryAnswer::kOk) return answer == MemoryAnswer::kPoison ? Reply::kPoison : Reply::kError;
  pte = gather(used, big_endian);
  return Reply::kOk;
}

bool Model::writable(std::uint64_t address, std::size_t size) {
  // A write without strobes finds out whether memory takes one.
  const std::array<std::byte, 64> nothing{};
  return address <= ones(cap_.pas()) &&
         memory_.card_write(address, std::span(nothing).first(size), 0) == MemoryAnswer::kOk;
}

bool Model::store(std::uint64_t address, std::span<const std::byte> data) {
  if (!writable(address, data.size())) return false;
  memory_.write(address, data);
  return true;
}

bool Model::store(std::uint64_t address, std::span<const std::uint64_t> doublewords, bool big_endian) {
  std::array<std::byte, 64> bytes{};
  for (std::size_t i = 0; i < doublewords.size(); ++i) {
    scatter(doublewords[i], std::span(bytes).subspan(i * 8, 8), big_endian);
  }
  return store(address, std::span(bytes).first(doublewords.size() * 8));
}

bool Model::store_sized(std::uint64_t address, unsigned size, bool big_endian, std::uint64_t value) {
  std::array<std::byte, 8> bytes{};
  scatter(value, std::span(bytes).first(size), big_endian);
  return store(address, std::span<const std::byte>(bytes).first(size));
}

}  // namespace aperture::tb::model
