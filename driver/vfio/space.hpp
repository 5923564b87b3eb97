// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
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

/// /dev/iommu, opened once for all address spaces and devices that are to share pages.
class Iommufd {
 public:
  Iommufd(Kernel& kernel, File file) : kernel_(kernel), file_(std::move(file)) {}
  Kernel& kernel() const { return kernel_; }
  int fd() const { return file_.fd(); }

 private:
  Kernel& kernel_;
  File file_;
};

/// An IOAS of iommufd's.
class KernelIoas final : public Space {
 public:
  static Result<std::unique_ptr<KernelIoas>> create(std::shared_ptr<Iommufd> iommufd);
  ~KernelIoas() override;
  KernelIoas(const KernelIoas&) = delete;
  KernelIoas& operator=(const KernelIoas&) = delete;

  std::uint32_t id() const { return id_; }
  /// Everything, before the first device is attached.
  Result<Ranges> ranges() const override;
  Result<> map(const std::byte* memory, std::uint64_t length, Iova iova, ioas::Prot prot) override;
  /// As map, where the kernel likes.
  Result<Iova> map(const std::byte* memory, std::uint64_t length, ioas::Prot prot);
  /// Maps what `from` has at [source, source + length) here too: the pages are pinned once for both. Errors as map.
  Result<> copy(const KernelIoas& from, Iova source, std::uint64_t length, Iova iova, ioas::Prot prot);
  Result<> unmap(Iova iova, std::uint64_t length) noexcept override;

 private:
  KernelIoas(std::shared_ptr<Iommufd> iommufd, std::uint32_t id) : iommufd_(std::move(iommufd)), id_(id) {}
  Result<Iova> map(const std::byte* memory, std::uint64_t length, std::uint32_t flags, Iova iova);

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
