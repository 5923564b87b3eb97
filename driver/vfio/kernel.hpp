// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace aperture::vfio {

/// The system calls that VFIO needs: Linux's, or a test's script. Calls give what Linux gives, or -errno where they
/// fail; the others give the errno as their error.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual int open(const std::string& path, int flags) = 0;
  virtual void close(int fd) noexcept = 0;
  virtual int ioctl(int fd, unsigned long request, std::uintptr_t argument) = 0;
  virtual std::int64_t pread(int fd, std::span<std::byte> to, std::uint64_t offset) = 0;
  virtual std::int64_t pwrite(int fd, std::span<const std::byte> from, std::uint64_t offset) = 0;
  /// Maps `size` bytes of a file, shared, for reads and writes.
  virtual std::expected<std::byte*, int> map(int fd, std::uint64_t size, std::uint64_t offset) = 0;
  /// Whether [first, first + size) is a shared mapping of file `fd` from `offset` on, for writes too where asked, and
  /// the file is one of memory (memfd, tmpfs, hugetlbfs) with no page of it beyond its end: what the kernel can pin
  /// through a descriptor with the same result.
  virtual bool maps_file(const std::byte* first, std::uint64_t size, bool writable, int fd, std::uint64_t offset) = 0;
  /// Zeroed memory of the process at a multiple of 2 MiB; `size` is one too. `huge`: from the pool of huge pages
  /// (ENOMEM when that is empty).
  virtual std::expected<std::byte*, int> allocate(std::uint64_t size, bool huge) = 0;
  /// Gives back what map or allocate gave.
  virtual void unmap(std::byte* first, std::uint64_t size) noexcept = 0;
  /// A new eventfd that never blocks.
  virtual int eventfd() = 0;
  /// Reads an eventfd's counter to 0; -EAGAIN if it was 0.
  virtual int drain(int eventfd) = 0;
  virtual int poll(std::span<pollfd> fds, std::chrono::nanoseconds limit) = 0;
  virtual std::expected<std::string, int> read_file(const std::string& path) = 0;
  virtual std::expected<std::string, int> read_link(const std::string& path) = 0;
  /// Names in a folder, sorted.
  virtual std::expected<std::vector<std::string>, int> list(const std::string& path) = 0;
  /// RLIMIT_MEMLOCK in bytes, all ones: no limit.
  virtual std::uint64_t locked_memory_limit() = 0;

  /// ioctl with a structure.
  template <typename Structure>
  int call(int fd, unsigned long request, Structure& argument) {
    return ioctl(fd, request, reinterpret_cast<std::uintptr_t>(&argument));
  }
};

/// Linux itself.
Kernel& linux_kernel();

/// An open file.
class File {
 public:
  File() = default;
  File(Kernel& kernel, int fd) : kernel_(&kernel), fd_(fd) {}
  ~File() { reset(); }
  File(File&& other) noexcept : kernel_(other.kernel_), fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    if (this != &other) {
      reset();
      kernel_ = other.kernel_;
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int fd() const { return fd_; }
  void reset() noexcept {
    if (fd_ >= 0) kernel_->close(std::exchange(fd_, -1));
  }

 private:
  Kernel* kernel_{};
  int fd_{-1};
};

}  // namespace aperture::vfio
