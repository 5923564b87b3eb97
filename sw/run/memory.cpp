// SPDX-License-Identifier: Apache-2.0
#include "run/memory.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>

#include "base/types.hpp"

namespace aperture::sw::run {
namespace {

constexpr std::uint64_t kMost = std::uint64_t{1} << 46;  // of address space
/// Room for the same place in 2 MiB and a page behind it.
constexpr std::uint64_t kGuard = 2 * Memory::kHuge;

std::unexpected<Error> no_room(std::uint64_t size) {
  return fail(Code::kNoMemory, ENOMEM, fmt::format("no memory of {:#x} bytes", size));
}

std::unexpected<Error> too_much(std::string_view what, std::uint64_t size, std::uint64_t most) {
  return fail(Code::kInvalid, E2BIG, fmt::format("{} {:#x} bytes at most, not {:#x}", what, most, size));
}

std::uint64_t up(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

Result<std::unique_ptr<Memory>> Memory::make(const Options& options) {
  if (options.size == 0) return fail(Code::kInvalid, EINVAL, "a memory of no bytes");
  std::unique_ptr<Memory> memory(new Memory);
  if (auto done = memory->place(options); !done) return std::unexpected(std::move(done.error()));
  return memory;
}

Result<> Memory::place(const Options& options) {
  if (options.size > kMost || options.align > kMost) return no_room(options.size);
  const std::uint64_t unit = std::max(options.align, kHuge);
  const std::uint64_t shift = options.align < kHuge ? options.align : 0;
  const std::uint64_t head = shift % kPageSize;
  const std::uint64_t page = options.backing == Backing::kHugetlb ? kHuge : kPageSize;
  size_ = options.size;
  room_ = up(head + size_, page) - head;
  reserved_size_ = unit + shift + room_ + head + kGuard;
  void* const all = ::mmap(nullptr, reserved_size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) return no_room(size_);
  reserved_ = static_cast<std::byte*>(all);
  const auto address = reinterpret_cast<std::uintptr_t>(all);
  base_ = reserved_ + (up(address, unit) - address) + shift;
  std::byte* const first = base_ - head;
  const std::uint64_t length = room_ + head;
  backing_ = options.backing;
  const auto map = [&](int flags, int fd) {
    return ::mmap(first, length, PROT_READ | PROT_WRITE, MAP_FIXED | flags, fd, 0) != MAP_FAILED;
  };
  constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (backing_ == Backing::kFile) {
    FileDescriptor file(::memfd_create("aperture-run", MFD_CLOEXEC));
    if (!file || ::ftruncate(file.get(), static_cast<off_t>(head + size_)) != 0 || !map(MAP_SHARED, file.get())) {
      return no_room(size_);
    }
    file_ = std::make_shared<const FileDescriptor>(std::move(file));
    return {};
  }
  if (backing_ == Backing::kHugetlb) {
    if (head == 0 && shift == 0 && map(MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1)) return {};
    backing_ = Backing::kAnon;
  }
  if (!map(kAnonymous, -1)) return no_room(size_);
  if (options.backing == Backing::kHugetlb) (void)::madvise(first, length, MADV_HUGEPAGE);
  return {};
}

Memory::~Memory() {
  if (reserved_ != nullptr) ::munmap(reserved_, reserved_size_);
}

Result<> Memory::fill(std::span<const std::byte> pattern) {
  if (std::ranges::all_of(pattern, [](std::byte b) { return b == std::byte{0}; })) return {};
  if (size_ > kMostFilled) return too_much("a memory is filled with", size_, kMostFilled);
  std::uint64_t done = std::min<std::uint64_t>(pattern.size(), size_);
  std::memcpy(base_, pattern.data(), done);
  while (done < size_) {
    const std::uint64_t more = std::min(done, size_ - done);
    std::memcpy(base_ + done, base_, more);
    done += more;
  }
  return {};
}

Result<> Memory::fill(const std::filesystem::path& file) {
  std::error_code unknown;
  const auto status = std::filesystem::status(file, unknown);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    return fail(Code::kInvalid, EINVAL, file.string() + ": this is no regular file");
  }
  const std::uint64_t there = std::filesystem::file_size(file, unknown);
  if (!unknown && std::min(there, size_) > kMostFilled) {
    return too_much("a memory is filled with", std::min(there, size_), kMostFilled);
  }
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (in) in.read(reinterpret_cast<char*>(base_), static_cast<std::streamsize>(size_));
  if (!in && !in.eof()) {
    const int number = errno == 0 ? EIO : errno;
    return fail(Code::kEnvironment, number, fmt::format("{}: {}", file.string(), std::strerror(number)));
  }
  return {};
}

void Memory::protect() {
  readonly_ = true;
  const std::uint64_t head = reinterpret_cast<std::uintptr_t>(base_) % kPageSize;
  (void)::mprotect(base_ - head, head + room_, PROT_READ);
}

Result<> Memory::write(std::uint64_t offset, std::span<const std::byte> data) {
  if (offset > size_ || data.size() > size_ - offset) {
    return fail(Code::kFault, EFAULT, fmt::format("[{:#x}, + {:#x}) is beyond the memory", offset, data.size()));
  }
  if (readonly_) return fail(Code::kFault, EFAULT, "the memory is read-only");
  std::memcpy(base_ + offset, data.data(), data.size());
  return {};
}

Result<std::span<const std::byte>> Memory::read(std::uint64_t offset, std::uint64_t length) const {
  if (offset > size_ || length > size_ - offset) {
    return fail(Code::kFault, EFAULT, fmt::format("[{:#x}, + {:#x}) is beyond the memory", offset, length));
  }
  if (length > kMostRead) return too_much("a read gives", length, kMostRead);
  return std::span<const std::byte>(base_ + offset, length);
}

std::byte* Memory::at(std::uint64_t offset) const {
  if (offset <= room_) return base_ + offset;
  const auto address = reinterpret_cast<std::uintptr_t>(base_);
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
  if (offset > kLast - address) return reinterpret_cast<std::byte*>(kLast);
  const std::uint64_t guard = address + room_;
  return base_ + room_ + (address + offset - guard) % kHuge;
}

std::optional<ioas::FileSpan> Memory::file(std::uint64_t offset) const {
  if (!file_) return {};
  const std::uint64_t head = reinterpret_cast<std::uintptr_t>(base_) % kPageSize;
  return ioas::FileSpan{file_, head + offset};
}

bool Memory::holds(const std::byte* first, std::uint64_t size, bool writable) const {
  const std::uint64_t head = reinterpret_cast<std::uintptr_t>(base_) % kPageSize;
  const std::byte* const begin = base_ - head;
  return first >= begin && first < base_ + room_ && size <= static_cast<std::uint64_t>(base_ + room_ - first) &&
         !(writable && readonly_);
}

bool Memory::owns(const ioas::Pages& pages) const {
  return pages.data() >= reserved_ && pages.data() < reserved_ + reserved_size_;
}

Result<std::span<std::byte>> Memory::pages() const {
  if (reinterpret_cast<std::uintptr_t>(base_) % kPageSize == 0) return std::span<std::byte>(base_, size_);
  return fail(Code::kInvalid, EINVAL, "the memory does not begin on a 4 KiB boundary");
}

}  // namespace aperture::sw::run
