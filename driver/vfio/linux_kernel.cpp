// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <system_error>

#include "vfio/kernel.hpp"
#include "vfio/mapped_file.hpp"

namespace aperture::vfio {
namespace {

constexpr std::uint64_t kHugePage = std::uint64_t{2} << 20;

template <typename Value>
Value or_errno(Value value) {
  return value < 0 ? static_cast<Value>(-errno) : value;
}

class Linux final : public Kernel {
 public:
  int open(const std::string& path, int flags) override { return or_errno(::open(path.c_str(), flags | O_CLOEXEC)); }
  void close(int fd) noexcept override { ::close(fd); }
  int ioctl(int fd, unsigned long request, std::uintptr_t argument) override {
    return or_errno(::ioctl(fd, request, argument));
  }
  std::int64_t pread(int fd, std::span<std::byte> to, std::uint64_t offset) override {
    return or_errno(::pread(fd, to.data(), to.size(), static_cast<off_t>(offset)));
  }
  std::int64_t pwrite(int fd, std::span<const std::byte> from, std::uint64_t offset) override {
    return or_errno(::pwrite(fd, from.data(), from.size(), static_cast<off_t>(offset)));
  }

  std::expected<std::byte*, int> map(int fd, std::uint64_t size, std::uint64_t offset) override {
    return mapping(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(offset)));
  }

  bool maps_file(const std::byte* first, std::uint64_t size, bool writable, int fd, std::uint64_t offset) override {
    const auto maps = read_file("/proc/self/maps");
    return maps && vfio::maps_file(*maps, first, size, writable, fd, offset);
  }

  std::expected<std::byte*, int> allocate(std::uint64_t size, bool huge) override {
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
    if (huge) return mapping(::mmap(nullptr, size, PROT_READ | PROT_WRITE, kFlags | MAP_HUGETLB, -1, 0));
    // One huge page more than wanted, and what lies outside the aligned part goes back.
    auto all = mapping(::mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, kFlags, -1, 0));
    if (!all) return all;
    const std::uint64_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(*all) % kHugePage) % kHugePage;
    std::byte* const first = *all + before;
    if (before > 0) ::munmap(*all, before);
    ::munmap(first + size, kHugePage - before);
    ::madvise(first, size, MADV_HUGEPAGE);
    return first;
  }

  void unmap(std::byte* first, std::uint64_t size) noexcept override { ::munmap(first, size); }

  int eventfd() override { return or_errno(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
  int drain(int fd) override {
    std::uint64_t count{};
    return static_cast<int>(or_errno(::read(fd, &count, sizeof count)));
  }
  int poll(std::span<pollfd> fds, std::chrono::nanoseconds limit) override {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
    const timespec time{seconds.count(), (limit - seconds).count()};
    return or_errno(::ppoll(fds.data(), fds.size(), &time, nullptr));
  }

  std::expected<std::string, int> read_file(const std::string& path) override {
    const File file(*this, open(path, O_RDONLY));
    if (file.fd() < 0) return std::unexpected(-file.fd());
    std::string text;
    std::array<char, 4096> piece{};
    for (;;) {
      const auto count = or_errno(::read(file.fd(), piece.data(), piece.size()));
      if (count < 0) return std::unexpected(static_cast<int>(-count));
      if (count == 0) return text;
      text.append(piece.data(), static_cast<std::size_t>(count));
    }
  }

  std::expected<std::string, int> read_link(const std::string& path) override {
    std::error_code error;
    auto target = std::filesystem::read_symlink(path, error);
    if (error) return std::unexpected(error.value());
    return target.string();
  }

  std::expected<std::vector<std::string>, int> list(const std::string& path) override {
    std::error_code error;
    std::vector<std::string> names;
    for (auto entry = std::filesystem::directory_iterator(path, error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
      names.push_back(entry->path().filename().string());
    if (error) return std::unexpected(error.value());
    std::ranges::sort(names);
    return names;
  }

  std::uint64_t locked_memory_limit() override {
    rlimit limit{};
    constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNone;
    return limit.rlim_cur;
  }

 private:
  static std::expected<std::byte*, int> mapping(void* memory) {
    if (memory == MAP_FAILED) return std::unexpected(errno);
    return static_cast<std::byte*>(memory);
  }
};

}  // namespace

Kernel& linux_kernel() {
  static Linux instance;
  return instance;
}

}  // namespace aperture::vfio
