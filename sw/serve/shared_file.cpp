// SPDX-License-Identifier: Apache-2.0
#include "serve/shared_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "base/compare_exchange.hpp"

namespace aperture::sw::serve {
namespace {

bool may_not_shrink(int fd) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

std::unexpected<Error> failed(const char* what) {
  const int number = errno;
  return fail(Code::kInvalid, number, std::string(what) + ": " + std::strerror(number));
}

}  // namespace

Result<std::shared_ptr<SharedFile>> SharedFile::open(FileDescriptor file) {
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return failed("the file to map cannot be looked at");
  if (!S_ISREG(found.st_mode)) return fail(Code::kInvalid, EINVAL, "the descriptor to map is not a file's");
  const int flags = ::fcntl(file.get(), F_GETFL);
  const int mode = flags & O_ACCMODE;
  // A descriptor of O_PATH, for one, reaches no bytes.
  if (flags < 0 || (flags & O_PATH) != 0) return fail(Code::kInvalid, EACCES, "the file to map is not open for access");
  std::shared_ptr<SharedFile> shared(new SharedFile);
  shared->size_ = static_cast<std::uint64_t>(found.st_size);
  shared->readable_ = mode == O_RDONLY || mode == O_RDWR;
  shared->writable_ = mode == O_WRONLY || mode == O_RDWR;
  if (shared->readable_ && shared->size_ != 0 && may_not_shrink(file.get())) {
    const int protection = PROT_READ | (shared->writable_ ? PROT_WRITE : 0);
    void* bytes = ::mmap(nullptr, shared->size_, protection, MAP_SHARED, file.get(), 0);
    if (bytes == MAP_FAILED) return failed("the file cannot be mapped");
    shared->bytes_ = static_cast<std::byte*>(bytes);
  } else {
    shared->file_ = std::move(file);
  }
  return shared;
}

SharedFile::~SharedFile() {
  if (bytes_ != nullptr) ::munmap(bytes_, size_);
}

bool SharedFile::read(std::uint64_t offset, std::span<std::byte> to) const {
  if (bytes_ != nullptr) {
    std::memcpy(to.data(), bytes_ + offset, to.size());
    return true;
  }
  return ::pread(file_.get(), to.data(), to.size(), static_cast<off_t>(offset)) == static_cast<ssize_t>(to.size());
}

bool SharedFile::write(std::uint64_t offset, std::span<const std::byte> from) const {
  if (bytes_ != nullptr) {
    std::memcpy(bytes_ + offset, from.data(), from.size());
    return true;
  }
  return ::pwrite(file_.get(), from.data(), from.size(), static_cast<off_t>(offset)) ==
         static_cast<ssize_t>(from.size());
}

std::optional<bool> SharedFile::exchange(std::uint64_t offset, std::span<const std::byte> expected,
                                         std::span<const std::byte> desired) const {
  if (bytes_ != nullptr && offset % expected.size() == 0) return compare_exchange(bytes_ + offset, expected, desired);
  std::array<std::byte, 8> found{};
  const std::span<std::byte> now = std::span(found).first(expected.size());
  if (!read(offset, now)) return std::nullopt;
  if (!std::ranges::equal(now, expected)) return false;
  return write(offset, desired) ? std::optional(true) : std::nullopt;
}

Result<std::shared_ptr<SharedFile>> SharedFiles::open(FileDescriptor file, std::uint64_t size) {
  if (files_.size() >= sweep_at_) {
    std::erase_if(files_, [](const auto& item) { return item.second.expired(); });
    sweep_at_ = 2 * files_.size() + 16;
  }
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return failed("the file to map cannot be looked at");
  const Key key{found.st_dev, found.st_ino, ::fcntl(file.get(), F_GETFL) & (O_ACCMODE | O_PATH)};
  if (auto known = files_[key].lock(); known && known->size() >= size) return known;
  auto opened = SharedFile::open(std::move(file));
  if (!opened) return opened;
  if ((*opened)->size() < size) return fail(Code::kInvalid, EINVAL, "the map reaches beyond the end of its file");
  files_[key] = *opened;
  return opened;
}

}  // namespace aperture::sw::serve
