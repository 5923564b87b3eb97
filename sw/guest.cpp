// SPDX-License-Identifier: Apache-2.0
#include "guest.hpp"

#include <fmt/core.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "session.hpp"

namespace aperture::sw {

namespace {

constexpr std::uint64_t kLowSize = GuestMemory::kLow.extent() + 1;
constexpr std::uint64_t kSize = kLowSize + GuestMemory::kHigh.extent() + 1;

}  // namespace

GuestMemory::GuestMemory() {
  void* memory = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw Failure(Exit::kEnvironment,
                  fmt::format("no address space for 8 GiB of guest memory: {}", std::strerror(errno)));
  }
  base_ = static_cast<std::byte*>(memory);
}

GuestMemory::~GuestMemory() { munmap(base_, kSize); }

std::span<std::byte> GuestMemory::at(GuestPhysical address, std::uint64_t length) const {
  for (const auto& [range, offset] : {std::pair{kLow, std::uint64_t{0}}, std::pair{kHigh, kLowSize}}) {
    if (length > 0 && range.contains(address) && length - 1 <= range.last - address) {
      return {base_ + offset + (address - range.first), length};
    }
  }
  throw std::out_of_range("no guest memory there");
}

std::uint64_t load_file(const GuestMemory& memory, GuestPhysical address, const std::filesystem::path& file) {
  std::error_code error;
  const std::uint64_t length = std::filesystem::file_size(file, error);
  if (error) {
    throw Failure(Exit::kEnvironment, fmt::format("{}: {}", file.string(), error.message()));
  }
  constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
  if (length == 0 || length > kMost) {
    throw Failure(Exit::kEnvironment, fmt::format("{}: {} bytes; 1 to {} can be copied", file.string(), length, kMost));
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(reinterpret_cast<char*>(memory.at(address, length).data()), static_cast<std::streamsize>(length))) {
    throw Failure(Exit::kEnvironment, fmt::format("{}: cannot be read", file.string()));
  }
  return length;
}

}  // namespace aperture::sw
