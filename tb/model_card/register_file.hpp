// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "regs/registers.hpp"

namespace aperture::tb::model {

/// What a page of registers holds, as 32-bit words. Offsets count from the page's start and are multiples of 4 below
/// `block.size`; what lies between registers is 0.
class RegisterFile {
 public:
  /// All 0. `writable`: registers whose fields host_write() changes.
  RegisterFile(const regs::Block& block, std::initializer_list<regs::Register> writable)
      : base_(block.base), words_(block.size / 4), writable_(words_.size()) {
    for (const regs::Register& reg : writable) {
      std::uint64_t mask = 0;
      for (const regs::Field& field : reg.fields) mask |= field.mask();
      put(writable_, reg, mask);
    }
  }

  std::uint32_t word(std::uint32_t offset) const { return words_[offset / 4]; }
  /// Fields of writable registers take `value`, the rest stays.
  void host_write(std::uint32_t offset, std::uint32_t value) {
    std::uint32_t& word = words_[offset / 4];
    const std::uint32_t mask = writable_[offset / 4];
    word = (word & ~mask) | (value & mask);
  }

  std::uint64_t get(const regs::Register& reg) const {
    const std::size_t at = (reg.offset - base_) / 4;
    return words_[at] | (reg.size == 8 ? std::uint64_t{words_[at + 1]} << 32 : 0);
  }
  void set(const regs::Register& reg, std::uint64_t value) { put(words_, reg, value); }
  void add(const regs::Register& reg, std::uint64_t value) { set(reg, get(reg) + value); }

 private:
  void put(std::vector<std::uint32_t>& words, const regs::Register& reg, std::uint64_t value) const {
    const std::size_t at = (reg.offset - base_) / 4;
    words[at] = static_cast<std::uint32_t>(value);
    if (reg.size == 8) words[at + 1] = static_cast<std::uint32_t>(value >> 32);
  }

  std::uint64_t base_;
  std::vector<std::uint32_t> words_;
  std::vector<std::uint32_t> writable_;
};

}  // namespace aperture::tb::model
