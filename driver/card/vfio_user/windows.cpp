// SPDX-License-Identifier: Apache-2.0
#include "card/vfio_user/windows.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace aperture::card::vfio_user {

std::optional<BusAddress> Windows::add(std::byte* bytes, std::uint64_t size, bool writable, std::uint64_t alignment,
                                       std::uint64_t phase) {
  std::uint64_t from = kSpace.first.value;
  const auto placed = [&] {
    const std::uint64_t up = (phase - from) & (alignment - 1);
    return from + up;
  };
  for (const auto& [first, window] : windows_) {
    if (placed() + size <= first) break;
    from = window.last + 1;
  }
  const std::uint64_t address = placed();
  if (address > kSpace.last.value || size - 1 > kSpace.last.value - address) return std::nullopt;
  windows_.emplace(address, Window{bytes, address + (size - 1), writable});
  return BusAddress{address};
}

template <typename F>
int Windows::each_piece(std::uint64_t address, std::uint64_t size, bool write, F f) const {
  for (const bool copies : {false, true}) {
    for (std::uint64_t done = 0; done < size;) {
      const std::uint64_t at = address + done;
      auto found = windows_.upper_bound(at);
      if (at < address || found == windows_.begin()) return EFAULT;
      const auto& [first, window] = *--found;
      if (at > window.last) return EFAULT;
      if (write && !window.writable) return EACCES;
      const std::uint64_t piece = std::min(size - done, window.last - at + 1);
      if (copies) f(window.bytes + (at - first), done, piece);
      done += piece;
    }
  }
  return 0;
}

int Windows::read(std::uint64_t address, std::span<std::byte> to) const {
  return each_piece(address, to.size(), false, [to](const std::byte* bytes, std::uint64_t offset, std::uint64_t size) {
    std::memcpy(to.data() + offset, bytes, size);
  });
}

int Windows::write(std::uint64_t address, std::span<const std::byte> from) {
  return each_piece(address, from.size(), true, [from](std::byte* bytes, std::uint64_t offset, std::uint64_t size) {
    std::memcpy(bytes, from.data() + offset, size);
  });
}

}  // namespace aperture::card::vfio_user
