// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/types.hpp"

namespace aperture::sw {

/// The memory of a q35 virtual machine of 8 GiB, as a virtual machine monitor has it: anonymous memory of this process,
/// of which only what is touched costs anything. 2 GiB lie below the hole under 4 GiB, 6 GiB above 4 GiB.
class GuestMemory {
 public:
  static constexpr Range<GuestPhysical> kLow{{0}, {0x7fff'ffff}};
  static constexpr Range<GuestPhysical> kHigh{{0x1'0000'0000}, {0x2'7fff'ffff}};

  /// Throws Failure if there is no address space for it.
  GuestMemory();
  ~GuestMemory();
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  /// Where this process has [address, address + length), which lies in one of the two ranges, else std::out_of_range.
  std::span<std::byte> at(GuestPhysical address, std::uint64_t length) const;

 private:
  std::byte* base_;
};

/// Copies a file to `address`; gives its length. Throws Failure: cannot be read, empty, too long for the range.
std::uint64_t load_file(const GuestMemory& memory, GuestPhysical address, const std::filesystem::path& file);

/// Rounded up to whole pages.
constexpr std::uint64_t whole_pages(std::uint64_t length) { return (length + kPageSize - 1) & ~(kPageSize - 1); }

}  // namespace aperture::sw
