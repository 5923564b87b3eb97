// SPDX-License-Identifier: Apache-2.0
#include "riscv/process_directory.hpp"

#include <utility>

namespace aperture::riscv {
namespace {

constexpr unsigned kContextWords = regs::pc::kSize / 8;

std::uint64_t pointer(const Table& table) { return regs::ddte::e::ppn.set(regs::ddte::e::v.mask(), table.ppn()); }

unsigned word_of(std::uint32_t process_id) { return (process_id & 0xff) * kContextWords; }

void store(Table& leaf, std::uint32_t process_id, const ProcessContext& context) {
  const unsigned word = word_of(process_id);
  leaf.store(word + regs::pc::fsc::kWord, context.fsc);
  leaf.store(word + regs::pc::ta::kWord, context.ta);
}

void drop(std::unique_ptr<Table> table, Quarantine& quarantine) noexcept {
  for (std::unique_ptr<Table>& child : table->children)
    if (child) drop(std::move(child), quarantine);
  quarantine.add(std::move(table));
}

}  // namespace

// PDI[0] has 8 bits, PDI[1] 9 and PDI[2] 3.
unsigned ProcessDirectory::index_of(std::uint32_t process_id, unsigned level) {
  return level == 2 ? process_id >> 17 & 0x7 : process_id >> 8 & 0x1ff;
}

std::optional<unsigned> ProcessDirectory::levels_for(std::uint64_t capabilities, std::uint32_t process_id) {
  namespace caps = regs::iommu::capabilities_f;
  const regs::Field fields[] = {caps::pd8, caps::pd17, caps::pd20};
  for (unsigned levels = 1; levels <= 3; ++levels)
    if (fields[levels - 1].get(capabilities) != 0 && process_id >> id_bits(levels) == 0) return levels;
  return {};
}

std::uint64_t ProcessDirectory::pdtp() const {
  const regs::PdtpMode mode = levels_ == 1   ? regs::PdtpMode::kPd8
                              : levels_ == 2 ? regs::PdtpMode::kPd17
                                             : regs::PdtpMode::kPd20;
  return regs::dc::fsc::mode.set(regs::dc::fsc::ppn.set(0, root_->ppn()), static_cast<std::uint64_t>(mode));
}

void ProcessDirectory::grow(unsigned levels, Quarantine& spare) noexcept {
  for (; levels_ < levels; ++levels_) {
    auto above = spare.take();
    above->store(0, pointer(*root_));
    above->children[0] = std::move(root_);
    root_ = std::move(above);
  }
}

void ProcessDirectory::make_way(std::uint32_t process_id, Quarantine& spare) noexcept {
  Table* table = root_.get();
  for (unsigned level = levels_ - 1; level > 0; --level) {
    const unsigned index = index_of(process_id, level);
    std::unique_ptr<Table>& child = table->children[index];
    if (!child) {
      child = spare.take();
      table->store(index, pointer(*child));
    }
    table = child.get();
  }
}

const std::unique_ptr<Table>* ProcessDirectory::leaf(std::uint32_t process_id) const {
  if (process_id >> id_bits(levels_) != 0) return nullptr;
  const std::unique_ptr<Table>* place = &root_;
  for (unsigned level = levels_ - 1; level > 0 && *place; --level)
    place = &(*place)->children[index_of(process_id, level)];
  return *place ? place : nullptr;
}

ProcessContext ProcessDirectory::read(std::uint32_t process_id) const {
  const auto* place = leaf(process_id);
  if (place == nullptr) return {};
  const unsigned word = word_of(process_id);
  return {(*place)->load(word + regs::pc::ta::kWord), (*place)->load(word + regs::pc::fsc::kWord)};
}

void ProcessDirectory::write(std::uint32_t process_id, const ProcessContext& context) noexcept {
  store(**leaf(process_id), process_id, context);
}

std::unique_ptr<Table> ProcessDirectory::exchange(std::uint32_t process_id, const ProcessContext& context,
                                                  Quarantine& spare) noexcept {
  auto page = spare.take();
  Table* above = nullptr;
  std::unique_ptr<Table>* place = &root_;
  for (unsigned level = levels_ - 1; level > 0; --level) {
    above = place->get();
    place = &above->children[index_of(process_id, level)];
  }
  for (unsigned word = 0; word < Table::kWords; ++word) page->store(word, (*place)->load(word));
  store(*page, process_id, context);
  if (above != nullptr) above->store(index_of(process_id, 1), pointer(*page));
  std::swap(*place, page);
  return page;
}

void ProcessDirectory::clear(std::uint32_t process_id) noexcept {
  if (const auto* place = leaf(process_id)) (*place)->store(word_of(process_id) + regs::pc::ta::kWord, 0);
}

void ProcessDirectory::release(Quarantine& quarantine) noexcept { drop(std::move(root_), quarantine); }

}  // namespace aperture::riscv
