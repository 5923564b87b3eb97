// SPDX-License-Identifier: Apache-2.0
#include "vfio/mapped_file.hpp"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <cinttypes>
#include <cstdio>
#include <sstream>

namespace aperture::vfio {

bool maps_file(const std::string& maps, const std::byte* first, std::uint64_t size, bool writable, int fd,
               std::uint64_t offset) {
  struct stat file {};
  struct statfs system {};
  if (::fstat(fd, &file) != 0 || ::fstatfs(fd, &system) != 0) return false;
  if (system.f_type != TMPFS_MAGIC && static_cast<std::uint64_t>(system.f_type) != HUGETLBFS_MAGIC) return false;
  const auto end_of_file = static_cast<std::uint64_t>(file.st_size);
  if (offset > end_of_file || size > end_of_file - offset) return false;

  // One line for each area of the process, ascending; what we look for may be in several.
  std::uint64_t at = reinterpret_cast<std::uintptr_t>(first);
  const std::uint64_t end = at + size;
  std::istringstream lines(maps);
  for (std::string line; at < end && std::getline(lines, line);) {
    std::uint64_t low{};
    std::uint64_t high{};
    char access[5]{};
    std::uint64_t begins{};
    unsigned major{};
    unsigned minor{};
    std::uint64_t inode{};
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64, &low, &high, access,
                    &begins, &major, &minor, &inode) != 7)
      return false;
    if (high <= at) continue;
    const bool same = low <= at && access[0] == 'r' && (access[1] == 'w' || !writable) && access[3] == 's' &&
                      makedev(major, minor) == file.st_dev && inode == file.st_ino &&
                      begins + (at - low) == offset + (at - (end - size));
    if (!same) return false;
    at = high;
  }
  return at >= end;
}

}  // namespace aperture::vfio
