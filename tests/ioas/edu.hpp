// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "host/machine.hpp"
#include "ioas/prot.hpp"
#include "vfio/kernel.hpp"

namespace aperture::ioas::test {

/// A kernel, and which memory of this process was ever mapped for DMA.
class WatchedKernel final : public vfio::Kernel {
 public:
  explicit WatchedKernel(vfio::Kernel& kernel) : kernel_(kernel) {}
  /// Inverts every byte of that memory, as far as it is still there.
  void invert() const;
  /// Its pages, each with what it holds; none for one that is gone.
  std::vector<std::vector<std::byte>> snapshot() const;

  int open(const std::string& path, int flags) override { return kernel_.open(path, flags); }
  void close(int fd) noexcept override { kernel_.close(fd); }
  int ioctl(int fd, unsigned long request, std::uintptr_t argument) override;
  std::int64_t pread(int fd, std::span<std::byte> to, std::uint64_t offset) override {
    return kernel_.pread(fd, to, offset);
  }
  std::int64_t pwrite(int fd, std::span<const std::byte> from, std::uint64_t offset) override {
    return kernel_.pwrite(fd, from, offset);
  }
  std::expected<std::byte*, int> map(int fd, std::uint64_t size, std::uint64_t offset) override {
    return kernel_.map(fd, size, offset);
  }
  bool maps_file(const std::byte* first, std::uint64_t size, bool writable, int fd, std::uint64_t offset) override;
  std::expected<std::byte*, int> allocate(std::uint64_t size, bool huge) override {
    return kernel_.allocate(size, huge);
  }
  void unmap(std::byte* first, std::uint64_t size) noexcept override { kernel_.unmap(first, size); }
  int eventfd() override { return kernel_.eventfd(); }
  int drain(int eventfd) override { return kernel_.drain(eventfd); }
  int poll(std::span<pollfd> fds, std::chrono::nanoseconds limit) override { return kernel_.poll(fds, limit); }
  std::expected<std::string, int> read_file(const std::string& path) override { return kernel_.read_file(path); }
  std::expected<std::string, int> read_link(const std::string& path) override { return kernel_.read_link(path); }
  std::expected<std::vector<std::string>, int> list(const std::string& path) override { return kernel_.list(path); }
  std::uint64_t locked_memory_limit() override { return kernel_.locked_memory_limit(); }

  /// Maps of this memory are a test's own tool.
  void ignore(const std::byte* memory) { ignored_.insert(reinterpret_cast<std::uintptr_t>(memory)); }

 private:
  vfio::Kernel& kernel_;
  void watch(std::uintptr_t memory, std::size_t length);
  std::set<std::uintptr_t> ignored_;
  std::set<std::uintptr_t> pages_;
};

/// QEMU's edu device, whose DMA moves up to 4 KiB between memory and a buffer that only its DMA reaches. It does not
/// say whether an access was refused: a refused read leaves something in the buffer, a refused write is dropped. So
/// each access is made twice, with other data, and what differs tells the truth:
///  - a read, once as memory is and once with all memory that was ever mapped inverted: it was served if and only if
///    what arrived is inverted too;
///  - a write, with the inverted data first: it was served if and only if memory then changes with the second.
/// The buffer is seen and filled through a page of the test's own, mapped for that moment in whichever address space
/// the device uses, and never without a check that this way works.
class Edu {
 public:
  /// Throws std::runtime_error: not an edu device; its dma_mask property is too narrow.
  Edu(WatchedKernel& kernel, host::Device& device);
  ~Edu();
  Edu(const Edu&) = delete;
  Edu& operator=(const Edu&) = delete;

  /// At most 4 KiB; false: refused. Throws std::runtime_error if the device does not work at all.
  bool read(Iova from, std::span<std::byte> to);
  bool write(Iova to, std::span<const std::byte> from);

 private:
  void move(Iova iova, std::uint64_t length, bool to_memory);
  template <typename Action>
  void with_scratch(Action&& action);
  std::vector<std::byte> unload(std::uint64_t length);
  void load(std::span<const std::byte> bytes);

  WatchedKernel& kernel_;
  host::Device& device_;
  vfio::Region registers_;
  std::byte* scratch_;
  std::unique_ptr<vfio::KernelIoas> detached_;  ///< with the scratch page, for a device that has no address space
};

}  // namespace aperture::ioas::test
