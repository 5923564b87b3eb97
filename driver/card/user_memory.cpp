// SPDX-License-Identifier: Apache-2.0
#include "card/user_memory.hpp"

#include <sys/mman.h>

#include <vector>

#include "base/types.hpp"

namespace aperture::card {

bool accessible(std::byte* first, std::size_t size, bool writable) {
  static const bool kPopulates = [] {
    void* page = ::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool ok = page != MAP_FAILED && ::madvise(page, kPageSize, MADV_POPULATE_WRITE) == 0;
    if (page != MAP_FAILED) ::munmap(page, kPageSize);
    return ok;
  }();
  if (kPopulates) return ::madvise(first, size, writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) == 0;
  std::vector<unsigned char> resident(size / kPageSize);
  return ::mincore(first, size, resident.data()) == 0;
}

}  // namespace aperture::card
