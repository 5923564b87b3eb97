// SPDX-License-Identifier: Apache-2.0
#include "riscv/device_directory.hpp"

#include <utility>

#include "regs/registers.hpp"

namespace aperture::riscv {
namespace {

constexpr unsigned kBaseWords = regs::dc::kSize / 8;
constexpr unsigned kExtendedWords = (regs::dc::kSize + regs::dc_msi::kSize) / 8;

std::uint64_t pointer(const Table& table) { return regs::ddte::e::ppn.set(regs::ddte::e::v.mask(), table.ppn()); }

}  // namespace

// DDI[0] has 7 bits, the levels above 9 and 8; with extended-format contexts 6, 9 and 9.
unsigned DeviceDirectory::index_of(std::uint32_t device_id, unsigned level) const {
  const unsigned leaf_bits = extended_ ? 6 : 7;
  if (level == 0) return device_id & ((1U << leaf_bits) - 1);
  return (device_id >> (leaf_bits + 9 * (level - 1))) & 0x1ff;
}

unsigned DeviceDirectory::word_of(std::uint32_t device_id) const {
  return index_of(device_id, 0) * (extended_ ? kExtendedWords : kBaseWords);
}

Result<DeviceDirectory> DeviceDirectory::create(card::DmaMemory& memory, unsigned levels, bool extended) {
  auto root = Table::allocate(memory);
  if (!root) return std::unexpected(std::move(root.error()));
  return DeviceDirectory(memory, levels, extended, std::move(*root));
}

Result<> DeviceDirectory::make_way(std::uint32_t device_id) {
  Table* table = root_.get();
  for (unsigned level = levels_ - 1; level > 0; --level) {
    const unsigned index = index_of(device_id, level);
    std::unique_ptr<Table>& child = table->children[index];
    if (!child) {
      auto made = Table::allocate(*memory_);
      if (!made) return std::unexpected(std::move(made.error()));
      child = std::move(*made);
      table->store(index, pointer(*child));
    }
    table = child.get();
  }
  return {};
}

Table* DeviceDirectory::leaf(std::uint32_t device_id) const {
  Table* table = root_.get();
  for (unsigned level = levels_ - 1; level > 0 && table; --level)
    table = table->children[index_of(device_id, level)].get();
  return table;
}

DeviceContext DeviceDirectory::read(std::uint32_t device_id) const {
  const Table* table = leaf(device_id);
  if (!table) return {};
  const unsigned word = word_of(device_id);
  return {table->load(word + regs::dc::tc::kWord), table->load(word + regs::dc::iohgatp::kWord),
          table->load(word + regs::dc::ta::kWord), table->load(word + regs::dc::fsc::kWord)};
}

bool DeviceDirectory::valid(std::uint32_t device_id) const { return regs::dc::tc::v.get(read(device_id).tc) != 0; }

void DeviceDirectory::store(Table& leaf, std::uint32_t device_id, const DeviceContext& context) noexcept {
  const unsigned word = word_of(device_id);
  leaf.store(word + regs::dc::iohgatp::kWord, context.iohgatp);
  leaf.store(word + regs::dc::ta::kWord, context.ta);
  leaf.store(word + regs::dc::fsc::kWord, context.fsc);
  leaf.store(word + regs::dc::tc::kWord, context.tc);
}

void DeviceDirectory::write(std::uint32_t device_id, const DeviceContext& context) noexcept {
  store(*leaf(device_id), device_id, context);
}

void DeviceDirectory::exchange(std::uint32_t device_id, const DeviceContext& context,
                               std::unique_ptr<Table>& page) noexcept {
  Table* above = root_.get();
  for (unsigned level = levels_ - 1; level > 1; --level) above = above->children[index_of(device_id, level)].get();
  const unsigned index = index_of(device_id, 1);
  std::unique_ptr<Table>& current = above->children[index];
  for (unsigned word = 0; word < Table::kWords; ++word) page->store(word, current->load(word));
  store(*page, device_id, context);
  above->store(index, pointer(*page));
  std::swap(current, page);
}

void DeviceDirectory::set_fsc(std::uint32_t device_id, std::uint64_t fsc) noexcept {
  leaf(device_id)->store(word_of(device_id) + regs::dc::fsc::kWord, fsc);
}

void DeviceDirectory::clear(std::uint32_t device_id) noexcept {
  if (Table* table = leaf(device_id)) table->store(word_of(device_id) + regs::dc::tc::kWord, 0);
}

}  // namespace aperture::riscv
