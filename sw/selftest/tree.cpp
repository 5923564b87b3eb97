// SPDX-License-Identifier: Apache-2.0
#include "selftest/tree.hpp"

#include <fmt/format.h>

#include "selftest/world.hpp"

namespace aperture::sw::selftest {
namespace {

template <std::size_t kSize>
const Format* smallest(const Bench& bench, const Format* const (&formats)[kSize]) {
  for (const Format* format : formats)
    if (bench.has(format->capability)) return format;
  return nullptr;
}

}  // namespace

const Format* first_stage(const Bench& bench) {
  static constexpr const Format* kFormats[] = {&kSv39, &kSv48, &kSv57};
  return smallest(bench, kFormats);
}

const Format* second_stage(const Bench& bench) {
  static constexpr const Format* kFormats[] = {&kSv39x4, &kSv48x4, &kSv57x4};
  return smallest(bench, kFormats);
}

Tree::Tree(World& world, const Format& format, Tree* behind, bool big_endian)
    : world_(world),
      format_(format),
      behind_(behind),
      big_endian_(big_endian),
      root_(&world.words(format.second ? 4 * kPageSize : kPageSize, big_endian)),
      root_page_(seen(*root_) >> 12) {}

/// Where the walk finds a table.
std::uint64_t Tree::seen(const Words& table) {
  return behind_ != nullptr ? behind_->give(table.address()) : table.address();
}

std::uint64_t Tree::index(std::uint64_t address, unsigned level) const {
  const unsigned bits = format_.index_bits + (format_.second && level + 1 == format_.levels ? 2 : 0);
  return address >> (12 + level * format_.index_bits) & ((std::uint64_t{1} << bits) - 1);
}

std::uint64_t Tree::get(const Words& table, std::uint64_t index) const {
  return format_.entry == 8 ? table.get(index) : table.get_half(index);
}

void Tree::set(Words& table, std::uint64_t index, std::uint64_t value) const {
  if (format_.entry == 8) return table.set(index, value);
  // 22 bits of page number: what does not fit would lead elsewhere.
  if (value >> 32 != 0)
    throw CannotTry(fmt::format("{} names 34 bits of address, and the transport gives {:#x}", format_.name,
                                regs::pte::e::ppn.get(value) << 12));
  table.set_half(index, static_cast<std::uint32_t>(value));
}

Words& Tree::table(std::uint64_t address, unsigned level) {
  const std::uint64_t low = address & ((std::uint64_t{1} << format_.bits()) - 1);
  Words* at = root_;
  for (unsigned above = format_.levels - 1; above > level; --above) {
    Words*& next = tables_[{above - 1, low >> (12 + above * format_.index_bits)}];
    if (next == nullptr) {
      Words& made = world_.words(kPageSize, big_endian_);
      set(*at, index(address, above), pte::to(seen(made)) | pte::kV);
      next = &made;
    }
    at = next;
  }
  return *at;
}

void Tree::map(std::uint64_t from, std::uint64_t to, std::uint64_t bits, unsigned level) {
  set_entry(from, level, pte::to(to & ~(format_.leaf(level) - 1)) | bits);
}

std::uint64_t Tree::entry(std::uint64_t address, unsigned level) {
  return get(table(address, level), index(address, level));
}

void Tree::set_entry(std::uint64_t address, unsigned level, std::uint64_t value) {
  set(table(address, level), index(address, level), value);
}

void Tree::set_bits(std::uint64_t address, std::uint64_t bits) { table(address, 0).set_bits(index(address, 0), bits); }

std::uint64_t Tree::give(std::uint64_t bus_address) {
  const std::uint64_t guest = next_guest_page_;
  next_guest_page_ += kPageSize;
  map(guest, bus_address);
  return guest;
}

}  // namespace aperture::sw::selftest
