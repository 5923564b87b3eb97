// SPDX-License-Identifier: Apache-2.0
#pragma once

// The configuration space of the served function (PCI Local Bus 3.0 chapter 6, PCI Express Base 7.5): a type 0 header,
// a PCI Express capability with function level reset, an MSI-X capability, power management (PCI Express Base 5.3).

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "serve/layout.hpp"

namespace aperture::sw::serve {

class ConfigSpace {
 public:
  static constexpr std::size_t kSize = 4096;

  /// `layout` must outlive it.
  explicit ConfigSpace(const Layout& layout) : layout_(layout) { reset(); }

  /// [offset, offset + size) lies within kSize.
  void read(std::size_t offset, std::span<std::byte> to) const;
  /// Bits that cannot be written keep their value. True: the write asked for a function level reset.
  [[nodiscard]] bool write(std::size_t offset, std::span<const std::byte> from);
  /// As after power-on.
  void reset();

  /// Both need the function to be in D0.
  bool memory_enabled() const;
  bool bus_master() const;

 private:
  bool commanded(unsigned bit) const;
  void put(std::size_t offset, std::uint64_t value, unsigned size, std::uint64_t writable = 0);
  void put_bar(unsigned bar);

  const Layout& layout_;
  std::array<std::byte, kSize> bytes_{};
  std::array<std::byte, kSize> writable_{};
};

}  // namespace aperture::sw::serve
