// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "base/error.hpp"
#include "ioas/pages.hpp"

namespace aperture::sw::run {

enum class Backing : std::uint8_t { kAnon, kHugetlb, kFile };

/// Memory of a scenario, as its user has it, with an inaccessible guard behind it.
class Memory {
 public:
  static constexpr std::uint64_t kHuge = std::uint64_t{2} << 20;
  /// What fill() writes at most, and read() gives. A memory may be larger, as memory that nobody touches is none.
  static constexpr std::uint64_t kMostFilled = std::uint64_t{1} << 30;
  static constexpr std::uint64_t kMostRead = std::uint64_t{16} << 20;

  struct Options {
    std::uint64_t size{};
    std::uint64_t align{kHuge};  ///< address: a multiple of it; below 2 MiB: ≡ it modulo 2 MiB
    Backing backing{Backing::kAnon};
  };

  /// EINVAL: no size; ENOMEM: no room for it. Huge pages come from the kernel's pool where it has some, else they are
  /// left to its transparent ones: backing() says which.
  static Result<std::unique_ptr<Memory>> make(const Options& options);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  std::uint64_t size() const { return size_; }
  Backing backing() const { return backing_; }
  bool readonly() const { return readonly_; }

  /// The bytes repeated over all of it. E2BIG.
  Result<> fill(std::span<const std::byte> pattern);
  /// The file's bytes from the beginning on, as many as there is room for. Fails with the errno of the file; EINVAL: it
  /// is no regular one; E2BIG.
  Result<> fill(const std::filesystem::path& file);
  /// From now on nobody writes.
  void protect();
  /// EFAULT: beyond the end, or read-only; read() E2BIG.
  Result<> write(std::uint64_t offset, std::span<const std::byte> data);
  Result<std::span<const std::byte>> read(std::uint64_t offset, std::uint64_t length) const;

  /// What a map call is given for the byte at `offset`. Beyond the end it points into the guard, at the same place in 2
  /// MiB; where an address would wrap, at the last byte of all.
  std::byte* at(std::uint64_t offset) const;
  /// Where [offset, ...) lies in the file; none: there is no file.
  std::optional<ioas::FileSpan> file(std::uint64_t offset) const;
  /// Whether whole pages from `first` on are its own, for writes too.
  bool holds(const std::byte* first, std::uint64_t size, bool writable) const;

  /// Whether the pages are of a map of this memory, which may reach beyond its end.
  bool owns(const ioas::Pages& pages) const;
  /// All of it. EINVAL unless it begins on a 4 KiB boundary.
  Result<std::span<std::byte>> pages() const;

 private:
  Memory() = default;
  Result<> place(const Options& options);

  std::byte* base_{};  ///< of the user's bytes
  std::uint64_t size_{};
  std::uint64_t room_{};  ///< accessible, from base_ on
  std::byte* reserved_{};
  std::uint64_t reserved_size_{};
  Backing backing_{};
  bool readonly_{};
  std::shared_ptr<const FileDescriptor> file_;
};

}  // namespace aperture::sw::run
