// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"
#include "ioas/prot.hpp"
#include "vfio/diagnosis.hpp"
#include "vfio/kernel.hpp"

namespace aperture::vfio {

/// What an I/O address space of the kernel's can map.
struct Ranges {
  std::vector<IovaRange> ranges;  ///< ascending
  std::uint64_t page_sizes{};     ///< bit n: 2^n bytes; the lowest is the granule. The higher ones may be unknown
};

/// An I/O address space of the kernel's: what a device that uses it can reach.
class Space {
 public:
  virtual ~Space() = default;
  virtual Result<Ranges> ranges() const = 0;
  /// Pins and maps memory of this process at `iova`. EINVAL, EEXIST, EFAULT, ENOMEM (memory, or the locked-memory
  /// limit), ENOSPC (too many maps).
  virtual Result<> map(const std::byte* memory, std::uint64_t length, Iova iova, ioas::Prot prot) = 0;
  /// Unmaps whole maps. On return no access is in flight and the memory is unpinned, unless mapped elsewhere.
  virtual Result<> unmap(Iova iova, std::uint64_t length) noexcept = 0;
};

/// /dev/iommu, opened once for all address spaces and devices that are to share pages. Thread-safe.
class Iommufd {
 public:
  Iommufd(Kernel& kernel, File file) : kernel_(kernel), file_(std::move(file)) {}
  Kernel& kernel() const { return kernel_; }
  int fd() const { return file_.fd(); }

  /// What the kernel turned out to lack and what is done instead: a sentence each (diagnosis.hpp).
  std::vector<std::string> fallbacks() const;
  void fall_back(std::string sentence);
  /// Whether map_file has not been found missing yet.
  bool maps_files() const;
  void lack_map_file();

 private:
  Kernel& kernel_;
  File file_;
  mutable std::mutex mutex_;
  bool maps_files_{true};
  std::vector<std::string> fallbacks_;
};

/// An IOAS of iommufd's.
class KernelIoas final : public Space {
 public:
  static Result<std::unique_ptr<KernelIoas>> create(std::shared_ptr<Iommufd> iommufd);
  ~KernelIoas() override;
  KernelIoas(const KernelIoas&) = delete;
  KernelIoas& operator=(const KernelIoas&) = delete;

  std::uint32_t id() const { return id_; }
  /// Everything, before the first device is attached or the first page table is made.
  Result<Ranges> ranges() const override;
  Result<> map(const std::byte* memory, std::uint64_t length, Iova iova, ioas::Prot prot) override;
  /// As map, where the kernel likes.
  Result<Iova> map(const std::byte* memory, std::uint64_t length, ioas::Prot prot);
  /// As map, the pages of file `fd` from `start` on, which the kernel holds open by itself. EBADF; ENOTTY: the kernel
  /// has no such call (before Linux 6.13), which Iommufd remembers. What the kernel cannot pin through a descriptor
  /// (Kernel::maps_file) is EINVAL, here or in the first copy.
  Result<Iova> map_file(int fd, std::uint64_t start, std::uint64_t length, ioas::Prot prot);
  /// From now on the kernel refuses (EADDRINUSE) every device, and every page table, that lacks part of `ranges`
  /// (ascending, disjoint, of two bytes or more); replaces those of before. EADDRINUSE: part of them is lacking now.
  /// Maps elsewhere are unaffected.
  Result<> allow(std::span<const IovaRange> ranges);
  /// Whether the page tables may have leaves beyond 4 KiB. EINVAL: forbidden while a page table has maps.
  Result<> set_huge_pages(bool allowed);
  /// Maps what `from` has at [source, source + length) here too: the pages are pinned once for both. Errors as map.
  Result<> copy(const KernelIoas& from, Iova source, std::uint64_t length, Iova iova, ioas::Prot prot);
  Result<> unmap(Iova iova, std::uint64_t length) noexcept override;

 private:
  KernelIoas(std::shared_ptr<Iommufd> iommufd, std::uint32_t id) : iommufd_(std::move(iommufd)), id_(id) {}
  Result<Iova> map(const std::byte* memory, std::uint64_t length, std::uint32_t flags, Iova iova);

  std::shared_ptr<Iommufd> iommufd_;
  std::uint32_t id_;
};

/// A page table of the kernel's for one function, and for others that the kernel lets use it too: filled with all that
/// the IOAS maps, from the start and before anything uses it. Goes before the IOAS, and no function is attached then.
class PageTable {
 public:
  /// For the function that iommufd knows by that number. EOPNOTSUPP or ENOTTY: the kernel's driver, or the kernel,
  /// makes none; EADDRINUSE: a map or an allowed range lies beyond it; ENOMEM, EFAULT.
  static Result<std::unique_ptr<PageTable>> create(std::shared_ptr<Iommufd> iommufd, std::uint32_t function,
                                                   const KernelIoas& ioas);
  ~PageTable();
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;
  std::uint32_t id() const { return id_; }

 private:
  PageTable(std::shared_ptr<Iommufd> iommufd, std::uint32_t id) : iommufd_(std::move(iommufd)), id_(id) {}
  std::shared_ptr<Iommufd> iommufd_;
  std::uint32_t id_;
};

/// A container of type1 with one group in it: the one address space of the group's devices.
class Container final : public Space {
 public:
  /// Opens group and container and puts one into the other. Fails as diagnosis.hpp says.
  static Result<std::shared_ptr<Container>> open(Kernel& kernel, const Location& location);
  Result<File> device(const Location& location);
  Result<Ranges> ranges() const override;
  Result<> map(const std::byte* memory, std::uint64_t length, Iova iova, ioas::Prot prot) override;
  Result<> unmap(Iova iova, std::uint64_t length) noexcept override;

 private:
  Container(Kernel& kernel, File container, File group)
      : kernel_(kernel), container_(std::move(container)), group_(std::move(group)) {}

  Kernel& kernel_;
  File container_;
  File group_;
};

}  // namespace aperture::vfio
