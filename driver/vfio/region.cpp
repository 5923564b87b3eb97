// SPDX-License-Identifier: Apache-2.0
#include "vfio/region.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "vfio/barrier.hpp"

namespace aperture::vfio {

Region::Region(Kernel& kernel, int fd, std::uint64_t offset, std::uint64_t size, bool map, std::string name)
    : kernel_(kernel), fd_(fd), offset_(offset), size_(size), name_(std::move(name)) {
  if (map) memory_ = kernel.map(fd, size, offset).value_or(nullptr);
}

Region::~Region() {
  if (memory_ != nullptr) kernel_.unmap(memory_, size_);
}

Region::Region(Region&& other) noexcept
    : kernel_(other.kernel_),
      fd_(other.fd_),
      offset_(other.offset_),
      size_(other.size_),
      name_(std::move(other.name_)),
      memory_(std::exchange(other.memory_, nullptr)) {}

void Region::check(std::uint64_t offset, std::uint64_t width) const {
  if (offset % width != 0 || offset >= size_ || size_ - offset < width)
    throw std::out_of_range(
        fmt::format("{}: no access of {} bytes at {:#x}, it has {:#x}", name_, width, offset, size_));
}

template <typename Word>
Word Region::read(std::uint64_t offset) const {
  check(offset, sizeof(Word));
  auto value = static_cast<Word>(~Word{0});
  if (memory_ != nullptr)
    value = *reinterpret_cast<const volatile Word*>(memory_ + offset);
  else if (kernel_.pread(fd_, std::as_writable_bytes(std::span(&value, 1)), offset_ + offset) != sizeof(Word))
    value = static_cast<Word>(~Word{0});
  after_register_read();
  return value;
}

template <typename Word>
void Region::write(std::uint64_t offset, Word value) const {
  check(offset, sizeof(Word));
  before_register_write();
  if (memory_ != nullptr)
    *reinterpret_cast<volatile Word*>(memory_ + offset) = value;
  else  // a device that is gone takes no write, as on the bus
    (void)kernel_.pwrite(fd_, std::as_bytes(std::span(&value, 1)), offset_ + offset);
}

template std::uint32_t Region::read<std::uint32_t>(std::uint64_t) const;
template std::uint64_t Region::read<std::uint64_t>(std::uint64_t) const;
template void Region::write<std::uint32_t>(std::uint64_t, std::uint32_t) const;
template void Region::write<std::uint64_t>(std::uint64_t, std::uint64_t) const;

}  // namespace aperture::vfio
